"""What each standing must be shown by, how long it lasts, and when its clock runs out.

Days are the debtor's own. Numbers come from the rules named beside them; where none is named the
number is this program's choice.
"""

from collections.abc import Callable, Mapping
from datetime import date, time, timedelta
from enum import StrEnum

from outreach.domain.contact import Channel
from outreach.domain.debtor import Jurisdiction, Standing
from outreach.domain.frozen import frozen
from outreach.domain.refusal import Refusal

HARDSHIP_DAYS = 30
PENDING_PAYMENT_DAYS = 3
OPEN_PROMISE_DAYS = 14

LISTS = frozenset({Standing.DO_NOT_CONTACT, Standing.VIP, Standing.STAFF, Standing.HUMAN_ONLY})
"""名单: kept by somebody for a reason; no document proves them."""

OF_THE_PERSON = LISTS | {
    Standing.DECEASED,
    Standing.MISSING,
    Standing.INCAPACITY,
    Standing.MINOR,
    Standing.BANKRUPTCY,
    Standing.ARRANGEMENT,
    Standing.REHABILITATION,
    Standing.LIQUIDATION,
    Standing.PRESERVATION,
    Standing.AGREED_HOURS,
}
"""Never of one account only."""

OF_AN_ACCOUNT = frozenset({Standing.ASSIGNED, Standing.ACQUIRED})
"""Never of the whole person: what is assigned is a claim."""


class Body(StrEnum):
    """Where a complaint came in."""

    BRANCH = "branch"  # 网点、客服、来信: at the creditor itself
    HOTLINE_12378 = "12378"  # 银行保险消费者投诉维权热线
    HOTLINE_12345 = "12345"  # 政务服务便民热线
    HOTLINE_12321 = "12321"  # 网络不良与垃圾信息举报
    HOTLINE_12363 = "12363"  # 人民银行金融消费权益保护
    REGULATOR = "regulator"  # 金管局, 金管會
    OMBUDSMAN = "ombudsman"  # 評議中心, 調解中心
    REPLY = "reply"  # in answer to one of our notices


class About(StrEnum):
    """What a dispute is about."""

    AMOUNT = "amount"  # 金额
    NOT_MINE = "not_mine"  # 非本人债务
    FRAUD = "fraud"  # 盗刷
    CREDIT_DATA = "credit_data"  # 征信信息


@frozen
class Stated:
    """What somebody states of a person, or of one account; what is None was not said.

    ``until`` and ``answer_by`` are last days, included. ``complex``: a complaint that takes the
    longer clock. ``channels``, ``opens``, ``closes``: the hours agreed upon.
    """

    kind: Standing
    reason: str
    evidence: str | None = None
    reference: str | None = None
    owner: str | None = None
    since: date | None = None
    until: date | None = None
    answer_by: date | None = None
    account_only: bool = False
    body: Body | None = None
    complex: bool = False
    about: About | None = None
    channels: tuple[Channel, ...] = ()
    opens: time | None = None
    closes: time | None = None

    @property
    def detail(self) -> dict[str, object]:
        """What only this kind has, as it is stored: texts, and a list of them."""
        hours = (self.opens, self.closes)
        fields: dict[str, object] = {
            "body": self.body and str(self.body),
            "handling": "complex" if self.complex else None,
            "about": self.about and str(self.about),
            "channels": [str(channel) for channel in self.channels] or None,
            **{
                name: f"{hour:%H:%M}" if hour else None
                for name, hour in zip(("opens", "closes"), hours, strict=True)
            },
        }
        return {name: value for name, value in fields.items() if value is not None}


# ---------------------------------------------------------------------------- clocks and lengths

COMPLAINT_MOST_DAYS = 60
"""15 or 30, and 30 more with approval (银行业保险业消费投诉处理管理办法)."""


def answer_days(kind: Standing, place: Jurisdiction, detail: Mapping[str, object]) -> int | None:
    """Within how many days it must be answered, or None where no rule counts them.

    Complaints: mainland 15, complex 30 (银行业保险业消费投诉处理管理办法); Taiwan 30 (金保法 13);
    Hong Kong's Code of Banking Practice 47.7 says promptly. Disputed credit data: mainland 20
    (征信业管理条例 25).
    """
    if kind is Standing.COMPLAINT:
        mainland = 30 if detail.get("handling") == "complex" else 15
        return {Jurisdiction.MAINLAND: mainland, Jurisdiction.TAIWAN: 30}.get(place)
    if kind is Standing.DISPUTE and detail.get("about") == About.CREDIT_DATA:
        return {Jurisdiction.MAINLAND: 20}.get(place)
    return None


_LASTS = {
    Standing.HARDSHIP: HARDSHIP_DAYS,
    Standing.PAYMENT_PENDING: PENDING_PAYMENT_DAYS,
    Standing.PROMISE: OPEN_PROMISE_DAYS,
}

_MOST = {
    Standing.PLAN: (timedelta(days=5 * 366 - 3), "5 years (60 months)"),  # 信用卡办法 70
    Standing.PRESERVATION: (timedelta(days=120), "120 days"),  # 消債條例 19: 60 and 60 more
}


def lasts_days(kind: Standing) -> int | None:
    """For how many days it stands where no last day is given; None: until a person ends it."""
    return _LASTS.get(kind)


# ------------------------------------------------------------------------------ what is refused

_ENDS_ITSELF = frozenset({Standing.PLAN, Standing.MINOR, Standing.PRESERVATION})
_NUMBERED = frozenset(
    {
        Standing.BANKRUPTCY,
        Standing.ARRANGEMENT,
        Standing.REHABILITATION,
        Standing.LIQUIDATION,
        Standing.PRESERVATION,
        Standing.LAWSUIT,
    }
)

Check = Callable[[Stated, date], Refusal | None]


def refusal(stated: Stated, today: date, place: Jurisdiction) -> Refusal | None:
    """The first thing that is missing or cannot be, or None; day and place are the debtor's."""
    found = next((found for check in _CHECKS if (found := check(stated, today))), None)
    return found or _clock(stated, today, place)


def _evidence(stated: Stated, _: date) -> Refusal | None:
    if stated.evidence or stated.kind in LISTS:
        return None
    return Refusal("evidence", "empty: what shows it?", "give a document's number or digest")


def _number(stated: Stated, _: date) -> Refusal | None:
    if stated.kind in _NUMBERED and not stated.reference:
        return Refusal("reference", "empty: which case or order?", "give its number")
    if stated.kind is Standing.COMPLAINT and stated.body is None:
        bodies = ", ".join(Body)
        return Refusal("body", "empty: where did the complaint come in?", f"one of {bodies}")
    outside = stated.body not in (None, Body.BRANCH, Body.REPLY)
    if stated.kind is Standing.COMPLAINT and outside and not stated.reference:
        return Refusal("reference", f"empty: {stated.body} numbers complaints", "give its number")
    return None


def _fitting(stated: Stated, _: date) -> Refusal | None:
    """What another kind has and this one does not."""
    complaint, dispute = Standing.COMPLAINT, Standing.DISPUTE
    hours = bool(stated.channels or stated.opens or stated.closes)
    for field, given, kinds in (
        ("body", stated.body is not None, (complaint,)),
        ("complex", stated.complex, (complaint,)),
        ("about", stated.about is not None, (dispute,)),
        ("opens", hours, (Standing.AGREED_HOURS,)),
        ("answer_by", stated.answer_by is not None, (complaint, dispute)),
    ):
        if given and stated.kind not in kinds:
            names = " and ".join(kinds)
            return Refusal(field, f"{stated.kind} has none, only {names}", "leave it out")
    return None


def _scope(stated: Stated, _: date) -> Refusal | None:
    if stated.account_only and stated.kind in OF_THE_PERSON:
        return Refusal("account_only", f"{stated.kind} is of the whole person", "leave it out")
    if not stated.account_only and stated.kind in OF_AN_ACCOUNT:
        return Refusal(
            "account_only",
            f"{stated.kind} is of one account, not of the whole person",
            "name the account and say that it is of this account only",
        )
    return None


def _days(stated: Stated, today: date) -> Refusal | None:
    since, until = stated.since or today, stated.until
    if since > today:
        return Refusal("since", "lies ahead", "state it on the day it begins")
    if until is None:
        if stated.kind in _ENDS_ITSELF:
            return Refusal("until", f"empty: a {stated.kind} ends by itself", "give its last day")
        return _over(stated, since, today)
    if stated.kind is Standing.DECEASED:
        return Refusal("until", "nobody is dead until a day", "leave it out")
    if stated.since and until < since:
        return Refusal("until", "lies before its beginning", "exchange the two, or mend one")
    if until < today:
        return Refusal("until", "is past: it would stand for nobody", "leave it out, or mend it")
    most, words = _MOST.get(stated.kind, (None, ""))
    if most and until - since > most:
        return Refusal("until", f"a {stated.kind} lasts {words} at most", "mend the day")
    return None


def _over(stated: Stated, since: date, today: date) -> Refusal | None:
    """What began so long ago that it is over by itself."""
    days = lasts_days(stated.kind)
    if days is None or since + timedelta(days=days) >= today:
        return None
    return Refusal(
        "since",
        f"a {stated.kind} ends by itself after {days} days, and so is over",
        "leave it out, or give a last day",
    )


def _clock(stated: Stated, today: date, place: Jurisdiction) -> Refusal | None:
    by, since = stated.answer_by, stated.since or today
    if by is None:
        return None
    if by < since:
        return Refusal("answer_by", "lies before its beginning", "mend one of the two")
    most = timedelta(days=COMPLAINT_MOST_DAYS)
    mainland = place is Jurisdiction.MAINLAND
    if mainland and stated.kind is Standing.COMPLAINT and by - since > most:
        return Refusal(
            "answer_by",
            f"more than {COMPLAINT_MOST_DAYS} days after it came in",
            "no complaint may wait longer, approved or not",
        )
    return None


def _hours(stated: Stated, _: date) -> Refusal | None:
    if stated.kind is not Standing.AGREED_HOURS:
        return None
    if not stated.channels:
        return Refusal("channels", "empty: for which channels?", "sms, email, or both")
    if Channel.LETTER in stated.channels:
        return Refusal("channels", "a letter has no hours", "sms, email, or both")
    if stated.opens is None or stated.closes is None:
        field = "opens" if stated.opens is None else "closes"
        return Refusal(field, "empty", "write the hour as 19:00")
    if stated.opens >= stated.closes:
        return Refusal(
            "closes",
            "these hours never open: they close before they begin",
            "give the earlier hour first; hours over midnight cannot be kept",
        )
    return None


_CHECKS: tuple[Check, ...] = (_scope, _fitting, _evidence, _number, _hours, _days)
