"""The gate on words: what it finds however it is written, and what it leaves alone."""

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.compliance.finding import Effect
from outreach.compliance.normal import normal, place, spelled
from outreach.compliance.phrases import _Char, _expanded, _Gap, _Group, _Maybe, _parse, compiled
from outreach.compliance.setting import Setting
from outreach.compliance.wording import load_wording
from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction, Locale
from outreach.domain.errors import ConfigurationError
from outreach.domain.notice import Purpose
from outreach.templating.catalog import Catalog
from outreach.templating.samples import samples

TEMPLATES = Path(__file__).parents[3] / "templates"
WORDS = TEMPLATES.parent / "config" / "policies" / "wording.toml"


def setting(channel=Channel.SMS, place=Jurisdiction.MAINLAND, signature="云杉银行", **more):
    more = {"purpose": Purpose.OVERDUE_NOTICE, **more}
    return Setting(channel=channel, place=place, signature=signature, **more)


def reasons(wording, text, channel=Channel.SMS, **more):
    return {finding.rule for finding in wording.check_words(text, setting(channel, **more))}


BANNED = [
    ("公安局经侦支队已受理您的案件", "L1"),
    ("法院执行局通知您", "L1"),
    ("检察院已介入", "L1"),
    ("我行将发律师函", "L1"),
    ("您已涉嫌信用卡诈骗", "L2"),
    ("再不还款将被追究刑事责任", "L2"),
    ("等着坐牢吧", "L2"),
    ("網上追逃,馬上逮捕", "L2"),
    ("我行已经立案", "L3"),
    ("我们已对您提起诉讼", "L3"),
    ("法院传票已发出", "L3"),
    ("强制执行在即", "L3"),
    ("将冻结您名下全部银行卡", "L3"),
    ("查封房产车辆并拍卖", "L3"),
    ("案件编号20261123", "L3"),
    ("列入失信被执行人名单", "L4"),
    ("限制高消费,不能坐高铁飞机", "L4"),
    ("上全网黑名单", "L4"),
    ("影响您子女上学", "L4"),
    ("征信留下终身污点", "L4"),
    ("还款后立即消除征信记录", "L4"),
    ("我们将派人上门", "L5"),
    ("后果自负", "L5"),
    ("你这个无赖", "L5"),
    ("让你身败名裂", "L5"),
    ("已委托当地催收队", "L5"),
    ("请转入经办人个人账户", "L6"),
    ("加我微信转账", "L6"),
    ("另收催收费200元", "L6"),
    ("建议您借新还旧", "L6"),
    ("我们会联系您的家人", "L7"),
    ("通知你单位领导", "L7"),
    ("群发通讯录", "L7"),
    ("父债子还", "L7"),
    ("请转告张三欠款未还", "L7"),
    ("今天是最后一次机会", "L8"),
    ("不还利息翻倍", "L8"),
    ("最后通牒", "L8"),
    ("还清后为您提升额度", "L9"),
    ("点击t.cn/abc还款", "L9"),
    ("身份证11010519491231002X", "C-10"),
]


@pytest.mark.parametrize(("text", "reason"), BANNED)
def test_banned_words_are_found(wording, text, reason):
    for channel in Channel:
        assert reason in reasons(wording, text, channel)


@pytest.mark.parametrize(
    "text",
    ["坐 牢", "坐*牢", "坐。牢", "坐...牢", "坐_牢", "坐\u200b牢", "【坐】牢", "再不还就坐-牢!"],
)
def test_symbols_slipped_in_hide_nothing(wording, text):
    assert "L2" in reasons(wording, text, Channel.EMAIL)


@pytest.mark.parametrize(
    "text", ["Ｐｏｌｉｃｅ", "ARREST", "減免１００%", "後果自負", "凍結閣下的戶口"]
)
def test_width_case_and_traditional_characters(wording, text):
    assert reasons(wording, text, Channel.EMAIL)


LAWFUL = [
    "【云杉银行】王先生您好,您尾号1234的信用卡本期应还1,234.56元,到期还款日为12月05日。",
    "如未还款,我行可能依法起诉。",
    "逾期信息将依法报送征信系统。",
    "债权人可能依法采取诉讼等方式主张权利。",
    "您的账户已逾期,可能依法起诉",
    "如已还款请忽略,如非本人请回复N。",
    "函件编号YS2026112300001",
    "请于2026年12月5日前履行还款义务",
    "投诉请致电400-000-0000",
    "本函不是律师函。",
    "请勿转入任何个人账户,谨防诈骗。",
    "谨防信用卡诈骗",
    "我行不收取催收费",
    "还款确有困难的,可申请减免还款方案",
    "工作人员不会上门收取现金",
    "如需面谈请致电预约",
    "单位:元。特此通知。云杉银行股份有限公司",
    "逾期資訊將依法報送聯徵中心",
    "受云杉银行委托的青杨资产管理公司",
    "户名:云杉银行;账号:110105194912310021234",
]


@pytest.mark.parametrize("text", LAWFUL)
def test_lawful_words_pass(wording, text):
    for channel in Channel:
        assert reasons(wording, text, channel) == set()


PLACES = dict(zip(Locale, Jurisdiction, strict=True))


def test_our_own_templates_carry_no_banned_phrase(wording):
    templates = Catalog(TEMPLATES).all()
    assert templates
    for template in templates:
        for context in samples(template.purpose, template.locale).values():
            rendered = template.render(context)
            text = f"{rendered.subject}\n{rendered.text}"
            more = {"purpose": template.purpose, "agency": context.agency or ""}
            here = setting(
                template.channel, PLACES[template.locale], context.creditor.signature, **more
            )
            refused = wording.check_words(text.strip(), here)
            assert [each for each in refused if each.effect is Effect.BLOCK] == []


def test_the_finding_names_the_phrase_where_and_what_to_write_instead(wording):
    text = "【云杉银行】再不还 坐＊牢。"
    finding, *_ = wording.check_words(text, setting())
    assert finding.rule == "L2"
    assert finding.effect is Effect.BLOCK
    assert finding.values == {
        "phrase": finding.values["phrase"],
        "at": text.index("坐"),
        "length": 3,
        "class": "L2",
    }
    assert "可改为" in finding.says


def test_a_finding_never_carries_the_text_between(wording):
    found = wording.check_words("转入李雷的个人账户", setting())
    assert found
    for finding in found:
        assert "李雷" not in f"{finding.says}{dict(finding.values)}"


def test_none_hides_another(wording):
    text = "再不还坐牢,后果自负,通知你的单位"
    assert reasons(wording, text) == {"L2", "L5", "L7"}


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("【云杉银行】请还款", set()),
        ("云杉银行:请还款", set()),
        ("【远山银行】温馨提示", {"M-02"}),
        ("【云杉银行】请还款【重要】", {"M-02"}),
        ("请还款【云杉银行】", {"M-02"}),
        ("【云杉银行】应还¥100", {"M-04"}),
        ("【云杉银行】应还￥100", {"M-04"}),
        ("★温馨提示☞", {"M-04"}),
    ],
)
def test_signature_and_symbols_of_an_sms(wording, text, rules):
    assert reasons(wording, text) == rules
    assert reasons(wording, text, Channel.EMAIL) == set()


def test_the_length_of_an_sms_counts_utf16_units(wording):
    def found(text):
        return [
            (each.rule, each.effect) for each in wording.check_words(text, setting(signature=""))
        ]

    assert found("还" * 134) == []
    assert found("还" * 135) == [("M-03", Effect.FLAG)]
    assert found("还" * 500) == [("M-03", Effect.FLAG)]
    assert found("还" * 501) == [("M-03", Effect.BLOCK)]
    assert found("𠮷" * 251) == [("M-03", Effect.BLOCK)]
    assert wording.check_words("还" * 5000, setting(Channel.LETTER)) == ()


@given(before=st.text(), after=st.text(), channel=st.sampled_from(Channel))
def test_whatever_stands_around_it_a_plain_threat_is_found(wording, before, after, channel):
    assert "L2" in reasons(wording, f"{before}坐牢{after}", channel)


LISTED = tomllib.loads((TEMPLATES.parent / "config/policies/wording.toml").read_text())
LISTED_WORDS = {name: tuple(words.split()) for name, words in LISTED["words"].items()}
PHRASES = [
    _parse(_expanded(side.strip(), LISTED_WORDS))
    for entry in LISTED["phrase"]
    for text in entry["match"]
    for side in text.split("&")
]
SYMBOLS = " 。,,._-\n…\u200b*的"
WIDE = {ord(c): ord(c) + 0xFEE0 for c in "abcdefghijklmnopqrstuvwxyz0123456789./"}


def plainly(wording, text, setting):
    """What every phrase of the list says of a text, asked one by one, as (phrase, at)."""

    def form(part):
        return normal(part, wording.fold)

    listed = {each.order: each for each in chain(*wording.index[setting.place].values())}
    for said, how in ((form(text), form), (spelled(form(text)), lambda t: spelled(form(t)))):
        for each in listed.values():
            if each.counts(setting):
                for start, _ in each.hits(said):
                    yield each.phrase.name, place(text, start, how)


def said_of(parts, draw):
    """One way to write a phrase of the list."""
    said = ""
    for part in parts:
        match part:
            case _Gap():
                said += draw(st.text("云甲 ", max_size=7))
            case _Maybe(within):
                said += draw(st.sampled_from(("", said_of((within,), draw))))
            case _Group(ways):
                said += said_of(draw(st.sampled_from(ways)), draw)
            case _Char(chars, not_one):
                said += "甲" if not_one else draw(st.sampled_from(sorted(chars)))
    return said


@st.composite
def hidden(draw):
    """A phrase of the list, written as somebody might who does not want it found."""
    text = said_of(draw(st.sampled_from(PHRASES)), draw)
    text = "".join(char + draw(st.text(SYMBOLS, max_size=2)) for char in text)
    return draw(st.sampled_from((text, text.upper(), text.translate(WIDE))))


GUARDS = (
    "我行不会",
    "切勿",
    "谨防",
    "您投诉",
    "法院判决后可能",
    "1,234.56",
    "A123456(7)",
    "t.cn/a",
)


@given(
    st.lists(
        hidden() | st.text(max_size=5) | st.sampled_from(GUARDS) | st.text(SYMBOLS, max_size=3),
        max_size=6,
    ).map("".join),
    st.sampled_from(Jurisdiction),
)
@settings(max_examples=200, deadline=None)
def test_the_quick_way_finds_what_asking_one_by_one_finds(wording, text, place):
    here = setting(Channel.EMAIL, place)
    wording.forget()
    marks = {table["name"] for table in LISTED["raw"]}
    found = [each.values for each in wording.check_words(text, here)]
    quick = {(v["phrase"], v["at"]) for v in found if v.get("phrase", "") not in {*marks, ""}}
    assert quick == set(plainly(wording, text, here))


@given(
    st.lists(hidden() | st.text("0123456789,. A元/", max_size=20), max_size=4).map("".join),
    st.lists(st.sampled_from("0123456789"), min_size=1),
    st.sampled_from(Jurisdiction),
)
@settings(max_examples=200, deadline=None)
def test_what_was_seen_before_with_other_figures_hides_nothing(wording, text, figures, place):
    here = setting(Channel.EMAIL, place)
    others = iter(figures * len(text))
    other = "".join(next(others) if char in "0123456789" else char for char in text)
    wording.forget()
    alone = wording.check_words(other, here)
    wording.forget()
    wording.check_words(text, here)
    assert wording.check_words(other, here) == alone
    assert wording.check_words(other, here) == alone


@pytest.mark.parametrize(
    "text",
    ["坐 牢", "坐*牢", "坐。牢", "坐\u200b牢", "【坐】牢", "zuo lao", "坐lao", "ZUO牢", "坐劳"],
)
def test_symbols_sounds_and_likes_hide_nothing(wording, text):
    assert "L2" in reasons(wording, f"等着{text}吧", Channel.EMAIL)


def test_a_text_chopped_into_single_characters_is_read(wording):
    assert "L1" in reasons(wording, "警.署.已.備.案", Channel.EMAIL)


def test_the_finding_names_the_span(wording):
    text = "【云杉银行】欠款１２３元,再 不还 坐＊牢。"
    finding, *_ = wording.check_words(text, setting())
    at, length = finding.values["at"], finding.values["length"]
    assert text[at : at + length] == "坐＊牢"


BY_PLACE = [
    ("再不还款就等着坐牢", Jurisdiction.MAINLAND, "L2"),
    ("再不還款就等著坐牢", Jurisdiction.HONG_KONG, "HK-04"),
    ("再不繳款將被逮捕羈押", Jurisdiction.TAIWAN, "TW-05"),
    ("將拍賣台端不動產", Jurisdiction.TAIWAN, "TW-05"),
    ("将通知您单位领导", Jurisdiction.MAINLAND, "L7"),
    ("會通知閣下的僱主", Jurisdiction.HONG_KONG, "HK-06"),
    ("會通知您的公司主管", Jurisdiction.TAIWAN, "TW-08"),
    ("請匯入本人帳戶", Jurisdiction.TAIWAN, "TW-14"),
    ("還清後可立即提升信用額", Jurisdiction.HONG_KONG, "HK-24"),
    ("還清後可申請提額", Jurisdiction.TAIWAN, "TW-40"),
    ("時效已過仍須繳款", Jurisdiction.TAIWAN, "TW-31"),
    ("本债务永久有效", Jurisdiction.MAINLAND, "S-11"),
]


@pytest.mark.parametrize(("text", "place", "rule"), BY_PLACE)
def test_each_place_refuses_under_its_own_rule(wording, text, place, rule):
    found = wording.check_words(text, setting(Channel.EMAIL, place))
    assert rule in {each.rule for each in found}
    for each in found:
        assert (each.source, each.confidence) == (
            wording.rules[each.rule].source,
            wording.rules[each.rule].confidence,
        )
        assert each.rule.startswith({"hk": "HK", "tw": "TW"}.get(place, ""))


def test_a_law_firm_with_a_mandate_writes_a_lawyers_letter(wording):
    text = "律师函:本律师团队受云杉银行委托致函。"
    letter = {"channel": Channel.LETTER, "purpose": Purpose.LAWYER_LETTER}
    assert "L1" in reasons(wording, text, **letter)
    assert reasons(wording, text, mandate="委字2026-8", **letter) == set()
    demand = {"channel": Channel.LETTER, "purpose": Purpose.DEMAND_LETTER}
    assert "L1" in reasons(wording, text, mandate="委字2026-8", **demand)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("马上还钱,别再装死,我行已向法院起诉,案号(2026)云01民初123号", Jurisdiction.MAINLAND),
        ("還不還錢,你要不要臉,本行已聲請支付命令,115年度司促字第123號", Jurisdiction.TAIWAN),
        ("再唔還錢就等着瞧,本行已入稟法院,案件HCA 123/2026", Jurisdiction.HONG_KONG),
    ],
)
def test_a_case_number_lets_a_person_release_what_it_is_about_and_no_more(wording, text, place):
    here = setting(Channel.EMAIL, place)
    found = wording.check_words(text, here)
    assert all(each.effect is Effect.BLOCK for each in found)
    assert any(each.releasable for each in found)
    without = wording.check_words(re.sub(r"[\d/]", "", text), here)
    assert without
    assert not any(each.releasable for each in without)


def test_an_agency_does_not_speak_as_the_bank_in_taiwan(wording):
    here = {"channel": Channel.EMAIL, "place": Jurisdiction.TAIWAN}
    assert reasons(wording, "本行提醒您繳款", **here) == set()
    assert reasons(wording, "本行提醒您繳款", agency="青松公司", **here) == {"TW-13"}


def test_an_agency_in_hong_kong_announces_no_legal_action(wording):
    here = {"channel": Channel.EMAIL, "place": Jurisdiction.HONG_KONG}
    text = "委託銀行或會採取法律行動"
    assert reasons(wording, text, **here) == set()
    assert reasons(wording, text, agency="青松公司", **here) == {"HK-15"}


DOUBLE = ["我们不得不通知您的单位", "公司不会不上门的"]


@pytest.mark.parametrize("text", DOUBLE)
def test_a_double_negation_is_no_guard(wording, text):
    assert reasons(wording, text, Channel.EMAIL)


@pytest.mark.parametrize(
    ("text", "place", "rule"),
    [
        ("身份证11010519491231002X", Jurisdiction.MAINLAND, "C-10"),
        ("卡号6222 0000 0000 0000 000", Jurisdiction.MAINLAND, "C-10"),
        ("身份證號碼A123456(7)", Jurisdiction.HONG_KONG, "HK-23"),
        ("字號A123456789", Jurisdiction.TAIWAN, "TW-04"),
        ("減免比例100%", Jurisdiction.TAIWAN, "TW-04"),
        ("点击t.cn/abc", Jurisdiction.MAINLAND, "L9"),
        ("+V:abc", Jurisdiction.MAINLAND, "L6"),
    ],
)
def test_marks_are_found_whatever_was_seen_before(wording, text, place, rule):
    for _ in range(2):
        assert rule in reasons(wording, text, Channel.EMAIL, place=place)


def test_the_memory_is_bounded(wording, monkeypatch):
    monkeypatch.setattr("outreach.compliance.wording.KEPT", 3)
    here = setting(Channel.EMAIL, signature="一家银行")
    for name in "甲乙丙丁戊":
        wording.check_words(f"{name}先生", here)
        assert wording.remembered(here) <= 3


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('reason = "L1"', 'reason = "L77"', "key phrase.reason"),
        ('"警务"', '"[警务"', "key phrase.match"),
        ('"警务"', '"~警务"', "begins or ends with a gap"),
        ('"警务"', '"(警)?"', "no character that must be there"),
        ('"警务"', '"警("', "empty somewhere"),
        ('"警务"', '"(警"', "does not close"),
        ('"警务"', '"警)"', "closes what it did not open"),
        ('"警务"', '"?警"', "? after nothing"),
        ('"警务"', '"<无此词>警"', "names no list"),
        ('unless = ["<防骗>"', 'unless = ["<无此词>"', "key phrase.unless"),
        ('release = "case number"', 'release = "anybody"', "key phrase.release"),
        ('rules = { cn-mainland = "L1"', 'rules = { cn-mainland = "L00"', "key classes.L1"),
        ("max_units = 500", "", "key sms.max_units"),
    ],
)
def test_a_wrong_word_list_is_refused(tmp_path, policies, old, new, expected):
    path = tmp_path / "wording.toml"
    path.write_text((policies / "wording.toml").read_text().replace(old, new, 1))
    with pytest.raises(ConfigurationError) as caught:
        load_wording(path)
    assert expected in str(caught.value)


def test_every_expression_of_the_list_compiles(wording):
    """They are compiled when first asked for: a wrong one must not wait for a message."""
    listed = {
        id(each): each for index in wording.index.values() for of in index.values() for each in of
    }
    for each in listed.values():
        for regex in (each.phrase.regex, each.before, each.after, each.near):
            compiled(regex)


@pytest.mark.parametrize(
    "text",
    [
        "请警惕,警察明天就到你家。",
        "我们不会放过你,先致歉了,明天上门找你父母。",
        "谨防被骗,但你再不还钱就报警抓你。",
        "您担心的事会发生,我们明天去你单位。",
        "我司承诺:不还就上门,不见不散。",
        "网上说你是老赖,我们也这么看,明天去你家。",
        "很抱歉,你这个废物,明天上门。",
        "盗刷也要还,不还就让公安抓你。",
        "您询问的结果就是坐牢。",
        "挂失没有用,派出所明天传唤你。",
    ],
)
def test_nothing_unlawful_passes_behind_advice_quotation_or_apology(wording, text):
    assert [each for each in wording.check_words(text, setting()) if each.effect is Effect.BLOCK]


@pytest.mark.parametrize(
    "text",
    [
        "您说催收员骂您“老赖”,我们复听了录音,谨此致歉,相关人员已停岗。",
        "您的信中写道“要砸门、泼油漆”,读到这里我们很难过,谨致歉意。",
        "出借手机卡帮人刷流水,可能触犯刑法,受损的是您自己,请妥善保管本人证件。",
    ],
)
def test_what_only_a_person_can_tell_apart_is_put_to_one(wording, text):
    found = [each for each in wording.check_words(text, setting()) if each.effect is Effect.BLOCK]
    assert found
    assert all(each.releasable for each in found)
    assert all("放行" in each.release for each in found)


@pytest.mark.parametrize(("release", "free"), [("", True), ("person", True), ("nobody", False)])
def test_a_list_may_forbid_what_the_second_reader_thinks_harmless(tmp_path, release, free):
    entry = f'[[phrase]]\nreason = "L1"\nmatch = ["薄荷"]\nsafe = "…"\nrelease = "{release}"\n'
    head, mark, rest = WORDS.read_text("utf-8").partition("[[phrase]]")
    (tmp_path / "wording.toml").write_text(head + entry + mark + rest, "utf-8")
    wording = load_wording(tmp_path / "wording.toml")
    [found] = wording.check_words("感谢您的来电,本行薄荷部门已为您办理。", setting(Channel.EMAIL))
    assert (found.rule, found.releasable) == ("L1", free)


# nothing of it stands in the list
VEILED = "今晚不打钱,你那点破事明天大家就都晓得了"


def test_what_only_reads_like_the_unlawful_is_put_to_a_person(wording):
    mild = "感谢您一直以来的支持,如已还款请忽略本条信息。"
    for channel in (Channel.SMS, Channel.EMAIL):
        [found] = wording.check_words(f"{mild}{VEILED}。{mild}", setting(channel))
        assert (found.rule, found.effect, found.releasable) == ("L0", Effect.BLOCK, True)
        assert found.values == {"at": len(mild), "length": len(VEILED) + 1}
        assert found.confidence.label.startswith("机构默认")


def test_a_doubt_is_not_forgotten(wording):
    here = setting(Channel.EMAIL)
    wording.forget()
    first = wording.check_words(f"您好:\n{VEILED}", here)
    assert [each.rule for each in first] == ["L0"]
    assert wording.check_words(f"您好:\n{VEILED}", here) == first


def test_where_a_phrase_is_found_a_doubt_adds_nothing(wording):
    assert reasons(wording, f"{VEILED},等着坐牢吧") == {"L2"}


@given(st.text(max_size=300))
def test_the_second_reader_reads_anything(wording, text):
    for each in wording.check_words(text, setting(Channel.EMAIL)):
        assert 0 <= each.values["at"] < len(text)
        assert each.values["at"] + each.values["length"] <= len(text)
