"""Templates are found, compiled once, versioned, and never let data become anything but text."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from outreach.domain.contact import Channel
from outreach.domain.debtor import Locale
from outreach.domain.errors import TemplateError
from outreach.domain.notice import Purpose
from outreach.templating.catalog import Catalog, Rendered, Template
from outreach.templating.context import Context
from outreach.templating.files import FOLDERS
from outreach.templating.samples import samples

PURPOSE = Purpose.OVERDUE_NOTICE
Write = Callable[..., Template]


@pytest.fixture
def context() -> Context:
    return samples(PURPOSE, Locale.ZH_CN)["one account"]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write one template's files (SMS unless told) and load it."""

    def _write(text: str = "t", channel: Channel = Channel.SMS, **files: str) -> Template:
        folder = tmp_path / FOLDERS[channel] / PURPOSE
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "zh-CN.txt").write_text(text, encoding="utf-8")
        for suffix, source in files.items():
            name = f"zh-CN.{suffix.replace('_', '.')}"
            (folder / name).write_text(source, encoding="utf-8")
        return Catalog(tmp_path).get(channel, PURPOSE, Locale.ZH_CN)

    return _write


def named(context: Context, name: str) -> Context:
    return replace(context, debtor=replace(context.debtor, name=name))


def test_line_breaks_of_an_sms_template_are_layout_only(write: Write, context: Context) -> None:
    rendered = write(
        "【{{ creditor.signature }}】\n{% if guarantor %}\n甲\n{% else %}\n  乙\n{% endif %}\n丙\n"
    )
    assert rendered.render(context).text == "【示例银行】乙丙"


def test_a_compiled_template_is_kept(write: Write, tmp_path: Path) -> None:
    write("一")
    catalog = Catalog(tmp_path)
    assert catalog.get(Channel.SMS, PURPOSE, Locale.ZH_CN) is catalog.all()[0]


def test_the_version_covers_every_source(write: Write, tmp_path: Path) -> None:
    files = {"subject_txt": "s", "html": "h"}
    first = write("t", Channel.EMAIL, **files)
    assert "=== email/overdue_notice/zh-CN.subject.txt\ns\n" in first.source
    versions = {
        first.digest,
        write("t2", Channel.EMAIL, **files).digest,
        write("t", Channel.EMAIL, **files | {"subject_txt": "s2"}).digest,
        write("t", Channel.EMAIL, **files | {"html": "h2"}).digest,
    }
    (tmp_path / "email" / "frame.html").write_text("f", encoding="utf-8")
    versions.add(write("t", Channel.EMAIL, **files).digest)
    assert len(versions) == 5
    (tmp_path / "email" / "frame.html").unlink()
    assert write("t", Channel.EMAIL, **files).digest == first.digest


def test_line_endings_do_not_change_the_version(write: Write) -> None:
    assert write("一\n二").digest == write("一\r\n二").digest


HOSTILE = "{{7*7}}{% raw %}<b>&\"'#panic(1)"


def test_values_come_out_as_they_are(write: Write, context: Context) -> None:
    template = write("{{ debtor.name }}")
    assert template.render(named(context, HOSTILE)).text == HOSTILE


def test_values_are_escaped_in_html(write: Write, context: Context) -> None:
    template = write("t", Channel.EMAIL, subject_txt="s", html="<p>{{ debtor.name }}</p>")
    html = template.render(named(context, HOSTILE)).html
    assert html == "<p>{{7*7}}{% raw %}&lt;b&gt;&amp;&#34;&#39;#panic(1)</p>"


@pytest.mark.parametrize("char", ["\r", "\n", "\x00", "\u2028", "\u202e", "\ud800"])
@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL])
def test_a_value_that_breaks_lines_or_direction_is_refused(
    write: Write, context: Context, channel: Channel, char: str
) -> None:
    template = write("甲\n{{ debtor.name }}", channel, subject_txt="s", html="h")
    with pytest.raises(TemplateError, match=rf"zh-CN\.txt:2: .*U\+{ord(char):04X}") as caught:
        template.render(named(context, f"张{char}明"))
    assert "张" not in str(caught.value)


def test_a_subject_is_one_line(write: Write, context: Context) -> None:
    template = write("t", Channel.EMAIL, subject_txt="a\nBcc: b", html="h")
    with pytest.raises(TemplateError, match=r"zh-CN\.subject\.txt: a subject is one line"):
        template.render(context)


def test_an_sms_has_at_most_500_characters(write: Write, context: Context) -> None:
    assert write("字" * 500).render(context).sms is not None
    with pytest.raises(TemplateError, match="501 characters"):
        write("字" * 501).render(context)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "一\n{{ detor.name }}",
            r"zh-CN\.txt:2: unknown variable detor\n.*allowed: creditor, debtor,",
        ),
        (
            "{% if guarantor %}\n{{ debtor.nme }}{% endif %}",
            r":2: unknown variable debtor\.nme\n.*salutation",
        ),
        (
            "{% for a in accounts %}{{ a.due }}{% endfor %}",
            r":1: unknown variable a\.due\n.*due_date",
        ),
        ("{% set a = accounts[0] %}{{ a.due }}", r":1: unknown variable a\.due\n"),
        ("{{ accounts[0].due }}", r":1: unknown variable accounts\[…\]\.due\n"),
        ("一\n二{% if %}", r"zh-CN\.txt:2: "),
        ("{{ today | dai }}", r"No filter named 'dai'"),
        ("{{ debtor.name | safe }}", r"No filter named 'safe'"),
    ],
)
def test_a_wrong_template_says_where_and_what_is_allowed(
    write: Write, source: str, said: str
) -> None:
    with pytest.raises(TemplateError, match=said):
        write(source)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("一\n{{ accounts[7].product }}", r"zh-CN\.txt:2: .*has no element 7"),
        ("{{ ''.__class__.__mro__ }}", r"zh-CN\.txt:1: "),
        ("{{ debtor.__class__ }}", r"zh-CN\.txt:1: "),
        ("{{ debtor.name | amount }}", r"zh-CN\.txt:1: AttributeError while rendering"),
        ("{% if accounts.append(1) %}{% endif %}", r"zh-CN\.txt:1: "),
    ],
)
def test_an_error_while_rendering_says_where_and_quotes_no_data(
    write: Write, context: Context, source: str, said: str
) -> None:
    with pytest.raises(TemplateError, match=said) as caught:
        write(source).render(context)
    assert context.debtor.name not in str(caught.value)


def test_a_missing_locale_names_those_that_exist(write: Write, tmp_path: Path) -> None:
    write()
    with pytest.raises(
        TemplateError, match=r"in zh-TW\n.*exists in: zh-CN; add sms/overdue_notice/zh-TW\.txt"
    ):
        Catalog(tmp_path).get(Channel.SMS, PURPOSE, Locale.ZH_TW)


def test_an_email_needs_all_its_files(write: Write) -> None:
    with pytest.raises(TemplateError, match=r"zh-CN\.html: this file of the template is missing"):
        write("t", Channel.EMAIL, subject_txt="s")


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no directory of templates"):
        Catalog(tmp_path / "nowhere")


def test_a_letter_is_a_title_and_paragraphs(write: Write, context: Context) -> None:
    source = "标题\n\n\n第一\n段\n\n{% if guarantor %}\n不在\n{% endif %}\n\n# 第二段\n"
    assert write(source, Channel.LETTER).render(context) == Rendered(
        text="标题\n\n第一段\n\n# 第二段\n", title="标题", paragraphs=("第一段", "# 第二段")
    )
    with pytest.raises(TemplateError, match="a title and paragraphs"):
        write("标题", Channel.LETTER).render(context)
