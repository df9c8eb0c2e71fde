"""The gate on words: what it finds however it is written, and what it leaves alone."""

import re
import tomllib
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outreach.compliance.finding import Effect
from outreach.compliance.wording import load_wording
from outreach.domain.contact import Channel
from outreach.domain.errors import ConfigurationError

TEMPLATES = Path(__file__).parents[3] / "templates"
GOLDEN = Path(__file__).parents[1] / "templating" / "golden"


def reasons(wording, text, channel=Channel.SMS):
    return {finding.rule for finding in wording.check_words(text, channel, "云杉银行")}


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


def test_our_own_templates_carry_no_banned_phrase(wording):
    texts = [path.read_text() for path in TEMPLATES.rglob("*.txt")]
    assert texts
    for text in texts:
        assert reasons(wording, text, Channel.LETTER) == set()


def test_the_finding_names_the_phrase_where_and_what_to_write_instead(wording):
    text = "【云杉银行】再不还 坐＊牢。"
    (finding,) = wording.check_words(text, Channel.SMS, "云杉银行")
    assert finding.rule == "L2"
    assert finding.effect is Effect.BLOCK
    assert finding.values == {"phrase": "坐牢", "at": text.index("坐")}
    assert "可改为" in finding.says


def test_a_finding_never_carries_the_text_between(wording):
    (finding,) = wording.check_words("转入李雷的个人账户", Channel.SMS, "云杉银行")
    assert "李雷" not in f"{finding.says}{dict(finding.values)}"


def test_none_hides_another(wording):
    text = "再不还坐牢,后果自负,通知你的单位"
    assert reasons(wording, text) == {"L2", "L5", "L7"}


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("【云杉银行】请还款", set()),
        ("云杉银行:请还款", set()),
        ("【别家银行】请还款", {"M-02"}),
        ("【云杉银行】请还款【重要】", {"M-02"}),
        ("请还款【云杉银行】", {"M-02"}),
        ("【云杉银行】应还¥100", {"M-04"}),
        ("【云杉银行】应还￥100", {"M-04"}),
        ("★请还款☞", {"M-04"}),
    ],
)
def test_signature_and_symbols_of_an_sms(wording, text, rules):
    assert reasons(wording, text) == rules
    assert reasons(wording, text, Channel.EMAIL) == set()


def test_the_length_of_an_sms_counts_utf16_units(wording):
    def found(text):
        return [(each.rule, each.effect) for each in wording.check_words(text, Channel.SMS, "")]

    assert found("还" * 134) == []
    assert found("还" * 135) == [("M-03", Effect.FLAG)]
    assert found("还" * 500) == [("M-03", Effect.FLAG)]
    assert found("还" * 501) == [("M-03", Effect.BLOCK)]
    assert found("𠮷" * 251) == [("M-03", Effect.BLOCK)]
    assert wording.check_words("还" * 5000, Channel.LETTER, "") == ()


@given(before=st.text(), after=st.text(), channel=st.sampled_from(Channel))
def test_whatever_stands_around_it_a_plain_threat_is_found(wording, before, after, channel):
    assert "L2" in reasons(wording, f"{before}坐牢{after}", channel)


LISTED = tomllib.loads((TEMPLATES.parent / "config/policies/wording.toml").read_text())
PHRASES = [phrase for entry in LISTED["phrase"] for phrase in entry["match"]]
GAPPED = ["公示~欠款", "影响~子女", "征信~终身", "向~个人账户"]  # of usual characters alone
FORMS = {group[0]: group for group in LISTED["traditional"].split()}
SYMBOLS = " 。,,._-\n…\u200b*的"
WIDE = {ord(c): ord(c) + 0xFEE0 for c in "abcdefghijklmnopqrstuvwxyz0123456789./"}


def plainly(wording, text):
    """What every phrase of the list says of a text, asked one by one."""
    half = unicodedata.normalize("NFKC", text).lower()
    bare = re.sub(r"[^\w。]|_", "", re.sub(r"[。.,、;:!?\n…]+", "。", half))
    phrases = dict(entry for entries in wording.phrases.values() for entry in entries)
    assert len(phrases) == len(PHRASES)
    for _, phrase in sorted(phrases.items()):
        for hit in phrase.pattern.finditer(bare):
            before = bare[: hit.start()].rpartition("。")[2][-8:]
            if not (phrase.unless and phrase.unless.search(before)):
                yield phrase.name
    for pattern, table in wording.raws:
        yield from [table.name] * len(pattern.findall(half))


@st.composite
def hidden(draw):
    """A phrase of the list, written as somebody might who does not want it found."""
    text = draw(st.sampled_from(PHRASES) | st.sampled_from(GAPPED))
    text = re.sub(r"\[([^]]*)\]", lambda group: draw(st.sampled_from(group[1])), text)
    text = re.sub(r".\?", lambda group: draw(st.sampled_from(("", group[0][0]))), text)
    text = text.replace("~", draw(st.text("云a1 。", max_size=7)))
    text = "".join(draw(st.sampled_from(FORMS.get(char, char))) for char in text)
    text = "".join(char + draw(st.text(SYMBOLS, max_size=2)) for char in text)
    return draw(st.sampled_from((text, text.upper(), text.translate(WIDE))))


@given(
    st.lists(
        hidden()
        | st.text(max_size=5)
        | st.text("".join(PHRASES) + SYMBOLS, max_size=9)
        | st.sampled_from(("不得", "勿", "谨防", "t.cn/a", "x.t.cn/", "11010519491231002X")),
        max_size=6,
    ).map("".join)
)
@settings(max_examples=300)
def test_the_quick_scans_find_what_asking_one_by_one_finds(wording, text):
    found = [each.values["phrase"] for each in wording.check_words(text, Channel.EMAIL, "")]
    assert found == list(plainly(wording, text))


@pytest.mark.parametrize("phrase", GAPPED)
def test_a_gap_holds_six_characters_and_any_symbols(wording, phrase):
    assert reasons(wording, phrase.replace("~", "- 甲 _ 乙*丙丁(戊)己 "), Channel.EMAIL)
    assert not reasons(wording, phrase.replace("~", "甲乙丙丁戊己庚"), Channel.EMAIL)


def test_what_we_send_most_is_cleared_by_the_quick_scans(wording):
    said = {path: path.read_text() for path in GOLDEN.glob("*.overdue_notice.*.txt")}
    assert len(said) == 6
    for text in said.values():
        half = unicodedata.normalize("NFKC", text).lower()
        assert not wording.rare_keys.search(half)
        assert not wording.usual_keys.search(half)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('reason = "L1"', 'reason = "L77"', "key phrase.reason"),
        ('"公安局"', '"[公安局"', "key phrase.match"),
        ('"公安局"', '"~公安局"', "start with a character"),
        ("max_units = 500", "", "key sms.max_units"),
    ],
)
def test_a_wrong_word_list_is_refused(tmp_path, policies, old, new, expected):
    path = tmp_path / "wording.toml"
    path.write_text((policies / "wording.toml").read_text().replace(old, new, 1))
    with pytest.raises(ConfigurationError) as caught:
        load_wording(path)
    assert expected in str(caught.value)
