"""Every template, rendered with samples, reads exactly as approved in ``golden/``.

After a wanted change of words, write the files anew and read the difference before committing it::

    OUTREACH_WRITE_GOLDEN=1 pytest tests/unit/templating/test_golden_templates.py
    git diff tests/unit/templating/golden
"""

import os
import re
from pathlib import Path

import pytest

from outreach.domain.contact import Channel
from outreach.domain.debtor import Locale
from outreach.domain.notice import Purpose
from outreach.templating.catalog import Catalog, Template
from outreach.templating.files import Key
from outreach.templating.samples import samples

TEMPLATES = Path(__file__).parents[3] / "templates"
GOLDEN = Path(__file__).parent / "golden"
CATALOG = Catalog(TEMPLATES)
IN_FULL = ("several accounts", "guarantor", "agency")  # emails and letters: enough to see all words

# what no message of ours may say, whatever the template
BANNED = re.split(
    r"\s+",
    "公安 派出所 经侦 法院工作人员 检察院 司法局 律师函 诈骗 恶意透支 刑事 坐牢 判刑 "
    "拘留 逮捕 通缉 报警 已立案 已起诉 传票 强制执行 冻结 查封 拍卖 失信 "
    "老赖 限制高消费 黑名单 子女 家人 终身 洗白 社保 上门 后果自负 骗子 曝光 "
    "亲友 单位领导 通讯录 转告 父债 张贴 登报 扫码 催收费 手续费 最后通牒 红色警告 "
    "特急 仅限今日 最后一次机会 免还 案件编号 卷宗 羈押 拘提 管收 拍賣 警察 報警 "
    "法務 黑名單",
)


def _sections(template: Template) -> str:
    sections = []
    for name, context in samples(template.purpose, template.locale).items():
        if template.channel is not Channel.SMS and name not in IN_FULL:
            continue
        rendered = template.render(context)
        parts = [f"##### {name}"]
        if rendered.sms:
            parts.append(f"[{rendered.sms.units} units, {rendered.sms.parts} parts]")
        if rendered.subject:
            parts.append(f"[{rendered.subject}]")
        parts.append(rendered.text)
        if rendered.html and name == IN_FULL[0]:
            parts.append(rendered.html)
        sections.append("\n".join(parts))
    return "\n\n".join(sections) + "\n"


@pytest.mark.parametrize("key", CATALOG.keys, ids=str)
def test_reads_as_approved(key: Key) -> None:
    written = _sections(CATALOG.get(*key))
    path = GOLDEN / f"{key}.txt"
    if os.environ.get("OUTREACH_WRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(written, encoding="utf-8")
    assert written == path.read_text(encoding="utf-8")


def test_nothing_golden_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {str(key) for key in CATALOG.keys}


@pytest.mark.parametrize("key", CATALOG.keys, ids=str)
def test_nothing_banned_is_said(key: Key) -> None:
    template = CATALOG.get(*key)
    for context in samples(template.purpose, template.locale).values():
        rendered = template.render(context)
        said = rendered.subject + rendered.text + (rendered.html or "")
        assert [word for word in BANNED if word in said] == []


def test_a_reminder_says_nothing_of_overdue_credit_record_or_law() -> None:
    for key in CATALOG.keys:
        if key[1] is Purpose.PAYMENT_REMINDER:
            source = CATALOG.get(*key).source
            assert [
                w
                for w in ("逾期", "征信", "聯徵", "法", "催", "起诉", "诉讼", "訴訟")
                if w in source
            ] == []


def test_a_demand_letter_has_what_the_card_rules_ask_for() -> None:
    """信用卡业务监督管理办法 article 69, and what a court wants to see."""
    for channel in (Channel.LETTER, Channel.EMAIL):
        template = CATALOG.get(channel, Purpose.DEMAND_LETTER, Locale.ZH_CN)
        context = samples(Purpose.DEMAND_LETTER, Locale.ZH_CN)["one account"]
        text = template.render(context).text
        for item in (
            context.debtor.name,
            context.number,
            "截至2026年11月23日",
            "12,345.67元",  # the whole balance
            "3,703.70元（大写：人民币叁仟柒佰零叁元柒角整）",
            "《中华人民共和国民法典》",
            "请您于2026年12月3日前履行还款义务",
            context.creditor.payee_account,
            "户名",
            "开户行",
            "有异议的",
            "证明材料",
            "个性化分期还款",
            "送达地址条款",
            context.creditor.hotline,
            context.creditor.complaint_line,
        ):
            assert item in text


@pytest.mark.parametrize(
    "key", [key for key in CATALOG.keys if key.purpose is Purpose.CORRECTION_NOTICE], ids=str
)
def test_a_correction_apologises_and_says_nothing_of_a_debt(key: Key) -> None:
    template = CATALOG.get(*key)
    contexts = samples(template.purpose, template.locale)
    for context in contexts.values():
        rendered = template.render(context)
        text = rendered.subject + rendered.text
        assert "致歉" in text
        assert re.search("请忽略|请您忽略|請忽略|毋須理會", text)
        assert context.creditor.hotline in text
        assert context.creditor.complaint_line in text
        debt = "[欠债債催缴繳贷貸]|逾期|还款|還款|金额|金額|余额|[0-9]元|征信|聯徵|起诉|訴訟|诉讼"
        assert re.findall(debt, text) == []
    few, many = contexts["one account"], contexts["twelve accounts"]
    assert template.render(few) == template.render(many)


@pytest.mark.parametrize("locale", [Locale.ZH_HK, Locale.ZH_TW])
def test_an_agency_abroad_writes_in_its_own_name(locale: Locale) -> None:
    """HK-03 names both; TW-13 forbids acting in the bank's name."""
    for key in CATALOG.keys:
        if key[2] is not locale:
            continue
        context = samples(key[1], locale)["agency"]
        rendered = CATALOG.get(*key).render(context)
        assert context.agency is not None
        assert context.agency in rendered.text
        assert context.creditor.signature[:2] in rendered.text
        if key[0] is Channel.SMS:
            assert rendered.text.startswith((context.agency, f"【{context.agency}】"))
        else:
            assert rendered.subject.startswith(context.agency)
