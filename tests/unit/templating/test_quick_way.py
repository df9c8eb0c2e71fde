"""The quick way to render says what the plain way says, or leaves it to the plain way."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.contact import Channel
from outreach.domain.debtor import Locale
from outreach.domain.errors import TemplateError
from outreach.domain.notice import Purpose
from outreach.templating.catalog import Catalog
from outreach.templating.files import FOLDERS
from outreach.templating.samples import samples
from outreach.templating.variables import CONTEXT

CATALOG = Catalog(Path(__file__).parents[3] / "templates")
CONTEXTS = samples(Purpose.OVERDUE_NOTICE, Locale.ZH_CN)


def variables(context):
    return {name: getattr(context, name) for name in CONTEXT}


def quickly(template, context):
    quick = template._quick(context.creditor, context.agency is None, context.guarantor)
    return {name: render(variables(context)) for name, render in quick.items()}


@pytest.mark.parametrize("key", CATALOG.keys, ids=str)
def test_every_template_of_ours_goes_the_quick_way(key):
    template = CATALOG.get(*key)
    other = "<b>甲 & 乙</b>"
    for sample in samples(template.purpose, template.locale).values():
        creditor = replace(sample.creditor, name=other, app=other)
        for context in (
            sample,
            replace(sample, creditor=creditor),
            replace(sample, agency=other),
            replace(sample, guarantor=not sample.guarantor),
        ):
            assert quickly(template, context) == template._plainly(variables(context))


def test_a_creditor_whose_name_breaks_a_line_is_refused_as_ever():
    context = CONTEXTS["one account"]
    context = replace(context, creditor=replace(context.creditor, name="甲\n乙"))
    template = CATALOG.get(Channel.EMAIL, Purpose.OVERDUE_NOTICE, Locale.ZH_CN)
    with pytest.raises(TemplateError, match=r"subject\.txt:1: .*U\+000A"):
        template.render(context)


@given(name=st.text(), product=st.text("<>&\"'甲 a\u3000\u200b🙂"), locale=st.sampled_from(Locale))
def test_whatever_the_values_are(name, product, locale):
    context = samples(Purpose.OVERDUE_NOTICE, locale)["several accounts"]
    accounts = tuple(replace(each, product=product) for each in context.accounts)
    context = replace(context, debtor=replace(context.debtor, salutation=name), accounts=accounts)
    template = CATALOG.get(Channel.EMAIL, Purpose.OVERDUE_NOTICE, locale)
    try:
        plain = template._plainly(variables(context))
    except TemplateError as refused:
        said = re.escape(str(refused))
    else:
        assert template.render(context).html == plain["html"]
        assert quickly(template, context) == plain
        return
    with pytest.raises(TemplateError, match=said):
        template.render(context)


FRAME = (
    "<a>{% block one %}eins{% endblock %}|{% block two %}zwei{{ today | day }}{% endblock %}</a>"
)


@pytest.mark.parametrize(
    "page",
    [
        "{{ {'name': '<i>'}.name }}{{ debtor.name }}",
        "{% set account = accounts[0] %}{{ account.product }}{{ [1, 2] | join('<') }}",
        "{% for name in ['<', '&'] %}{{ name }}{{ loop.index }}{% endfor %}",
        "{% macro m(a) %}{{ a.name }}{% endmacro %}{{ m(debtor) }}{{ '<b>' | escape }}",
        "{% set x %}{{ debtor.name }}<b>{% endset %}{{ x }}",
        "{% extends 'frame.html' %}",
        " {% extends 'frame.html' %}{% block one %}<b>{{ debtor.name }}</b>{% endblock %}",
        "{% extends 'frame.html' %}lost{% block one %}{{ 1 }}{{ none }}{% endblock %}",
        "{% extends 'frame.html' %}{% block one %}{% set x = 1 %}{{ x }}{% endblock %}"
        "{% block two %}{% set x = '<' %}{{ x }}{% endblock %}{% block three %}3{% endblock %}",
        "{% extends 'frame.html' %}{% block one %}{{ super() }}{{ debtor.name }}{% endblock %}",
        "{% extends 'frame.html' %}{% block one %}{{ self.two() }}{% endblock %}",
        "{% extends 'frame.html' %}{% block one %}{% block two %}<{% endblock %}{% endblock %}",
        "{% extends 'frame.html' %}{% set agency = 3 %}{% block one %}{{ agency }}{% endblock %}",
        "{% if guarantor %}{% extends 'frame.html' %}{% endif %}{% block one %}1{% endblock %}",
        "{% block one %}<{{ debtor.name }}{% endblock %}",
        "{% include 'frame.html' %}{{ debtor.name }}",
        "{% autoescape false %}{{ debtor.name }}{% endautoescape %}",
    ],
)
def test_whatever_the_page_does(tmp_path, page):
    folder = tmp_path / FOLDERS[Channel.EMAIL]
    (folder / Purpose.OVERDUE_NOTICE).mkdir(parents=True)
    (folder / "frame.html").write_text(FRAME)
    for suffix, source in {"subject.txt": "s", "txt": "t", "html": page}.items():
        (folder / Purpose.OVERDUE_NOTICE / f"zh-CN.{suffix}").write_text(source)
    template = Catalog(tmp_path).get(Channel.EMAIL, Purpose.OVERDUE_NOTICE, Locale.ZH_CN)
    for context in CONTEXTS.values():
        named = replace(context, debtor=replace(context.debtor, name="<张&明>"))
        plain = template._compiled["html"].render(variables(named))
        assert template.render(named).html == plain
