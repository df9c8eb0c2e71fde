"""Settings: read from files and environment, and a wrong one named exactly."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from outreach.domain.errors import ConfigurationError
from outreach.settings import Settings, load, on_loopback, read
from outreach.settings.carriers import aligned
from outreach.settings.rules import broken

OUTREACH = """\
# a comment
environment = "sandbox"
http_port = 8300
"""
CARRIERS = """\
[carriers.twilio]
kind = "twilio"
account_sid = "AC1"
messaging_service_sid = "MG1"
base_url = "http://127.0.0.1:8310"

[carriers.smtp]
kind = "smtp"
host = "127.0.0.1"
port = 8311
security = "none"
from_address = "notice@outreach.test"
reply_to = "reply@outreach.test"
bounce_domain = "bounce.outreach.test"

[carriers.post]
kind = "mailhouse"
sandbox = true
outbox = "post/out"
inbox = "post/in"
sender_code = "X"

[routes.sms]
channel = "sms"
carriers = { twilio = 1 }
"""
IMAP = """\
[carriers.smtp.imap]
host = "mail.bank.test"
security = "none"
username = "outreach"

"""
CREDITOR = """\
name = "示例银行"
jurisdiction = "cn-mainland"
signature = "示例银行"
hotline = "400-000-0000"
complaint_line = "400-000-0001"
app = "示例银行App"
address = "示例市示例路1号"
department = "信用卡中心"
currency = "CNY"
fictional = true

[payee]
name = "示例银行"
bank = "示例银行"
account = "0000"
"""

Write = Callable[..., Path]


@pytest.fixture
def config(tmp_path: Path) -> Write:
    """Write a config folder; a keyword replaces a file's text."""

    def write(outreach: str = OUTREACH, carriers: str = CARRIERS, creditor: str = CREDITOR) -> Path:
        folder = tmp_path / "config"
        (folder / "creditors").mkdir(parents=True, exist_ok=True)
        (folder / "outreach.toml").write_text(outreach)
        (folder / "carriers.toml").write_text(carriers)
        (folder / "creditors/example-bank.toml").write_text(creditor)
        return folder

    return write


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"OUTREACH_DATA_DIR": str(tmp_path / "data")}


def test_files_are_read(config: Write, env: dict[str, str], tmp_path: Path) -> None:
    settings = read(env, config())
    assert [carrier.name for carrier in settings.carriers] == ["twilio", "smtp", "post"]
    assert [(route.name, route.carriers) for route in settings.routes] == [("sms", {"twilio": 1})]
    assert settings.creditors[0].id == "example-bank"
    assert settings.templates_dir == tmp_path / "templates"
    assert not any(carrier.real for carrier in settings.carriers)


def test_what_ships_holds(env: dict[str, str]) -> None:
    settings = load(env, Path(__file__).parents[2] / "config")
    assert settings.sandboxed
    assert [route.name for route in settings.routes] == [
        "sms",
        "sms-abroad",
        "email",
        "letters",
    ]


def test_a_mail_house_s_folders_hang_on_the_data_folder(
    config: Write, env: dict[str, str], tmp_path: Path
) -> None:
    house = read(env, config()).carriers[2]
    assert house.kind == "mailhouse"
    assert (house.outbox, house.inbox) == (tmp_path / "data/post/out", tmp_path / "data/post/in")


def test_the_environment_wins(config: Write, env: dict[str, str]) -> None:
    env |= {"OUTREACH_HTTP_PORT": "9000", "OUTREACH_ALLOW_RECIPIENTS": "a b"}
    settings = read(env, config())
    assert settings.http_port == 9000
    assert settings.allow_recipients == ("a", "b")


def test_a_wrong_line_is_told_though_a_variable_hides_it(
    config: Write, env: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match=r"outreach.toml line 1, http_port: expected"):
        read(env | {"OUTREACH_HTTP_PORT": "9000"}, config('http_port = "x"\n'))


def test_a_missing_file_is_named(config: Write, env: dict[str, str]) -> None:
    folder = config()
    (folder / "carriers.toml").unlink()
    with pytest.raises(ConfigurationError, match=r"carriers.toml cannot be read"):
        read(env, folder)


def test_only_the_environment_handed_in_counts(
    config: Write, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTREACH_HTTP_PORT", "9000")
    assert read(env, config()).http_port == 8300
    assert Settings().http_port == 8300


def test_an_empty_variable_counts_as_unset(config: Write, env: dict[str, str]) -> None:
    assert read(env | {"OUTREACH_DATABASE_URL": ""}, config()).database_url is None


def test_a_sandbox_makes_its_keys_once(config: Write, env: dict[str, str], tmp_path: Path) -> None:
    first, second = load(env, config()), load(env, config())
    assert first.master_keys
    assert first.master_keys == second.master_keys
    assert first.lookup_key == second.lookup_key
    assert set(first.carrier_secrets) == {"OUTREACH_TWILIO_TOKEN", "OUTREACH_MAILHOUSE_SALT"}
    assert first.carrier_secrets == second.carrier_secrets
    assert (tmp_path / "data/keys.env").stat().st_mode & 0o777 == 0o600


def test_reading_alone_writes_nothing(config: Write, env: dict[str, str], tmp_path: Path) -> None:
    read(env, config())
    assert not (tmp_path / "data").exists()


def test_given_keys_are_used_and_none_are_made(
    config: Write, env: dict[str, str], tmp_path: Path
) -> None:
    env |= {"OUTREACH_MASTER_KEYS": "1:abc", "OUTREACH_LOOKUP_KEY": "def"}
    env |= {"OUTREACH_LOG_KEYS": "1:ghi"}
    env |= {"OUTREACH_TWILIO_TOKEN": "t", "OUTREACH_MAILHOUSE_SALT": "s"}
    settings = load(env, config())
    assert settings.master_keys == SecretStr("1:abc")
    assert not (tmp_path / "data").exists()


def test_a_later_carrier_s_secret_is_added_beside_the_keys(
    config: Write, env: dict[str, str]
) -> None:
    before = load(env, config(carriers=CARRIERS.partition("[carriers.post]")[0]))
    after = load(env, config())
    assert after.master_keys == before.master_keys
    assert "OUTREACH_MAILHOUSE_SALT" in after.carrier_secrets


def test_secrets_do_not_show(config: Write, env: dict[str, str]) -> None:
    env |= {"OUTREACH_DATABASE_URL": "postgresql://u:hushhush@h/d", "OUTREACH_TWILIO_TOKEN": "shh"}
    shown = repr(load(env, config()))
    assert "hushhush" not in shown
    assert "shh" not in shown


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"outreach": "http_port = \n"}, r"outreach.toml is not valid TOML: .*line 1"),
        (
            {"outreach": OUTREACH + "http_prot = 1\n"},
            r"line 4, http_prot: unknown key\n.*http_port\?",
        ),
        ({"outreach": 'http_port = "x"\n'}, r"line 1, http_port: expected a valid integer"),
        ({"outreach": "HTTP_PORT = 8300\n"}, r"line 1, HTTP_PORT: unknown key"),
        ({"outreach": "\nhttp_port = 0\n"}, r"line 2, http_port: expected greater than"),
        (
            {"outreach": 'environment = "test"\n'},
            r"environment: expected 'sandbox' or 'production'",
        ),
        ({"outreach": "carriers = []\n"}, r"line 1, carriers: this has a file of its own"),
        ({"outreach": 'lookup_key = "hush"\n'}, r"line 1, lookup_key: a secret has no place"),
        ({"carriers": CARRIERS.replace("8311", '"x"')}, r"line 10, carriers.smtp.port: expected"),
        (
            {"carriers": CARRIERS.replace("port = 8311\n", "")},
            r"line 7, carriers.smtp.port: missing",
        ),
        ({"carriers": CARRIERS.replace('"smtp"', '"fax"')}, r"line 8, carriers.smtp.kind: unknown"),
        ({"carriers": CARRIERS + "[carrier.x]\n"}, r"carrier: unknown table\n.*carriers\?"),
        ({"carriers": "[[carriers]]\n"}, r"write \[carriers.NAME\]"),
        (
            {"carriers": CARRIERS.replace("reply_to", 'password = "hush"\nreply_to')},
            r"line 13, carriers.smtp.password: a secret has no place",
        ),
        (
            {"carriers": CARRIERS.replace("reply_to", 'password_env = "hush!"\nreply_to')},
            r"line 13, carriers.smtp.password_env: String should match",
        ),
        (
            {"carriers": CARRIERS.replace("bounce.outreach.test", "bounce.elsewhere.test")},
            "carriers.smtp: bounce_domain bounce.elsewhere.test is not of the same organization",
        ),
        (
            {"carriers": CARRIERS.replace("[carriers.post]", IMAP + "[carriers.post]")},
            r'carriers.smtp.imap: security = "none" is allowed on loopback only',
        ),
        ({"creditor": CREDITOR.replace("CNY", "USD")}, r"example-bank.toml line 9, currency: exp"),
        ({"creditor": CREDITOR.replace('account = "0000"\n', "")}, r"line 12, payee.account: miss"),
        (
            {"creditor": CREDITOR + 'acount = "1"\n'},
            r"line 16, payee.acount: unknown.*\n.*account\?",
        ),
        ({"creditor": 'id = "other"\n' + CREDITOR}, r"line 1, id: differs from the file's name"),
    ],
)
def test_a_wrong_file_says_where_and_what(
    config: Write, env: dict[str, str], files: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        load(env, config(**files))
    assert caught.value.remedy
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"OUTREACH_DATABSE_URL": "hush"}, r"OUTREACH_DATABSE_URL is unknown\n.*DATABASE_URL\?"),
        ({"OUTREACH_HTTP_PORT": "hush"}, r"OUTREACH_HTTP_PORT: expected a valid integer"),
        ({"OUTREACH_DATABASE_URL": "mysql://hush"}, r"does not begin with postgresql://"),
        ({"OUTREACH_REDIS_URL": "http://hush"}, r"does not begin with redis://"),
        ({"OUTREACH_DATA_DIR": "/proc/no"}, r"keys cannot be kept in /proc/no"),
    ],
)
def test_a_wrong_variable_is_named_and_not_repeated(
    config: Write, env: dict[str, str], variables: dict[str, str], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        load(env | variables, config())
    assert caught.value.remedy
    assert "hush" not in str(caught.value)


def test_a_file_that_is_not_utf_8_is_named(config: Write, env: dict[str, str]) -> None:
    folder = config()
    (folder / "outreach.toml").write_bytes("# 触达".encode("gb18030"))
    with pytest.raises(ConfigurationError, match=r"outreach.toml is not UTF-8: byte 2"):
        load(env, folder)


def test_a_data_folder_is_made_where_it_is_missing(
    config: Write, env: dict[str, str], tmp_path: Path
) -> None:
    settings = read(env | {"OUTREACH_DATA_DIR": str(tmp_path / "deep/data")}, config())
    assert settings.open_data_dir().is_dir()
    assert settings.open_data_dir() == tmp_path / "deep/data"


def test_a_data_folder_that_cannot_be_made_is_named(config: Write) -> None:
    settings = read({"OUTREACH_DATA_DIR": "/proc/no"}, config())
    with pytest.raises(ConfigurationError, match="data folder /proc/no cannot be made"):
        settings.open_data_dir()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no folder"):
        load({"OUTREACH_CONFIG_DIR": str(tmp_path / "none")})


# --- what must not be combined -------------------------------------------------------------------

REAL = CARRIERS.replace('base_url = "http://127.0.0.1:8310"\n', "")
PRODUCTION = {
    "OUTREACH_ENVIRONMENT": "production",
    "OUTREACH_DATABASE_URL": "postgresql://db/outreach",
    "OUTREACH_REDIS_URL": "redis://redis",
    "OUTREACH_MASTER_KEYS": "1:x",
    "OUTREACH_LOOKUP_KEY": "x",
    "OUTREACH_LOG_KEYS": "1:x",
    "OUTREACH_PUBLIC_URL": "https://outreach.test",
    "OUTREACH_TWILIO_TOKEN": "x",
}


def _broken(folder: Path, variables: dict[str, str]) -> list[str]:
    return [error.message for error in broken(read(variables, folder))]


def _only_twilio(text: str) -> str:
    return text.partition("[carriers.smtp]")[0]


def test_production_takes_none_of_the_sandbox(config: Write) -> None:
    said = _broken(config(), {"OUTREACH_ENVIRONMENT": "production"})
    for part in (
        "creditor example-bank is fictional and environment is production",
        "carrier twilio is a sandbox",
        "carrier post is a sandbox",
        "OUTREACH_DATABASE_URL is not set",
        "OUTREACH_REDIS_URL is not set",
        "OUTREACH_MASTER_KEYS is not set",
        "OUTREACH_LOOKUP_KEY is not set",
        "OUTREACH_LOG_KEYS is not set",
        "public_url is not https",
    ):
        assert any(part in message for message in said), part


def test_production_with_all_it_needs_starts(config: Write) -> None:
    creditor = CREDITOR.replace("fictional = true\n", "")
    assert not _broken(config(carriers=_only_twilio(REAL), creditor=creditor), PRODUCTION)


def test_a_real_carrier_needs_its_secret(config: Write) -> None:
    creditor = CREDITOR.replace("fictional = true\n", "")
    folder = config(carriers=_only_twilio(REAL), creditor=creditor)
    variables = {k: v for k, v in PRODUCTION.items() if k != "OUTREACH_TWILIO_TOKEN"}
    assert _broken(folder, variables) == [
        "carrier twilio needs the environment variable OUTREACH_TWILIO_TOKEN"
    ]


@pytest.mark.parametrize(
    ("variables", "creditor", "says"),
    [
        ({"OUTREACH_CLOCK_OFFSET_SECONDS": "3600"}, "", "clock_offset_seconds is not 0"),
        ({"OUTREACH_ALLOW_RECIPIENTS": ""}, "", "allow_recipients is empty"),
        ({"OUTREACH_ALLOW_RECIPIENTS": "+852"}, "", "no regular expression"),
        ({}, "fictional = true\n", "is fictional and carrier twilio is real"),
    ],
)
def test_a_real_carrier_in_a_sandbox_is_fenced_in(
    config: Write, variables: dict[str, str], creditor: str, says: str
) -> None:
    text = CREDITOR.replace("fictional = true\n", creditor)
    folder = config(carriers=_only_twilio(REAL), creditor=text)
    base = {"OUTREACH_TWILIO_TOKEN": "x", "OUTREACH_ALLOW_RECIPIENTS": r"\+8520000"}
    assert all(says in message for message in _broken(folder, base | variables))
    assert _broken(folder, base | variables)


def test_the_clock_may_be_shifted_among_sandbox_carriers(config: Write) -> None:
    assert not _broken(config(), {"OUTREACH_CLOCK_OFFSET_SECONDS": "3600"})


def test_a_route_leads_to_a_carrier_of_its_channel(config: Write) -> None:
    lost = CARRIERS.replace("twilio = 1", "twilio = 1, nobody = 1")
    assert "nobody, which does not exist" in _broken(config(carriers=lost), {})[0]
    crossed = CARRIERS.replace("twilio = 1", "smtp = 1")
    assert "carries email" in _broken(config(carriers=crossed), {})[0]


def test_a_route_is_for_creditors_that_are_there(config: Write) -> None:
    odd = CARRIERS + 'creditors = ["example-bank", "nobody"]\n'
    [said] = _broken(config(carriers=odd), {})
    assert said == "route sms is for the creditor nobody, which has no configuration"


TRANSFER = CREDITOR.replace("fictional = true\n", "") + (
    '\n[transfer]\nbasis = "标准合同备案 2026-0001"\nsince = 2026-01-01\n'
)
ROUTE = '[routes.sms]\nchannel = "sms"\ncarriers = { twilio = 1 }\n'
FILES = REAL.replace(
    'messaging_service_sid = "MG1"', 'messaging_service_sid = "MG1"\nfiles_templates = true'
)


@pytest.mark.parametrize(
    ("carriers", "creditor", "says"),
    [
        (REAL, CREDITOR.replace("fictional = true\n", ""), "to twilio, on no recorded basis"),
        (REAL, TRANSFER, "where templates are registered first"),
        (FILES, TRANSFER, None),
    ],
    ids=["no basis", "not registered", "both"],
)
def test_a_mainland_debtor_goes_abroad_on_a_basis_and_with_templates_registered(
    config: Write, carriers: str, creditor: str, says: str | None
) -> None:
    folder = config(carriers=_only_twilio(carriers) + ROUTE, creditor=creditor)
    said = _broken(folder, PRODUCTION)
    assert len(said) == (says is not None)
    assert says is None or says in said[0]


@pytest.mark.parametrize(
    "route", ['jurisdictions = ["hk", "tw"]', 'creditors = []\njurisdictions = ["hk"]']
)
def test_a_route_that_is_not_theirs_takes_nobody_abroad(config: Write, route: str) -> None:
    creditor = CREDITOR.replace("fictional = true\n", "")
    folder = config(carriers=f"{_only_twilio(REAL)}{ROUTE}{route}\n", creditor=creditor)
    assert not _broken(folder, PRODUCTION)


def test_letters_have_one_mail_house(config: Write) -> None:
    house = CARRIERS[CARRIERS.index("[carriers.post]") : CARRIERS.index("[routes.sms]")]
    two = CARRIERS + house.replace("[carriers.post]", "[carriers.other]")
    letters = '[routes.letters]\nchannel = "letter"\ncarriers = {{ {} }}\n'
    (said,) = _broken(config(carriers=two + letters.format("post = 1, other = 0")), {})
    assert "names 2 mail houses" in said
    assert not _broken(config(carriers=two + letters.format("post = 0")), {})


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("twilio = 1", "twilio = -1", r"line 25, routes.sms.carriers.twilio: .*or equal to 0"),
        ("twilio = 1", "", r"routes.sms.carriers: .*at least 1 item"),
        ("carriers = { twilio = 1 }", 'carrier = "twilio"', r"routes.sms.carriers: missing"),
        ('kind = "twilio"', 'kind = "twilio"\nrate = 0', r"carriers.twilio.rate: .*0\.01"),
        ('kind = "smtp"', 'kind = "smtp"\nburst = 0', r"carriers.smtp.burst: .*or equal to 1"),
        ('kind = "smtp"', 'kind = "smtp"\nbrust = 9', r"carriers.smtp.brust: unknown key"),
        (
            'kind = "smtp"',
            'kind = "smtp"\nquota_zone = "Mars/Olympus"',
            r"carriers.smtp.quota_zone: expected the name of a time zone",
        ),
    ],
)
def test_a_wrong_pace_or_weight_is_told_with_its_place(
    config: Write, env: dict[str, str], old: str, new: str, says: str
) -> None:
    assert old in CARRIERS
    with pytest.raises(ConfigurationError, match=says):
        read(env, config(carriers=CARRIERS.replace(old, new)))


def test_weights_may_all_be_nought(config: Write) -> None:
    assert not _broken(config(carriers=CARRIERS.replace("twilio = 1", "twilio = 0")), {})


def test_mail_in_clear_stays_on_this_machine(config: Write) -> None:
    away = CARRIERS.replace('host = "127.0.0.1"', 'host = "relay.test"')
    said = _broken(config(carriers=away), {})
    assert any("security is none" in message for message in said)


@given(st.ip_addresses())
def test_loopback_is_what_the_address_says(address: object) -> None:
    assert on_loopback(str(address)) == address.is_loopback  # type: ignore[attr-defined]


@pytest.mark.parametrize("host", ["", "127.0.0.1.evil.test", "localhost.evil.test", "api.test"])
def test_a_name_is_not_this_machine(host: str) -> None:
    assert not on_loopback(host)


def test_settings_can_be_made_without_any_file() -> None:
    assert Settings().embedded


@pytest.mark.parametrize(
    ("bounces", "sender", "fits"),
    [
        ("bank.test", "bank.test", True),
        ("Bounce.bank.test", "bank.TEST", True),
        ("bank.test", "mail.bank.test", True),
        ("bounce.bank.test", "mail.bank.test", True),
        ("bounce.bank.com.cn", "mail.bank.com.cn", True),
        ("bounce.other.com.cn", "mail.bank.com.cn", False),
        ("otherbank.test", "bank.test", False),
        ("bank.test", "bank.example", False),
        ("test", "localhost", False),
    ],
)
def test_whether_two_domains_are_of_one_organization(bounces: str, sender: str, fits: bool) -> None:
    assert aligned(bounces, sender) is aligned(sender, bounces) is fits


def test_secrets_that_a_carrier_of_mail_wants(env: dict[str, str], config: Write) -> None:
    more = 'username = "x"\ndkim_selector = "s1"\nreply_to'
    imap = IMAP.replace("mail.bank.test", "127.0.0.1")
    carriers = CARRIERS.replace("reply_to", more).replace(
        "[carriers.post]", imap + "[carriers.post]"
    )
    settings = read(env, config(carriers=carriers))
    assert settings.carriers[1].secret_names == (
        "OUTREACH_SMTP_PASSWORD",
        "OUTREACH_DKIM_KEY",
        "OUTREACH_IMAP_PASSWORD",
    )
