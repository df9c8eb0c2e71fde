"""What a campaign was approved with is what it sends, whatever the files say by now."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.contact import Channel
from outreach.domain.debtor import Locale
from outreach.domain.errors import TemplateError
from outreach.domain.notice import Purpose
from outreach.templating.catalog import Catalog, Template
from outreach.templating.context import Context
from outreach.templating.files import Key, join, split
from outreach.templating.samples import samples

TEMPLATES = Path(__file__).parents[3] / "templates"
CATALOG = Catalog(TEMPLATES)
EMAIL = Key(Channel.EMAIL, Purpose.OVERDUE_NOTICE, Locale.ZH_CN)
SMS = Key(Channel.SMS, Purpose.OVERDUE_NOTICE, Locale.ZH_CN)


@pytest.fixture
def bare(tmp_path: Path) -> Catalog:
    """No templates at all: what is kept needs no file."""
    return Catalog(tmp_path)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))


def of(template: Template) -> Mapping[str, Context]:
    return samples(template.purpose, template.locale)


@pytest.mark.parametrize("key", CATALOG.keys, ids=str)
def test_every_template_of_ours_can_be_kept(bare: Catalog, key: Key) -> None:
    template = CATALOG.get(*key)
    kept = bare.kept(template.source)
    assert kept is not template
    assert kept.key == key
    assert (kept.digest, kept.source, kept.files) == (
        template.digest,
        template.source,
        template.files,
    )
    for context in of(template).values():
        assert kept.render(context) == template.render(context)


@pytest.mark.parametrize(
    ("key", "file", "old", "new"),
    [
        (SMS, "sms/overdue_notice/zh-CN.txt", "请尽快", "请"),
        (EMAIL, "email/overdue_notice/zh-CN.html", "您好", "你好"),
        (EMAIL, "email/overdue_notice/zh-CN.subject.txt", "重要通知", "通知"),
        (EMAIL, "email/frame.html", "#f2f4f7", "#ffffff"),
    ],
)
def test_a_change_of_a_file_does_not_reach_what_is_kept(
    copy: Path, key: Key, file: str, old: str, new: str
) -> None:
    approved = CATALOG.get(*key)
    path = copy / file
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    catalog = Catalog(copy)
    kept, now = catalog.kept(approved.source), catalog.get(*key)
    assert kept.digest == approved.digest != now.digest
    for context in of(approved).values():
        assert kept.render(context) == approved.render(context) != now.render(context)


def test_a_frame_changed_between_loading_and_rendering_is_not_read(copy: Path) -> None:
    page = copy / "email/overdue_notice/zh-CN.html"  # not the quick way: it looks for its frame
    page.write_text(page.read_text(encoding="utf-8") + "{% set x = 1 %}", encoding="utf-8")
    template = Catalog(copy).get(*EMAIL)
    (copy / "email/frame.html").write_text("another", encoding="utf-8")
    for context in of(template).values():
        html = template.render(context).html
        assert html is not None
        assert html.startswith("<!DOCTYPE html>")


def test_a_version_is_known_once_it_was_asked_for(copy: Path) -> None:
    catalog = Catalog(copy)
    digest = CATALOG.get(*SMS).digest
    assert catalog.version(digest) is None
    template = catalog.get(*SMS)
    assert catalog.version(digest) is template
    assert catalog.kept(template.source) is template


def test_what_is_kept_is_compiled_once(bare: Catalog) -> None:
    source = CATALOG.get(*EMAIL).source
    kept = bare.kept(source)
    assert bare.kept(source) is kept
    assert bare.version(kept.digest) is kept
    assert bare.keys == ()


TEXT = CATALOG.get(*SMS).source
MAIL = CATALOG.get(*EMAIL).source
HEAD = "=== sms/overdue_notice/zh-CN.txt\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "does not begin with the name of its file"),
        ("just words\n", "does not begin with the name of its file"),
        (" " + TEXT, "does not begin with the name of its file"),
        ("=== ../secret.txt\n\n", "does not begin with the name of its file"),
        (TEXT.replace("/zh-CN.txt", "/zh-CN.html", 1), "does not begin"),
        (TEXT.replace("zh-CN", "zh-XX", 1), "does not begin with the name of its file"),
        (TEXT.replace("overdue_notice", "overdue", 1), "does not begin with the name of its file"),
        (HEAD, r"zh-CN\.txt: a kept version does not hold each of its files once"),
        (TEXT[:-1] + "!", r"zh-CN\.txt: a kept version does not hold each of its files once"),
        (TEXT + TEXT, r"zh-CN\.txt: a kept version does not hold each of its files once"),
        (MAIL.replace("/zh-CN.html", "/zh-HK.html", 1), r"subject\.txt: a kept version does not"),
        (MAIL.replace("email/frame.html", "sms/frame.html"), r"subject\.txt: a kept version does"),
        (MAIL.partition("=== email/overdue_notice/zh-CN.html")[0], "subject.txt: a kept version"),
    ],
)
def test_what_was_never_kept_is_refused(bare: Catalog, source: str, said: str) -> None:
    with pytest.raises(TemplateError, match=said) as caught:
        bare.kept(source)
    assert "template_versions" in caught.value.remedy


def test_a_kept_version_that_is_no_longer_understood_says_that_it_is_kept(bare: Catalog) -> None:
    said = r"kept version [0-9a-f]{12} of sms/overdue_notice/zh-CN\.txt:2: unknown variable old"
    with pytest.raises(TemplateError, match=said):
        bare.kept(f"{HEAD}words\n{{{{ old }}}}\n")


def test_a_line_that_reads_like_a_heading_is_refused_before_it_is_kept(copy: Path) -> None:
    path = copy / "sms/overdue_notice/zh-CN.txt"
    path.write_text("one\n" + HEAD.strip(), encoding="utf-8")
    with pytest.raises(TemplateError, match=r"sms/overdue_notice/zh-CN\.txt:2: .*begins with"):
        Catalog(copy).get(*SMS)


@given(
    st.lists(
        st.text(st.sampled_from("=ab \n\r\u2028")).filter(lambda text: "=== " not in text),
        min_size=4,
        max_size=4,
    )
)
def test_any_files_come_back_as_they_were(texts: list[str]) -> None:
    paths = [*EMAIL.files().values(), EMAIL.frame()]
    sources = {path: text for path, text in zip(paths, texts, strict=True) if path}
    assert split(join(sources)) == (EMAIL, sources)
