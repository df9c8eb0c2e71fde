"""What a message must hold and may not hold: who writes, whom to call, where to pay, links."""

from dataclasses import replace
from pathlib import Path

import pytest

from outreach.compliance.content import CHECKS, load_content
from outreach.compliance.setting import Setting
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction, Locale
from outreach.domain.errors import ConfigurationError
from outreach.domain.notice import Purpose
from outreach.templating.catalog import Catalog
from outreach.templating.samples import samples

CN, HK, TW = Jurisdiction.MAINLAND, Jurisdiction.HONG_KONG, Jurisdiction.TAIWAN
TEMPLATES = Path(__file__).parents[3] / "templates"


@pytest.fixture(scope="module")
def content(policies):
    return load_content(policies / "content.toml")


def setting(place=CN, channel=Channel.SMS, agency=""):
    return Setting(
        channel=channel,
        purpose=Purpose.OVERDUE_NOTICE,
        place=place,
        signature="云杉银行",
        creditor="云杉银行股份有限公司",
        agency=agency,
        phones=("400-000-0000", "400-000-0001"),
        payees=("0000 0000 0000 0000 123",),
        links=("yunshan.test.cn",),
    )


def rules(content, text, here):
    return {(each.rule, each.values["check"]) for each in content.check_content(text, here)}


RIGHT = "【云杉银行】王先生,请还款。致电400-000-0000。"
AGENCY = "青杨公司受云杉银行股份有限公司委托通知:请还款,致电400-000-0000。"

WRONG = [
    ("王先生,请还款。致电400-000-0000。", CN, "", ("C-01", "names_creditor")),
    ("王先生,請還款。致電400-000-0000。", HK, "", ("HK-03", "names_creditor")),
    ("王先生,請繳款。致電400-000-0000。", TW, "", ("TW-20", "names_creditor")),
    (RIGHT, CN, "青杨公司", ("C-01", "names_agency")),
    (RIGHT, HK, "青杨公司", ("HK-03", "names_agency")),
    (RIGHT, TW, "青杨公司", ("TW-13", "names_agency")),
    (AGENCY.replace("受", "为"), CN, "青杨公司", ("C-01", "names_agency")),
    ("【云杉银行】" + AGENCY, TW, "青杨公司", ("TW-13", "no_bank_signature")),
    ("【云杉银行】王先生,请还款。", CN, "", ("C-13", "has_hotline")),
    ("【云杉银行】王先生,請還款。", HK, "", ("HK-03", "has_hotline")),
    ("【云杉银行】王先生,請繳款。", TW, "", ("C-13", "has_hotline")),
    (RIGHT + "账号:6217 0000 0000 0000 123", CN, "", ("C-06", "registered_payee")),
    (RIGHT + "转入6217000000000000123", CN, "", ("C-06", "registered_payee")),
    (RIGHT + "帳號:000-00-000000-9", TW, "", ("TW-14", "registered_payee")),
    (RIGHT + "戶口000-000000-999", HK, "", ("C-06", "registered_payee")),
    (RIGHT + "或联系13800000000", CN, "", ("M-04", "registered_phone")),
    (RIGHT + "或洽0900-000-000", TW, "", ("TW-43", "registered_phone")),
    (RIGHT + "见https://pay.test.cn/a", CN, "", ("M-04", "registered_link")),
    (RIGHT + "見www.pay.test.com.tw", TW, "", ("TW-44", "registered_link")),
    (RIGHT + "見https://yunshan.test.cn/a", HK, "", ("HK-28", "no_link")),
]


@pytest.mark.parametrize(("text", "place", "agency", "rule"), WRONG)
def test_what_is_missing_or_not_registered_is_refused(content, text, place, agency, rule):
    assert rule in rules(content, text, setting(place, agency=agency))


@pytest.mark.parametrize(
    ("text", "place", "agency"),
    [
        (RIGHT, CN, ""),
        (RIGHT, HK, ""),
        (RIGHT, TW, ""),
        (AGENCY, CN, "青杨公司"),
        (AGENCY, HK, "青杨公司"),
        (AGENCY, TW, "青杨公司"),
        (RIGHT + "账号:0000 0000 0000 0000 123", CN, ""),
        (RIGHT + "函件编号20261123-00000012", CN, ""),
        (RIGHT + "应还1,234,567,890.12元", CN, ""),
        (RIGHT + "截至2026-11-23", CN, ""),
        (RIGHT + "投诉400-000-0001", CN, ""),
        (RIGHT + "见https://yunshan.test.cn/a", CN, ""),
        (RIGHT + "Mr. Wang", HK, ""),
    ],
)
def test_what_is_right_passes(content, text, place, agency):
    assert rules(content, text, setting(place, agency=agency)) == set()


def test_an_sms_rule_is_no_letters_rule(content):
    text = AGENCY + "联系13800000000"
    assert ("M-04", "registered_phone") in rules(content, text, setting(agency="青杨公司"))
    here = setting(channel=Channel.LETTER, agency="青杨公司")
    assert rules(content, text, here) == set()


def test_a_letter_names_the_creditor_in_full(content):
    here = setting(channel=Channel.LETTER)
    assert ("C-01", "names_creditor") in rules(content, RIGHT, here)


def test_a_finding_names_the_place_and_never_the_text(content):
    text = RIGHT + "账号:6217 0000 0000 0000 123"
    (finding,) = content.check_content(text, setting())
    assert text[finding.values["at"] :].startswith("6217")
    assert "6217" not in f"{finding.says}{dict(finding.values)}"
    assert (finding.source, finding.confidence.value) != ("", "")


def test_every_check_belongs_to_a_rule(content):
    used = {check.__name__ for rules in content.rules.values() for check, _ in rules}
    assert used == set(CHECKS)


def test_our_own_templates_hold_what_they_must(content):
    for template in Catalog(TEMPLATES).all():
        for context in samples(template.purpose, template.locale).values():
            creditor = context.creditor
            here = Setting(
                channel=template.channel,
                purpose=template.purpose,
                place=dict(zip(Locale, Jurisdiction, strict=True))[template.locale],
                signature=creditor.signature,
                creditor=creditor.name,
                agency=context.agency or "",
                phones=(creditor.hotline, creditor.complaint_line),
                payees=(creditor.payee_account,),
            )
            rendered = template.render(context)
            text = f"{rendered.subject}\n{rendered.text}" if rendered.subject else rendered.text
            assert content.check_content(text, here) == (), template.path


def test_a_rule_with_an_unknown_check_is_refused(tmp_path, policies):
    path = tmp_path / "content.toml"
    text = (policies / "content.toml").read_text(encoding="utf-8")
    path.write_text(text.replace('"has_hotline"', '"has_hotlin"', 1), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"key rule\.check"):
        load_content(path)


def test_without_registered_numbers_no_hotline_is_asked_for(content):
    here = replace(setting(), phones=())
    assert rules(content, "【云杉银行】请还款", here) == set()
