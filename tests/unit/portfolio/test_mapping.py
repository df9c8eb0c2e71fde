"""Headers: default names, an institution's own, and headers that do not fit."""

from collections import Counter
from pathlib import Path

import pytest

from outreach.domain.errors import InvalidInput
from outreach.portfolio.mapping import ACCOUNTS, PAYMENTS, Mapping, load_mapping

STANDARD = [f.headers[0] for f in ACCOUNTS.fields]


@pytest.mark.parametrize("mapping", [ACCOUNTS, PAYMENTS])
def test_every_default_header_means_one_field(mapping: Mapping) -> None:
    names = Counter(header for f in mapping.fields for header in f.headers)
    assert max(names.values()) == 1


def test_headers_are_found_whatever_their_order_width_and_blanks() -> None:
    header = [f" {h[:1]} {h[1:]} " for h in reversed(STANDARD)]
    columns = ACCOUNTS.bind(header, "t.csv")
    assert columns.index == {f.name: len(header) - 1 - n for n, f in enumerate(ACCOUNTS.fields)}
    assert columns.ignored == ()


def test_unknown_columns_are_ignored_and_named() -> None:
    columns = ACCOUNTS.bind([*STANDARD, "联系人电话"], "t.csv")
    assert columns.ignored == ("联系人电话",)


def test_missing_columns_are_named_with_what_they_may_be_called_here() -> None:
    header = ["欠款金额" if h == "余额" else h for h in STANDARD if h != "姓名"]
    with pytest.raises(InvalidInput) as error:
        ACCOUNTS.bind(header, "t.csv", 3)
    assert error.value.message == "t.csv: row 3: missing column 余额 (balance), 姓名 (name)"
    assert "欠款金额" in error.value.remedy


def test_a_column_twice() -> None:
    with pytest.raises(InvalidInput, match="row 1: the header has 手机 twice"):
        ACCOUNTS.bind([*STANDARD, "手机"], "t.csv")
    with pytest.raises(InvalidInput, match="both 手机 and 手机号码, which mean the same"):
        ACCOUNTS.bind([*STANDARD, "手机号码"], "t.csv")


def test_no_header_at_all() -> None:
    with pytest.raises(InvalidInput, match="no column name we know"):
        ACCOUNTS.bind(["QL1", "12.00"], "t.csv")


def mapped(tmp_path: Path, text: str) -> Mapping:
    path = tmp_path / "mapping.toml"
    path.write_text(text, "utf-8")
    return load_mapping(path, ACCOUNTS)


def test_own_names_replace_the_default_ones(tmp_path: Path) -> None:
    mapping = mapped(
        tmp_path,
        '[columns]\nbalance = "欠款合计"\naccount = ["主账号", "借据编号"]\n'
        '[constants]\ncurrency = "CNY"\n',
    )
    swap = {"余额": "欠款合计", "账号": "借据编号"}
    header = [swap.get(h, h) for h in STANDARD if h != "币种"]
    columns = mapping.bind(header, "t.csv")
    assert columns.titles["balance"] == "欠款合计"
    assert columns.constants == {"currency": "CNY"}
    with pytest.raises(
        InvalidInput, match=r"missing column 主账号 \(account\), 欠款合计 \(balance\)"
    ):
        mapping.bind(STANDARD, "t.csv")


def test_an_optional_column_named_in_a_mapping_must_be_there(tmp_path: Path) -> None:
    mapping = mapped(tmp_path, '[columns]\nemail = "电邮地址"\n')
    with pytest.raises(InvalidInput, match="missing column 电邮地址"):
        mapping.bind(STANDARD, "t.csv")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '[columns]\n\nbalanse = "x"\n',
            r"mapping.toml:3: unknown field balanse, did you mean bal",
        ),
        ('[column]\nbalance = "x"\n', r"mapping.toml:1: unknown table column"),
        ("[columns]\nbalance = 3\n", r"mapping.toml:2: balance must be text or a list"),
        ("[columns]\nbalance = []\n", r"mapping.toml:2: balance must be text or a list"),
        ("[constants]\ncurrency = ['CNY']\n", r"mapping.toml:2: currency must be text$"),
        ("[columns\n", r"mapping.toml: not valid TOML: .*line 1"),
        ('columns = "x"\n', r"columns is not a table"),
        ('[columns]\nbalance = "本金"\n', r"mapping.toml:2: balance takes a column that principal"),
    ],
)
def test_wrong_mapping_files(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as error:
        mapped(tmp_path, text)
    assert error.match(says.rstrip("$"))
    assert error.value.remedy


def test_a_mapping_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_mapping(tmp_path / "none.toml", ACCOUNTS)
    (tmp_path / "gbk.toml").write_bytes('[columns]\nbalance = "余额"\n'.encode("gbk"))
    with pytest.raises(InvalidInput, match="not valid TOML"):
        load_mapping(tmp_path / "gbk.toml", ACCOUNTS)
