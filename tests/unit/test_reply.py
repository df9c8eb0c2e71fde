"""What debtors write, and what the first reading makes of it."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.days import days_named
from outreach.domain.response import ResponseKind
from outreach.replies.folded import Folded, own_words
from outreach.replies.likeness import FILE, grams_of, likeness
from outreach.replies.reading import read_reply
from outreach.replies.rules import FARTHEST, read_by_rules

TODAY = date(2026, 11, 23)  # a Monday
(
    OUT,
    WRONG,
    PAID,
    PROMISE,
    DISPUTE,
    HARD,
    COMPLAINT,
    PERSON,
    GENUINE,
    ABUSE,
    OTHER,
    EMPTY,
) = ResponseKind


def by_rules(text, today=TODAY):
    """What the rules hear; the second reader is no part of what is tested by single phrases."""
    return tuple(read_by_rules(Folded.of(own_words(text)), today).values())


def kinds(text):
    return {understood.kind for understood in by_rules(text)} or {OTHER}


SAYS = {
    OUT: (
        "T|t|TD|td|Ｔ|R|T。|回复T|退订|退訂|TD退订|退订!!!|停止|拒收|STOP|Unsubscribe|"
        "请不要再发了|別再發短信給我|唔好再send俾我|不想再收到短信|请停止发送短信|取消订阅|"
        "别给我打电话|不要联系我|怎么退订|取消簡訊通知|把我的號碼刪掉|勿擾|請停止寄信到此信箱|"
        "不许再发|8要再发了|別在傳了|unsub"
    ),
    WRONG: (
        "N|n|Ｎ|回N|不是本人|非本人|打错了|打錯了|不是我|唔係我|这不是我|你們打錯電話了|"
        "不认识这个人|我不是张三|我不叫李四|这个号码换人了|发错人了|Wrong number|查无此人|"
        "我是他前同事|搵錯人喇|号主换了|前机主的事|"
        "我是他妈妈|這是學校的電話|我不是王先生|人已经离职|同名同姓"
    ),
    PAID: (
        "已还|已还款|已還|还过了|已經還了|已繳|已缴清|昨天还了|还清了|还咗啦|已經轉帳|款已付|"
        "上周已经缴清|钱已经打过去了|昨晚已通过APP还清|我已经付了|转账已完成|上个月就还了|paid|"
        "15号已经还了|刚刚还了|我已经还款了"
    ),
    PROMISE: (
        "明天还|明天還|后天處理|下周五还|周五还|15号还|月底还|发工资就还|出糧就還|尽快还|"
        "今晚还|等发工资了还|工资下来还你们|领到薪水就缴|我一定会还的|等我有钱再还|过年后还|"
        "今天到账"
    ),
    DISPUTE: (
        "金额不对|金額不對|没办过卡|我没有办过你们的卡|盗刷|卡被盗刷了|利息太高了|不是我借的|"
        "对金额有异议|對帳單有異議|我没有欠你们钱|账单金额有误|這筆不是我刷的|"
        "贷款不是我本人办的|算错了|这笔账我不认|已过诉讼时效|利息超过法定上限|"
        "我從未借款|帳款有疑義|是被骗办的|多出来三千|违约金怎么来的|我卡早就注销了"
    ),
    HARD: (
        "失业|失業了|生病住院了|没钱|沒錢|冇錢|困难|还不起|还不上|明天还不了|我已经还不起了|"
        "能不能分期|没有钱还|公司倒闭了没收入|没办法还|可以宽限几天吗|我要和你们协商还款|吃饭都成问题|想辦前置協商|拿什么还"
    ),
    COMPLAINT: (
        "投诉|投訴|我要投诉你们|打12378|我要去银保监会举报你们|不要再给我爸打电话|暴力催收|"
        "不要联系我家人"
    ),
    PERSON: ("转人工|轉人工|人工客服|请给我回个电话|麻烦客服联系我|有没有真人|明天打电话给我"),
    GENUINE: ("是真的吗|骗子吧|這是詐騙嗎|怎么证明你们是银行|是官方短信吗|钓鱼短信|is this a scam"),
    ABUSE: "傻逼|你他妈的|滚|一群流氓|仆街|無恥|神经病",
    OTHER: (
        "好的|收到|唔該晒|🙂|1|你们是谁|怎么还款|还款日是15号吗|已读|已经知道了|不还|我不会还的"
    ),
}
PHRASES = [(text, kind) for kind, texts in SAYS.items() for text in texts.split("|")]


@pytest.mark.parametrize(("text", "kind"), PHRASES)
def test_one_thing_said(text, kind):
    assert kinds(text) == {kind}


@pytest.mark.parametrize(
    ("text", "not_said"),
    [
        ("不退订", OUT),
        ("别退订", OUT),
        ("不用退订", OUT),
        ("不要停止", OUT),
        ("还没还", PAID),
        ("没还", PAID),
        ("未还", PAID),
        ("我还没有还清", PAID),
        ("not paid", PAID),
        ("明天还了", PAID),
        ("等我下周还清", PAID),
        ("我已经准备还款了", PAID),
        ("昨天还在上班", PAID),
        ("我没有失业", HARD),
        ("没有困难", HARD),
        ("没什么困难", HARD),
        ("没有异议", DISPUTE),
        ("不投诉了", COMPLAINT),
        ("不想投诉", COMPLAINT),
        ("别给我打电话", PERSON),
        ("是不是本人要来", WRONG),
        ("明天还要上班", PROMISE),
        ("今天还收到短信", PROMISE),
        ("明天还不了", PROMISE),
        ("没有钱还", PROMISE),
        ("我不会还的", PROMISE),
        ("请尽快处理我的投诉", PROMISE),
        ("尽快转人工", PROMISE),
    ],
)
def test_traps(text, not_said):
    assert not_said not in kinds(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("已还,别再发了", {PAID, OUT}),
        ("你好我不是本人,请勿再发", {WRONG, OUT}),
        ("失业了还不上,下个月还", {HARD, PROMISE}),
        ("今天没钱,后天发工资就还", {HARD, PROMISE}),
        ("卡被盗刷了,我要投诉,请给我回电", {DISPUTE, COMPLAINT, PERSON}),
        ("我已经付了，麻烦核实", {PAID}),
        ("现在很困难,能否延期到月底", {HARD, PROMISE}),
    ],
)
def test_several_things_said(text, said):
    assert kinds(text) == said


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("今天还", "2026-11-23"),
        ("今晚还", "2026-11-23"),
        ("明天还", "2026-11-24"),
        ("聽日還", "2026-11-24"),
        ("后天还", "2026-11-25"),
        ("後天還", "2026-11-25"),
        ("大后天还", "2026-11-26"),
        ("周五还", "2026-11-27"),
        ("这周五还", "2026-11-27"),
        ("周一还", "2026-11-23"),
        ("星期天還", "2026-11-29"),
        ("下周五还", "2026-12-04"),
        ("下週五還款", "2026-12-04"),
        ("下星期五还", "2026-12-04"),
        ("下礼拜五还", "2026-12-04"),
        ("下個禮拜五還", "2026-12-04"),
        ("下下周一还", "2026-12-07"),
        ("下周还", "2026-12-06"),
        ("15号还", "2026-12-15"),
        ("15號還", "2026-12-15"),
        ("15日還", "2026-12-15"),
        ("23号还", "2026-11-23"),
        ("28号之前一定还", "2026-11-28"),
        ("31号还", "2026-11-30"),
        ("二十五号还", "2026-11-25"),
        ("下个月10号还", "2026-12-10"),
        ("12月5日还", "2026-12-05"),
        ("12月5号前还清", "2026-12-05"),
        ("十二月五日还", "2026-12-05"),
        ("12/5还", "2026-12-05"),
        ("12.5还", "2026-12-05"),
        ("1月5日还", "2027-01-05"),
        ("2027年1月5日还", "2027-01-05"),
        ("115年12月5日繳", "2026-12-05"),
        ("月底还", "2026-11-30"),
        ("本月底前结清", "2026-11-30"),
        ("下月底还", "2026-12-31"),
        ("12月底还", "2026-12-31"),
        ("下月初还", "2026-12-05"),
        ("下个月还", "2026-12-31"),
        ("年底前还", "2026-12-31"),
        ("三天内还", "2026-11-26"),
        ("10天后还", "2026-12-03"),
        ("两周内还", "2026-12-07"),
        ("一个月内还清", "2026-12-23"),
        ("半个月后还", "2026-12-08"),
        ("下週三領薪水就繳", "2026-12-02"),
        ("48小时内还", "2026-11-25"),
        ("名天还", "2026-11-24"),
    ],
)
def test_the_day_of_a_promise(text, day):
    (promise,) = by_rules(text)
    assert promise.kind is PROMISE
    assert promise.promised_on == date.fromisoformat(day)
    assert promise.sure


@pytest.mark.parametrize("text", ["发工资就还", "發薪就還", "出糧就還", "工资下来就还"])
def test_an_open_promise_has_no_day(text):
    (promise,) = by_rules(text)
    assert (promise.kind, promise.promised_on, promise.sure) == (PROMISE, None, True)


def test_a_day_in_another_clause_completes_the_promise():
    promise = next(u for u in read_reply("我会还的,下周五", TODAY) if u.kind is PROMISE)
    assert promise.promised_on == date(2026, 12, 4)
    assert not promise.sure


def test_a_day_that_does_not_exist_is_no_day():
    (promise,) = by_rules("13月40日还")
    assert (promise.promised_on, promise.sure) == (None, False)


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("已经还了一部分", PAID, "已经还了一部分"),
        ("已还500元", PAID, "已还500元"),
        ("刚刚还了最低还款额", PAID, "刚刚还了最低"),
        ("还了吗", PAID, "还了"),
        ("尽快还", PROMISE, "尽快还"),
        ("下周五", PROMISE, "下周五"),
        ("每月15号还500可以吗", PROMISE, "15号还"),
        ("怎么退订", OUT, "退订"),
        ("我不是张三", WRONG, "我不是张三"),
        ("能不能分期", HARD, "能不能分期"),
    ],
)
def test_what_wants_a_persons_eye(text, kind, words):
    (understood,) = by_rules(text)
    assert (understood.kind, understood.words, understood.sure) == (kind, words, False)


def test_the_words_are_those_of_the_message_as_written():
    (understood,) = by_rules("您好 ,  我 已經 還款 了 !")
    assert understood.words == "已經 還款 了"


@pytest.mark.parametrize("text", ["", "  ", "\n\n", "\u200b", "> 如已还款请忽略", "???", "……", "~"])
def test_nothing_said(text):
    (said,) = read_reply(text, TODAY)
    assert said.kind is EMPTY


@pytest.mark.parametrize(
    "mark",
    [
        "> 如已还款请忽略,如非本人请回复N",
        "-----原始邮件-----",
        "------------------ 原始郵件 ------------------",
        "发件人: 云杉银行 <notice@yunshan.test>",
        "寄件者：雲杉銀行",
        "On Mon, 23 Nov 2026 at 11:00, <notice@yunshan.test> wrote:",
        "云杉银行 <notice@yunshan.test> 于2026年11月23日周一 11:00写道：",
    ],
)
def test_what_a_mail_quotes_of_ours_is_not_said_by_the_debtor(mark):
    quoted = "> 投诉电话 400-000-0000" if mark[0] == ">" else "如已还款请忽略,投诉电话 400-000-0000"
    assert kinds(f"下周五还\n\n{mark}\n{quoted}") == {PROMISE}


pieces = st.sampled_from([*(text for text, _ in PHRASES), *"下周月号不还了/。吗十\n", "12"])
days = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@given(text=st.one_of(st.text(), st.lists(pieces, max_size=8).map("".join)), today=days)
def test_it_reads_anything_without_raising(text, today):
    said = read_reply(text, today)
    assert len({understood.kind for understood in said}) == len(said)
    for understood in said:
        assert understood.words in text
        assert understood.promised_on is None or understood.kind is PROMISE
    assert len(said) == 1 or not {OTHER, EMPTY} & {understood.kind for understood in said}


@given(day=days, today=days)
def test_a_promise_written_with_its_year_is_that_day(day, today):
    ((_, _, named),) = days_named(f"{day.year}年{day.month}月{day.day}日还", today)
    assert named == day
    (promise,) = by_rules(f"{day.year}年{day.month}月{day.day}日还", today)
    near = 0 <= (day - today).days <= FARTHEST
    assert promise.promised_on == (day if near else None)


@given(today=days)
def test_a_day_without_its_year_is_not_past(today):
    for text in ("15号还", "周三还", "月底还", "3月1日还", "下月初还", "年底还"):
        ((_, _, day),) = days_named(text, today)
        assert day >= today


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("不要在发工资前打给我", OUT),
        ("卡停了用不了", OUT),
        ("取消以后怎么还", OUT),
        ("别打我公司电话", WRONG),
        ("不要骚扰我的紧急联系人", WRONG),
        ("从你们那借的我会还", DISPUTE),
        ("我不认为有问题", DISPUTE),
        ("我会按时还的", DISPUTE),
        ("还差500明天补上", DISPUTE),
        ("退款到了就还", DISPUTE),
        ("还没完全还清", COMPLAINT),
        ("请查个人征信", PERSON),
        ("15日你们查一下", ABUSE),
        ("滚动还款可以吗", ABUSE),
        ("我是他妈妈", ABUSE),
        ("请告知结清金额", PAID),
    ],
)
def test_what_only_sounds_like_it_is_not_said(text, kind):
    assert kind not in kinds(text)


# ------------------------------------------------------------------------------ the second reader


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("手机都快被你们震没电了", OUT),
        ("这号我用三年了从没听过这名字", WRONG),
        ("账上这笔我压根没见过钱", DISPUTE),
    ],
)
def test_what_no_phrase_says_is_heard_and_not_sure(text, kind):
    assert kinds(text) == {OTHER}
    heard = next(each for each in read_reply(text, TODAY) if each.kind is kind)
    assert not heard.sure
    assert heard.words in text
    assert heard.words


@pytest.mark.parametrize(
    ("text", "kind"),
    [("T", OUT), ("N", WRONG), ("明天还", PROMISE), ("已还款", PAID), ("金额不对", DISPUTE)],
)
def test_plain_answers_mean_one_thing(text, kind):
    (said,) = read_reply(text, TODAY)
    assert (said.kind, said.sure) == (kind, True)


def test_of_several_clauses_the_one_that_says_it():
    text = "您好,收到了,这号我用三年了从没听过这名字,谢谢"
    heard = next(each for each in read_reply(text, TODAY) if each.kind is WRONG)
    assert heard.words == "这号我用三年了从没听过这名字"


def test_the_files_limits_and_weights_fit():
    reader = likeness()
    assert set(reader.kinds) == set(ResponseKind) - {OTHER, EMPTY}
    assert len(reader.limits) == len(reader.kinds)
    assert {len(each) for each in reader.weights.values()} == {len(reader.kinds)}
    assert all(len(gram) <= 2 for gram in reader.weights)
    assert FILE.stat().st_size < 1 << 20


def test_a_text_of_nothing_known_has_no_score():
    assert set(likeness().scores("\ue000\ue001")) == {0.0}
    assert grams_of("ab") == {"a", "b", "ab"}
