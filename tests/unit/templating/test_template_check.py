"""``template check`` finds what is wrong, and ours are right."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from outreach.cli.template import app
from outreach.domain.errors import TemplateError
from outreach.templating.catalog import Catalog
from outreach.templating.check import Problem, check

TEMPLATES = Path(__file__).parents[3] / "templates"


def test_our_templates_are_right() -> None:
    assert check(Catalog(TEMPLATES)) == []


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy to spoil; letters and the long emails are left out to be quick."""
    for name in ("sms", "email/payment_reminder", "email/frame.html"):
        source, target = TEMPLATES / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    return tmp_path


def found(directory: Path) -> list[Problem]:
    """Problems but for the templates the copy leaves out."""
    left_out = (
        "letters/",
        "email/overdue_notice",
        "email/demand_letter",
        "email/correction_notice",
        "email/settlement_receipt",
    )
    return [p for p in check(Catalog(directory)) if not p.where.startswith(left_out)]


def test_the_copy_is_right(copy: Path) -> None:
    assert found(copy) == []


CN, HK, TW = (f"sms/overdue_notice/zh-{place}.txt" for place in ("CN", "HK", "TW"))
SUBJECT = "email/payment_reminder/zh-CN.subject.txt"
HTML = "email/payment_reminder/zh-HK.html"
FRAME = "email/frame.html"


@pytest.mark.parametrize(
    ("file", "old", "new", "where", "message"),
    [
        (CN, "{{ creditor.app }}", "{{ creditor.ap }}", CN, "creditor.ap → allowed: name"),
        (CN, "{% endif %}", "{% endfi %}", CN, "endfi"),
        (
            FRAME,
            "{{ creditor.name }}",
            "{{ creditor.nom }}",
            FRAME,
            "unknown variable creditor.nom",
        ),
        (TW, "請儘速", "请儘速", TW, "simplified characters in zh-TW: 请"),
        (HK, "繳款", "缴款", HK, "simplified characters in zh-HK: 缴"),
        (CN, "请尽快", "請尽快", CN, "traditional characters in zh-CN: 請"),
        (TW, "簡訊", "短訊", TW, "短訊 is not said in zh-TW: write 簡訊"),
        (HTML, "透過", "通過", HTML, "通過 is not said in zh-HK: write 透過"),
        (CN, "请尽快", "★请尽快", CN, "carriers refuse ★ (M-04)"),
        (CN, "请尽快", "【急】请尽快", CN, "【】 is the signature's"),
        (CN, "【{{ creditor.signature }}】", "", CN, "the signature in 【】 is missing"),
        (TW, "請儘速", "https://bank.test 請儘速", TW, "no links"),
        (CN, "请回复N", "请忽略", CN, "a way out for the wrong person"),
        (CN, "请尽快", "请您务必" * 3, CN, "3 parts (M-03)"),
        (CN, "请尽快", "请您务必" * 99, CN, "more than the 500"),
        (SUBJECT, "账户服务提醒", "还款提醒", "email/payment_reminder", "lock screens: 还款"),
    ],
)
def test_check_finds(copy: Path, file: str, old: str, new: str, where: str, message: str) -> None:
    path = copy / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert any(p.where.startswith(where) and message in p.message for p in found(copy))


def test_check_names_the_line(copy: Path) -> None:
    with (copy / TW).open("a", encoding="utf-8") as file:
        file.write("\n见")
    lines = (copy / TW).read_text(encoding="utf-8").count("\n") + 1
    assert found(copy) == [Problem(f"{TW}:{lines}", "simplified characters in zh-TW: 见")]


def test_check_finds_a_missing_locale(copy: Path) -> None:
    (copy / "sms/payment_reminder/zh-TW.txt").unlink()
    assert found(copy) == [Problem("sms/payment_reminder", "no template in zh-TW")]


RUN = CliRunner()


def test_the_command_line_checks(copy: Path) -> None:
    result = RUN.invoke(app, ["check", "--templates", str(TEMPLATES)])
    assert (result.exit_code, result.output) == (0, "24 templates, nothing wrong\n")
    result = RUN.invoke(app, ["check", "--templates", str(copy)])
    assert result.exit_code == 1
    assert "letters/demand_letter: no template in zh-CN" in result.output


def test_the_command_line_lists() -> None:
    result = RUN.invoke(app, ["list", "--templates", str(TEMPLATES)])
    assert result.exit_code == 0
    assert result.output.count("zh-") == 24


def test_the_command_line_previews() -> None:
    chosen = ["preview", "--templates", str(TEMPLATES), "--purpose", "overdue_notice"]
    result = RUN.invoke(app, [*chosen, "--locale", "zh-HK", "--sample", "agency"])
    assert result.exit_code == 0
    assert "134 UTF-16 units, 2 parts" in result.output
    assert RUN.invoke(app, [*chosen, "--sample", "nobody"]).exit_code == 2
    result = RUN.invoke(app, [*chosen, "--channel", "letter"])
    assert isinstance(result.exception, TemplateError)


def test_the_command_line_writes_a_letter(tmp_path: Path) -> None:
    out = tmp_path / "letter.pdf"
    chosen = ["--purpose", "demand_letter", "--channel", "letter", "--out", str(out)]
    result = RUN.invoke(app, ["preview", "--templates", str(TEMPLATES), *chosen])
    assert result.exit_code == 0
    assert "2 pages in" in result.output
    assert out.read_bytes().startswith(b"%PDF-1.7")
