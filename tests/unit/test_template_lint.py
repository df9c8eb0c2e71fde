"""``template check`` asks the gate on words, and what a template of its purpose must say."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from outreach.cli.template import app
from outreach.compliance.contents import load_contents
from outreach.domain.errors import ConfigurationError
from outreach.life.lint import Policies, lint, load_policies
from outreach.templating.catalog import Catalog

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "config" / "policies"


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(POLICIES)


def test_our_templates_pass(policies: Policies) -> None:
    assert lint(Catalog(ROOT / "templates"), policies) == []


SMS = "sms/overdue_notice/zh-CN.txt"
TW = "sms/overdue_notice/zh-TW.txt"
HK = "sms/payment_reminder/zh-HK.txt"
REMINDER = "sms/payment_reminder/zh-CN.txt"
LETTER = "letters/demand_letter/zh-CN.txt"


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (SMS, "请尽快", "否则后果自负,请尽快", "(L5; "),
        (TW, "請儘速", "否則將遭逮捕,請儘速", "(TW-05; "),
        (HK, "請透過", "見www.a.com,請透過", "(HK-28; "),
        (REMINDER, "可通过", "以免逾期,可通过", "may not say 逾期"),
        (REMINDER, "客服{{ creditor.hotline }}", "", "C-13"),
        (SMS, "{{ agency }}受", "{{ creditor.name }}受", "没有写明受托机构"),
        (LETTER, "尊敬的{{ debtor.name }}", "尊敬的客户", "C-05 1 "),
        (LETTER, "依据", "按", "C-05 2 "),
        (LETTER, "异议", "意见", "C-05 4 "),
        (LETTER, "[accounts]", "见附表", "C-04 "),
        (LETTER, "{{ deadline | day }}", "近日", "C-05 8 履行"),
        (LETTER, "账号：{{ creditor.payee_account }}", "账号：6217 0000 0000 0000 123", "C-06"),
    ],
)
def test_what_is_wrong_is_told(
    tmp_path: Path, policies: Policies, file: str, old: str, new: str, message: str
) -> None:
    path = tmp_path / file
    shutil.copytree((ROOT / "templates" / file).parent, path.parent)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    found = [problem.message for problem in lint(Catalog(tmp_path), policies)]
    assert any(message in each for each in found), found


def test_the_command_tells_it(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    path = tmp_path / "templates" / SMS
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("请尽快", "坐牢,请"), encoding="utf-8")
    options = ["--templates", str(tmp_path / "templates"), "--policies", str(POLICIES)]
    result = CliRunner().invoke(app, ["check", *options])
    assert result.exit_code == 1
    assert "L2" in result.output


def test_an_unknown_purpose_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "contents.toml"
    text = (POLICIES / "contents.toml").read_text(encoding="utf-8")
    path.write_text(text.replace('["overdue_notice"]', '["overdue"]'), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"key item\.purposes"):
        load_contents(path)
