"""A variant stands beside its plain template and is a template like any other."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from outreach.cli.template import app
from outreach.domain.contact import Channel
from outreach.domain.debtor import Locale
from outreach.domain.errors import TemplateError
from outreach.domain.notice import Purpose
from outreach.templating.catalog import Catalog
from outreach.templating.check import Problem, check
from outreach.templating.files import Key
from outreach.templating.samples import samples

TEMPLATES = Path(__file__).parents[3] / "templates"
SMS = (Channel.SMS, Purpose.OVERDUE_NOTICE)
EMAIL = (Channel.EMAIL, Purpose.OVERDUE_NOTICE)
FOLDER = "sms/overdue_notice"
PARTS = ("subject.txt", "txt", "html")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """All our templates, with a variant b in zh-CN: the SMS says 请 for 请尽快, the email 你好."""
    directory = Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))
    vary(directory / FOLDER / "zh-CN.txt", "请尽快", "请")
    for part in PARTS:
        vary(directory / "email/overdue_notice" / f"zh-CN.{part}", "您好", "你好")
    return directory


def vary(plain: Path, old: str, new: str, variant: str = "b") -> None:
    text = plain.read_text(encoding="utf-8").replace(old, new)
    plain.with_name(plain.name.replace(".", f"@{variant}.", 1)).write_text(text, encoding="utf-8")


def test_a_variant_is_asked_for_by_name(copy: Path) -> None:
    catalog = Catalog(copy)
    plain = catalog.get(*SMS, Locale.ZH_CN)
    other = catalog.get(*SMS, Locale.ZH_CN, "b")
    assert (plain.variant, other.variant) == ("", "b")
    assert catalog.get(*SMS, Locale.ZH_CN, variant="b") is other
    assert other.path == Path(f"{FOLDER}/zh-CN@b.txt")
    assert other.digest != plain.digest
    context = samples(Purpose.OVERDUE_NOTICE, Locale.ZH_CN)["one account"]
    assert other.render(context).text == plain.render(context).text.replace("请尽快", "请")


def test_a_variant_of_an_email_has_all_its_files_and_the_frame(copy: Path) -> None:
    catalog = Catalog(copy)
    other = catalog.get(*EMAIL, Locale.ZH_CN, "b")
    assert list(map(str, other.files)) == [
        *(f"email/overdue_notice/zh-CN@b.{part}" for part in PARTS),
        "email/frame.html",
    ]
    (copy / "email/overdue_notice/zh-CN@b.html").unlink()
    with pytest.raises(TemplateError, match=r"zh-CN@b\.html: this file of the template is missing"):
        Catalog(copy).get(*EMAIL, Locale.ZH_CN, "b")


def test_the_variants_there_are(copy: Path) -> None:
    vary(copy / FOLDER / "zh-TW.txt", "請儘速", "請", variant="a-2")
    catalog = Catalog(copy)
    assert catalog.variants(*SMS) == ("", "a-2", "b")
    assert catalog.variants(*EMAIL) == ("", "b")
    assert catalog.variants(Channel.SMS, Purpose.PAYMENT_REMINDER) == ("",)
    assert catalog.variants(Channel.SMS, Purpose.LAWYER_LETTER) == ()
    ours = [key for key in catalog.keys if key[:2] == SMS]
    assert [key.stem for key in ours] == ["zh-CN", "zh-CN@b", "zh-HK", "zh-TW", "zh-TW@a-2"]
    assert str(ours[1]) == "sms.overdue_notice.zh-CN@b"
    assert {template.key for template in catalog.all()} == set(catalog.keys)


def test_a_variant_missing_in_a_locale_names_the_file_to_add(copy: Path) -> None:
    catalog = Catalog(copy)
    with pytest.raises(TemplateError) as caught:
        catalog.get(*SMS, Locale.ZH_TW, "b")
    assert str(caught.value) == (
        "no template for overdue_notice by sms in zh-TW, variant b\n"
        "  → exists in: zh-CN; add sms/overdue_notice/zh-TW@b.txt"
    )
    with pytest.raises(TemplateError) as caught:
        catalog.get(*EMAIL, Locale.ZH_CN, "c")
    assert caught.value.remedy == "exists in: no locale; add " + ", ".join(
        f"email/overdue_notice/zh-CN@c.{part}" for part in PARTS
    )


@pytest.mark.parametrize("name", ["B", "b_2", "a" * 21, "../b", "乙", " ", "b\n"])
def test_what_a_variant_may_be_called(copy: Path, name: str) -> None:
    with pytest.raises(TemplateError, match=r"is no name of a variant\n.*1 to 20 of"):
        Catalog(copy).get(*SMS, Locale.ZH_CN, name)


def test_a_variant_without_its_plain_template(copy: Path) -> None:
    (copy / FOLDER / "zh-CN.txt").unlink()
    catalog = Catalog(copy)
    assert catalog.get(*SMS, Locale.ZH_CN, "b").variant == "b"
    with pytest.raises(TemplateError, match=r"exists in: zh-HK, zh-TW; add sms/.*/zh-CN\.txt"):
        catalog.get(*SMS, Locale.ZH_CN)
    assert check(catalog) == [Problem(FOLDER, "no template in zh-CN")]


def test_a_variant_can_be_kept(copy: Path) -> None:
    approved = [Catalog(copy).get(*kind, Locale.ZH_CN, "b") for kind in (SMS, EMAIL)]
    shutil.rmtree(copy / FOLDER)
    bare = Catalog(copy)
    for template in approved:
        kept = bare.kept(template.source)
        assert kept.key == Key(template.channel, *EMAIL[1:], Locale.ZH_CN, "b")
        context = samples(template.purpose, template.locale)["several accounts"]
        assert kept.render(context) == template.render(context)


def test_the_same_words_are_another_version_as_a_variant(copy: Path) -> None:
    vary(copy / FOLDER / "zh-CN.txt", "", "", variant="same")
    catalog = Catalog(copy)
    assert catalog.get(*SMS, Locale.ZH_CN, "same").digest != catalog.get(*SMS, Locale.ZH_CN).digest


def test_a_variant_is_checked_like_any_template(copy: Path) -> None:
    assert check(Catalog(copy)) == []
    path = copy / FOLDER / "zh-CN@b.txt"
    path.write_text(path.read_text(encoding="utf-8") + "\n★請", encoding="utf-8")
    said = [f"{problem.where}: {problem.message}" for problem in check(Catalog(copy))]
    assert said[0].startswith(f"{FOLDER}/zh-CN@b.txt:22: traditional characters in zh-CN: 請")
    assert said[1].startswith(f"{FOLDER}/zh-CN@b.txt: carriers refuse ★ (M-04)")


def test_files_that_belong_to_no_template_are_found(copy: Path) -> None:
    keys = Catalog(copy).keys
    strays = [
        "email/overdue_notice/zh-CN.subject@b.txt",
        "sms/overdue_notice/zh-CN@.txt",
        "sms/overdue_notice/zh-CN@B.txt",
        "sms/overdue_notice/zh-CN@b.html",
        "sms/overdue_notice/zh-cn.txt",
        "sms/overdue_notices/zh-CN.txt",
    ]
    others = ["sms/overdue_notice/.zh-CN.txt", "sms/overdue_notice/notes.md"]
    for file in (*strays, *others):
        (copy / file).parent.mkdir(exist_ok=True)
        (copy / file).touch()
    catalog = Catalog(copy)
    assert catalog.keys == keys
    problems = check(catalog)
    assert [problem.where for problem in problems] == strays
    assert all(p.message.startswith("belongs to no template → name it ") for p in problems)


RUN = CliRunner()


def test_the_command_line_knows_variants(copy: Path) -> None:
    where = ["--templates", str(copy)]
    assert RUN.invoke(app, ["list", *where]).output.count("zh-CN@b") == 2
    plain = len(Catalog(TEMPLATES).keys)
    assert RUN.invoke(app, ["check", *where]).output == f"{plain + 2} templates, nothing wrong\n"
    preview = ["preview", *where, "--purpose", "overdue_notice", "--variant"]
    assert RUN.invoke(app, [*preview, "b"]).output.startswith(f"{FOLDER}/zh-CN@b.txt  version ")
    result = RUN.invoke(app, [*preview, "c"])
    assert isinstance(result.exception, TemplateError)
