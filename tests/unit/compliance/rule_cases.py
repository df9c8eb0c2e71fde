"""For every rule of every pack: facts it objects to, near facts that pass, and what it concerns.

``test_rule_cases`` holds the table against the packs as shipped, ``mutants`` against packs in which
one thing is wrong: what it does not notice there is not tested.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import Any

from gate_cases import TODAY, ZONES, account, agency, at, contacts, day, facts, point, standing

from outreach.compliance.facts import AgreedHours, Facts
from outreach.compliance.finding import Effect
from outreach.compliance.gate import Decision, judge
from outreach.compliance.pack import Pack
from outreach.domain.contact import Channel, Origin, Usage
from outreach.domain.debtor import Jurisdiction, Role, Standing
from outreach.domain.notice import Purpose
from outreach.domain.register import AgencyKind, Interruption, Register

MAINLAND, HONG_KONG, TAIWAN = Jurisdiction
SMS, EMAIL, LETTER = Channel
FLAG, HOLD, BLOCK = Effect

EVERY = frozenset(Purpose)
COLLECTS = frozenset(
    {
        Purpose.PAYMENT_REMINDER,
        Purpose.OVERDUE_NOTICE,
        Purpose.DEMAND_LETTER,
        Purpose.LAWYER_LETTER,
        Purpose.ACCELERATION_NOTICE,
        Purpose.SETTLEMENT_OFFER,
    }
)
PLANS = frozenset({Purpose.PLAN_REMINDER, Purpose.PLAN_BREACH_NOTICE})
STATUTORY = frozenset(
    {
        Purpose.ASSIGNMENT_NOTICE,
        Purpose.OUTSOURCING_NOTICE,
        Purpose.CREDIT_REPORT_NOTICE,
        Purpose.ACCELERATION_NOTICE,
    }
)
ANSWERS = frozenset({Purpose.DISPUTE_REPLY, Purpose.COMPLAINT_REPLY, Purpose.CORRECTION_NOTICE})
RECEIPT = frozenset({Purpose.SETTLEMENT_RECEIPT})
DEBTS = COLLECTS | PLANS | {Purpose.PLAN_AGREEMENT}
"""What asks for money, or for a signature under a debt."""
QUOTES = COLLECTS | PLANS | {Purpose.ASSIGNMENT_NOTICE}
"""What names a balance."""
OF_AGENCY = EVERY - {Purpose.OUTSOURCING_NOTICE}

ALWAYS = timedelta(days=9999)
"""A balance that is never too old, where the date is what matters."""
HOUR, DAY, TICK = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Case:
    """``key``'s rule objects to each of ``stopped`` and lets each of ``passes`` go.

    To ``silent`` it does not object, whatever others do. ``anywhere``: facts it objects to for all
    of ``purposes`` by all of ``channels``, and for no other. ``waits``: how long from the first of
    ``stopped`` its hold lasts. ``beside``: rules that cannot but object to ``stopped`` as well.
    """

    place: Jurisdiction
    key: str
    effect: Effect
    stopped: tuple[Facts, ...]
    passes: tuple[Facts, ...]
    purposes: frozenset[Purpose] = EVERY
    channels: frozenset[Channel] = frozenset(Channel)
    anywhere: Facts | None = None
    waits: timedelta | None = None
    releasable: bool = False
    beside: frozenset[str] = frozenset()
    silent: tuple[Facts, ...] = ()

    @property
    def id(self) -> str:
        return self.key.partition(".")[0]


def cases() -> tuple[Case, ...]:
    """The whole table."""
    return (*_mainland(), *_hong_kong(), *_taiwan())


# ---------------------------------------------------------------- what is asked of a pack


def objecting(case: Facts, pack: Pack) -> dict[str, Any]:
    """The findings of all rules that concern these facts, by rule key."""
    selection = pack.selections[case.purpose, case.channel]
    asked = (
        *selection.checks,
        *selection.of_contacts,
        *selection.of_standings,
        *selection.of_agencies,
        *selection.hours,
    )
    found = {rule.key: run(case, rule) for run, rule in asked}
    return {key: finding for key, finding in found.items() if finding is not None}


def complaints(case: Case, pack: Pack) -> Iterator[str]:
    """Where the pack does otherwise than the case says; nothing where it is as it should be."""
    for number, each in enumerate(case.stopped):
        for complaint in _stopped(case, each, pack):
            yield f"{case.key}, stopped {number}: {complaint}"
    for number, each in enumerate(case.passes):
        found = set(objecting(each, pack))
        if case.key in found or judge(each, pack).decision is not Decision.ALLOW:
            yield f"{case.key}, passes {number}: {sorted(found)} object"
    for number, each in enumerate(case.silent):
        if case.key in objecting(each, pack):
            yield f"{case.key}, silent {number}: objects"
    yield from _concerns(case, pack)
    if case.waits is not None:
        finding = objecting(case.stopped[0], pack).get(case.key)
        if finding is None or finding.wait_until != case.stopped[0].now + case.waits:
            yield f"{case.key}: waits for {finding and finding.wait_until}"


_DECISIONS = {FLAG: Decision.ALLOW, HOLD: Decision.HOLD, BLOCK: Decision.BLOCK}


def _stopped(case: Case, each: Facts, pack: Pack) -> Iterator[str]:
    findings, verdict = objecting(each, pack), judge(each, pack)
    others = set(findings) - {case.key}
    if case.key not in findings:
        yield f"does not object, only {sorted(others)}"
    if others - case.beside:
        yield f"{sorted(others - case.beside)} object, too"
    if verdict.decision is not _DECISIONS[case.effect]:
        yield f"the verdict is {verdict.decision}"
    told = {finding.rule: finding for finding in verdict.findings}
    if case.id not in told or told[case.id].releasable is not case.releasable:
        yield "not told, or not as releasable as it should be"
    freed = judge(replace(each, released=frozenset({case.id})), pack)
    if case.releasable and not case.beside and freed.decision is not Decision.ALLOW:
        yield "a release changes nothing"
    if not case.releasable and freed != verdict:
        yield "a release changes it"


def _concerns(case: Case, pack: Pack) -> Iterator[str]:
    anywhere = case.anywhere or case.stopped[0]
    for purpose in Purpose:
        for channel in Channel:
            each = replace(anywhere, purpose=purpose, channel=channel)
            objects = case.key in objecting(each, pack)
            if objects is not (purpose in case.purposes and channel in case.channels):
                yield f"{case.key}: {'objects' if objects else 'is silent'} to {purpose} {channel}"


# ---------------------------------------------------------------- hours


def _clock(place: Jurisdiction, wall: str, channel: Channel = SMS, **changes: Any) -> Facts:
    """The ordinary facts at another time; without a date on the Monday."""
    wall = wall if " " in wall else f"{TODAY} {wall}"
    now = at(wall, ZONES[place])
    return facts(place, now=now, channel=channel, balance_max_age=ALWAYS, **changes)


def _agreed(opens: str, closes: str) -> AgreedHours:
    return AgreedHours(time.fromisoformat(opens), time.fromisoformat(closes))


EARLY = _agreed("05:00", "06:00")
NOON = _agreed("11:00", "13:00")


def _hours(place: Jurisdiction, key: str, stopped: Any, passes: Any, **more: Any) -> Case:
    return Case(place, key, HOLD, tuple(stopped), tuple(passes), **more)


def _closed_days(
    place: Jurisdiction,
    key: str,
    closed: str,
    opened: str,
    known_to: str,
    channel: Channel = SMS,
    unknown: frozenset[str] = frozenset(),
    **more: Any,
) -> Case:
    """Closed all day, whatever hours were agreed or asked, and when nobody knows the calendar.

    ``unknown`` are the other rules that know no more of that calendar than this one.
    """
    dates = [*closed.split(), f"{date.fromisoformat(known_to) + DAY}"]
    first = f"{dates[0]} 12:00"
    return Case(
        place,
        key,
        HOLD,
        (
            *(_clock(place, f"{each} 12:00", channel) for each in dates),
            _clock(place, first, EMAIL if EMAIL in more["channels"] else channel, agreed=NOON),
            _clock(place, first, channel, answers_debtor=True),
        ),
        tuple(_clock(place, f"{each} 12:00", channel) for each in opened.split()),
        beside=unknown,
        **more,
    )


# ---------------------------------------------------------------- caps


def _caps(place: Jurisdiction, rule: str) -> Iterator[Case]:
    """What every place has of a day's and a week's caps, whatever their ids."""
    ids = {"F-04": ("F-04", "F-03")}.get(rule, (rule, rule))
    total, by_channel = ids
    second = frozenset({f"{total}.second"})
    notice = {
        each: facts(
            place,
            purpose=each,
            channel=LETTER if each in STATUTORY else SMS,
            accounts=(account(settled=each in RECEIPT),),
        )
        for each in Purpose
    }
    ordinary = sorted(EVERY - STATUTORY - ANSWERS)
    many = tuple(entry for channel in Channel for entry in contacts(9, channel))
    crowded = facts(place, contacts=many, value_contacts=many)

    def told(count: int, purpose: Purpose, field: str = "contacts") -> Facts:
        return replace(notice[purpose], **{field: contacts(count, LETTER)})

    yield Case(
        place,
        f"{total}.day",
        HOLD,
        (
            *(told(2, each) for each in ordinary),
            *(told(3, each) for each in sorted(STATUTORY)),
        ),
        (
            *(told(1, each) for each in ordinary),
            *(told(2, each) for each in sorted(STATUTORY)),
            facts(place, contacts=contacts(9, LETTER, 12 * HOUR)),  # 23:00 of the day before
        ),
        EVERY - ANSWERS,
        anywhere=crowded,
        waits=13 * HOUR,
        beside=second,
    )
    yield Case(
        place,
        f"{total}.second",
        FLAG,
        (told(1, Purpose.OVERDUE_NOTICE), told(1, Purpose.COMPLAINT_REPLY)),
        (
            facts(place, contacts=contacts(9, LETTER, 12 * HOUR)),
            facts(place, value_contacts=contacts(1)),
        ),
        anywhere=crowded,
    )
    yield Case(
        place,
        f"{total}.value-day",
        HOLD,
        (
            *(told(2, each, "value_contacts") for each in ordinary),
            *(told(3, each, "value_contacts") for each in sorted(STATUTORY)),
        ),
        (
            *(told(1, each, "value_contacts") for each in ordinary),
            *(told(2, each, "value_contacts") for each in sorted(STATUTORY)),
            facts(place, value_contacts=contacts(9, LETTER, 12 * HOUR)),
        ),
        EVERY - ANSWERS,
        anywhere=crowded,
        waits=13 * HOUR,
    )
    for channel, other in ((SMS, EMAIL), (EMAIL, LETTER)):
        yield Case(
            place,
            f"{by_channel}.{channel}-day",
            HOLD,
            (facts(place, channel=channel, contacts=contacts(1, channel)),),
            (
                facts(place, channel=channel, contacts=contacts(1, other)),
                facts(place, channel=channel, contacts=contacts(1, channel, 12 * HOUR)),
                facts(place, channel=channel, value_contacts=contacts(1, channel)),
            ),
            EVERY - STATUTORY - ANSWERS,
            frozenset({channel}),
            anywhere=crowded,
            waits=13 * HOUR,
            beside=second,
        )


def _spaced(
    place: Jurisdiction,
    key: str,
    channel: Channel,
    days: int,
    limit: int,
    purposes: frozenset[Purpose] = EVERY - STATUTORY - ANSWERS,
    counted: frozenset[Purpose] = frozenset(),
) -> Case:
    """At most ``limit`` in the last ``days`` by a channel, of the ``counted`` purposes if any."""
    purpose = Purpose.DEMAND_LETTER if channel is LETTER else Purpose.OVERDUE_NOTICE
    length = timedelta(days=days)
    other = EMAIL if channel is not EMAIL else SMS

    def before(count: int, ago: timedelta, by: Channel = channel, why: Any = None) -> Facts:
        known = contacts(count, by, ago, why)
        return facts(place, purpose=purpose, channel=channel, contacts=known)

    return Case(
        place,
        key,
        HOLD,
        (
            before(limit, length - TICK),
            before(limit, 2 * DAY),
            *(before(limit, 2 * DAY, why=each) for each in sorted(counted)),
        ),
        (
            before(limit - 1, 2 * DAY),
            before(limit, length),
            before(limit, 2 * DAY, other),
            *(before(limit, 2 * DAY, why=each) for each in sorted(EVERY - counted) if counted),
            facts(place, purpose=purpose, channel=channel, value_contacts=contacts(9, ago=2 * DAY)),
        ),
        purposes,
        frozenset({channel}),
        anywhere=facts(place, contacts=contacts(9, channel, 2 * DAY)),
        waits=TICK,
    )


# ---------------------------------------------------------------- whom


def _people(place: Jurisdiction, role: str) -> Iterator[Case]:
    def to(**fields: Any) -> Facts:
        return facts(place, point=point(**fields))

    good = facts(place)
    yield Case(
        place,
        role,
        BLOCK,
        (
            facts(place, accounts=(account(Role.SUPPLEMENTARY),)),
            facts(place, accounts=(account(), account(Role.SUPPLEMENTARY))),
            facts(place, accounts=()),
        ),
        tuple(
            facts(place, accounts=(account(each),))
            for each in (Role.PRIMARY, Role.JOINT, Role.GUARANTOR)
        ),
        EVERY - ANSWERS,
    )
    yield Case(place, "P-07", BLOCK, (to(dead=True), to(wrong_person=True)), (good,))
    yield Case(
        place,
        "P-08",
        BLOCK,
        (to(origin=Origin.UNKNOWN),),
        (
            *(to(origin=each) for each in (Origin.CONTRACT, Origin.DEBTOR, Origin.COURT)),
            to(documented=False),
        ),
    )
    yield Case(place, "P-09", BLOCK, (to(usage=Usage.WORKPLACE),), (to(usage=Usage.SERVICE), good))
    yield Case(place, "S-09", BLOCK, (to(verified=False),), (good,), releasable=True)
    yield Case(
        place,
        "C-12",
        BLOCK,
        (to(opted_out=True),),
        (facts(place, point=point(opted_out=True), channel=LETTER), good),
        EVERY - STATUTORY - ANSWERS - {Purpose.LAWYER_LETTER},
        frozenset({SMS, EMAIL}),
    )
    yield _stands(
        place,
        "LIST",
        BLOCK,
        (Standing.DO_NOT_CONTACT, Standing.VIP, Standing.STAFF, Standing.HUMAN_ONLY),
        EVERY - ANSWERS - RECEIPT,
        releasable=True,
    )


# ---------------------------------------------------------------- standings


def _stands(
    place: Jurisdiction,
    key: str,
    effect: Effect,
    kinds: tuple[Standing, ...],
    purposes: frozenset[Purpose] = COLLECTS,
    pause: int | None = None,
    **more: Any,
) -> Case:
    """Each kind stops until it has expired, or at the latest after ``pause`` days."""

    def with_(*standings: Any) -> Facts:
        return facts(place, standings=standings)

    stopped = [with_(standing(kind)) for kind in kinds]
    passes = [with_(standing(kind, days_ago=9, expires_in=0)) for kind in kinds]
    stopped += [with_(standing(kind, days_ago=9, expires_in=1)) for kind in kinds[:1]]
    waits = DAY if effect is HOLD else None
    if pause is None:
        stopped += [with_(standing(kind, days_ago=400)) for kind in kinds]
    else:
        stopped += [with_(standing(kinds[0], days_ago=pause - 0.001))]
        stopped += [with_(standing(kinds[0], days_ago=pause + 9, expires_in=0.5))]
        passes += [with_(standing(kinds[0], days_ago=pause))]
        waits = timedelta(days=pause)
    return Case(place, key, effect, tuple(stopped), tuple(passes), purposes, waits=waits, **more)


def _pauses(place: Jurisdiction, hardship: str = "S-10") -> Iterator[Case]:
    """What a debtor's own word holds, for some days."""
    hard = COLLECTS - {Purpose.SETTLEMENT_OFFER}
    yield _stands(place, hardship, HOLD, (Standing.HARDSHIP,), hard, 30, releasable=True)
    pending, promise = (Standing.PAYMENT_PENDING,), (Standing.PROMISE,)
    yield _stands(place, "PAID-CLAIM", HOLD, pending, COLLECTS, 3, releasable=True)
    yield _stands(place, "PROMISE", HOLD, promise, COLLECTS, 14, releasable=True)
    unread = (Standing.UNREAD,)
    yield _stands(place, "UNREAD", HOLD, unread, COLLECTS | PLANS, releasable=True)


def _stops(place: Jurisdiction, **ids: str) -> Iterator[Case]:
    """Standings that every place knows; ``ids`` where a place has a rule of its own."""
    yield _stands(place, "S-01", BLOCK, (Standing.PLAN,))
    yield _stands(place, ids.get("dispute", "S-03"), HOLD, (Standing.DISPUTE,))
    yield _stands(place, ids["complaint"], HOLD, (Standing.COMPLAINT,))
    gone = (Standing.DECEASED, Standing.MISSING, Standing.INCAPACITY)
    yield _stands(place, "S-05", BLOCK, gone, EVERY)
    yield _stands(place, "S-13", BLOCK, (Standing.MINOR,), EVERY)
    court = (Standing.LAWSUIT, Standing.REPRESENTED)
    yield _stands(place, "S-07", HOLD, court, releasable=True)
    yield _stands(place, f"{ids['assignment']}.assigned", BLOCK, (Standing.ASSIGNED,), DEBTS)
    yield _stands(place, f"{ids['assignment']}.acquired", BLOCK, (Standing.ACQUIRED,), DEBTS)
    yield from _pauses(place)


# ---------------------------------------------------------------- who writes


def _with(place: Jurisdiction, **fields: Any) -> Facts:
    """An account that an agency works."""
    return facts(place, accounts=(account(agency=agency(**fields)),))


def _writers(
    place: Jurisdiction, one: str, contract: str, told: str, refused: str
) -> Iterator[Case]:
    own, placed = account(), account(agency=agency())
    elsewhere = account(agency=agency(id="agency-2"))
    yield Case(
        place,
        one,
        BLOCK,
        (
            facts(place, accounts=(own, placed)),
            facts(place, accounts=(placed, elsewhere)),
        ),
        (facts(place, accounts=(placed, placed)), facts(place, accounts=(own, own))),
    )
    yield Case(
        place,
        contract,
        BLOCK,
        (_with(place, until=day(1)), _with(place, since=day(-1))),
        (_with(place, until=day(0)), _with(place, since=day(0)), _with(place)),
        OF_AGENCY,
    )
    yield Case(place, told, BLOCK, (_with(place, told_on=None),), (_with(place),), OF_AGENCY)
    refuses = (standing(Standing.AGENCY_REFUSED),)
    yield Case(
        place,
        refused,
        HOLD,
        (replace(_with(place), standings=refuses),),
        (facts(place, standings=refuses), _with(place)),
        COLLECTS,
        waits=DAY,
        releasable=place is not TAIWAN,
    )


def _told_before(place: Jurisdiction, key: str, days: int) -> Case:
    def told(days_ago: int) -> Facts:
        return _with(place, told_on=day(days_ago))

    return Case(
        place,
        key,
        HOLD,
        (told(days - 1), told(0)),
        (told(days), told(400), facts(place)),
        OF_AGENCY,
        waits=13 * HOUR,
    )


def _listed(place: Jurisdiction, key: str) -> Case:
    return Case(
        place,
        key,
        BLOCK,
        (_with(place, listed_on=None), _with(place, listed_on=day(-1))),
        (_with(place, listed_on=day(0)), _with(place)),
        OF_AGENCY,
    )


EVERY_SMS = (Register.SIGNATURE, Register.TEMPLATE)
"""What any notice by SMS has to have."""


def _filed(
    place: Jurisdiction, key: str, register: Register, purpose: Purpose, **more: Any
) -> Case:
    others = frozenset(Register) - {register}
    return Case(
        place,
        key,
        BLOCK,
        (facts(place, purpose=purpose, filed=others),),
        (facts(place, purpose=purpose, filed=frozenset({register, *EVERY_SMS})),),
        **more,
    )


def _mandate(place: Jurisdiction) -> Case:
    lawyer = frozenset({Purpose.LAWYER_LETTER})
    return _filed(place, "C-15", Register.MANDATE, Purpose.LAWYER_LETTER, purposes=lawyer)


def _written(
    place: Jurisdiction, key: str, purposes: Iterable[Purpose], *channels: Channel
) -> Case:
    """What must be in writing does not go by these channels; by letter it does."""
    return Case(
        place,
        key,
        BLOCK,
        tuple(facts(place, purpose=why, channel=by) for why in purposes for by in channels),
        tuple(facts(place, purpose=why, channel=LETTER) for why in purposes),
        frozenset(purposes),
        frozenset(channels),
    )


# ---------------------------------------------------------------- what is owed


def _debts(place: Jurisdiction, age: str, paid: str, receipt: str, settled: str) -> Iterator[Case]:
    def owed(*accounts: Any, **changes: Any) -> Facts:
        return facts(place, accounts=accounts, **changes)

    limit = timedelta(hours=26)
    yield Case(
        place,
        age,
        HOLD,
        (owed(account(), account(age=limit + TICK)),),
        (owed(account(), account(age=limit)),),
        QUOTES,
        waits=2 * HOUR,
    )
    yield Case(
        place,
        paid,
        HOLD,
        (owed(account(), account(paid_since=True)),),
        (owed(account(), account()),),
        QUOTES,
        waits=2 * HOUR,
    )
    done, undone = account(settled=True), account()
    why = Purpose.SETTLEMENT_RECEIPT
    yield Case(
        place,
        receipt,
        BLOCK,
        (owed(done, undone, purpose=why), owed(undone, purpose=why)),
        (owed(done, done, purpose=why),),
        RECEIPT,
    )
    yield Case(
        place,
        settled,
        BLOCK,
        (owed(undone, done), owed(done)),
        (owed(undone, undone),),
        COLLECTS | PLANS | STATUTORY | {Purpose.PLAN_AGREEMENT},
    )


def _due(place: Jurisdiction, fell_due: str, purpose: Purpose, interrupted: Any = None) -> Facts:
    """An account that has been due since that day, less what began its period anew."""
    dpd = (TODAY - date.fromisoformat(fell_due)).days
    accounts = (account(), account(dpd=dpd, interrupted=interrupted))
    return facts(place, accounts=accounts, purpose=purpose)


def _limitation(
    place: Jurisdiction,
    key: str,
    effect: Effect,
    last: str,
    counts: frozenset[Interruption],
    purposes: frozenset[Purpose] = COLLECTS,
    **more: Any,
) -> Case:
    """``last``: the day on which a debt fell due that is just out of time."""
    purpose = max(purposes)
    others = frozenset(Interruption) - counts
    began = _due(place, f"{date.fromisoformat(last) + DAY}", purpose)
    return Case(
        place,
        key,
        effect,
        (
            _due(place, last, purpose),
            _due(place, last, purpose, dict.fromkeys(others, day(9))),
            _due(place, "2010-01-01", purpose, dict.fromkeys(counts, date.fromisoformat(last))),
        ),
        tuple(_due(place, last, purpose, {each: day(9)}) for each in sorted(counts)),
        purposes,
        silent=(began,),
        **more,
    )


# ---------------------------------------------------------------- the places


def _mainland() -> Iterator[Case]:
    place = MAINLAND

    def clock(wall: str, channel: Channel = SMS, **changes: Any) -> Facts:
        return _clock(place, wall, channel, **changes)

    yield _hours(
        place,
        "T-01",
        (
            clock("22:00", EMAIL),
            clock("07:59", EMAIL),
            clock("03:00", EMAIL, answers_debtor=True),
            clock("12:00", EMAIL, agreed=EARLY),
            clock("07:30", answers_debtor=True),
        ),
        (clock("21:59", EMAIL), clock("08:00", EMAIL), clock("05:30", EMAIL, agreed=EARLY)),
        channels=frozenset({SMS, EMAIL}),
        waits=10 * HOUR,
    )
    yield _hours(
        place,
        "T-02",
        (
            clock("20:30"),
            clock("08:29"),
            clock("21:30", answers_debtor=True),
        ),
        (
            clock("20:29"),
            clock("08:30"),
            clock("08:00", answers_debtor=True),
            clock("21:29", answers_debtor=True),
            clock("05:30", agreed=EARLY),
        ),
        channels=frozenset({SMS}),
        waits=12 * HOUR,
    )
    yield Case(place, "T-04", BLOCK, (facts(place, zone="Mars/Olympus"),), (facts(place),))
    yield _closed_days(
        place,
        "T-05",
        "2026-02-17 2026-02-16 2026-02-19 2027-02-05 2028-01-28",
        "2026-02-15 2026-02-20 2027-02-04 2027-02-09 2028-12-31",
        purposes=EVERY - STATUTORY - ANSWERS - RECEIPT,
        channels=frozenset({SMS, EMAIL}),
        known_to="2028-12-31",
    )

    def late(dpd: int, overdue: int = 100_000) -> Facts:
        return facts(place, accounts=(account(), account(dpd=dpd, overdue=overdue)))

    yield Case(
        place,
        "T-07",
        BLOCK,
        (late(3), late(40, 1000)),
        (late(4), late(40, 1001)),
        COLLECTS - {Purpose.PAYMENT_REMINDER} | {Purpose.CREDIT_REPORT_NOTICE},
    )
    yield from _caps(place, "F-04")
    yield _spaced(place, "F-03.sms-week", SMS, 7, 3)
    yield _spaced(place, "F-03.email-week", EMAIL, 7, 2)
    demands = frozenset({Purpose.DEMAND_LETTER, Purpose.LAWYER_LETTER})
    yield _spaced(place, "F-03.letter-month", LETTER, 30, 1, demands, demands)
    yield from _people(place, "P-01")
    yield from _writers(place, "C-01", "S-12", "C-03.told", "S-12.refused")
    yield _listed(place, "C-03.listed")
    yield _mandate(place)
    yield _filed(
        place, "M-02", Register.SIGNATURE, Purpose.OVERDUE_NOTICE, channels=frozenset({SMS})
    )
    yield _filed(
        place, "M-04.template", Register.TEMPLATE, Purpose.OVERDUE_NOTICE, channels=frozenset({SMS})
    )
    yield from _debts(place, "C-04.age", "C-04.paid", "C-04.receipt", "S-02")
    yield from _stops(place, complaint="S-04", assignment="S-08")
    insolvent = (
        Standing.BANKRUPTCY,
        Standing.ARRANGEMENT,
        Standing.REHABILITATION,
        Standing.LIQUIDATION,
        Standing.PRESERVATION,
        Standing.NEGOTIATION,
    )
    yield _stands(place, "S-06", BLOCK, insolvent, DEBTS)
    yield _limitation(place, "S-11", FLAG, "2023-11-23", frozenset(Interruption))


SUED = frozenset({Interruption.ACKNOWLEDGEMENT, Interruption.PART_PAYMENT, Interruption.SUIT})


def _hong_kong() -> Iterator[Case]:
    place = HONG_KONG

    def clock(wall: str, channel: Channel = SMS, **changes: Any) -> Facts:
        return _clock(place, wall, channel, **changes)

    yield _hours(
        place,
        "HK-01.sms",
        (clock("21:00"), clock("08:59"), clock("03:00", answers_debtor=True)),
        (clock("20:59"), clock("09:00"), clock("05:30", agreed=EARLY)),
        channels=frozenset({SMS}),
        waits=12 * HOUR,
    )
    yield _closed_days(
        place,
        "HK-01.sms-days",
        "2026-11-29 2026-04-03 2026-04-04 2026-12-26 2027-02-09 2027-12-27",  # a Sunday first
        # Monday to Saturday, and days beside holidays
        "2026-11-23 2026-11-24 2026-11-25 2026-11-26 2026-11-27 2026-11-28"
        " 2026-04-08 2026-12-28 2027-12-31",
        purposes=EVERY - ANSWERS,
        channels=frozenset({SMS}),
        known_to="2027-12-31",
    )
    yield _hours(
        place,
        "HK-01.email",
        (clock("22:00", EMAIL), clock("07:59", EMAIL), clock("03:00", EMAIL, answers_debtor=True)),
        (
            clock("21:59", EMAIL),
            clock("08:00", EMAIL),
            clock("05:30", EMAIL, agreed=EARLY),
            clock("2026-11-29 12:00", EMAIL),
            clock("2026-12-25 12:00", EMAIL),
        ),
        channels=frozenset({EMAIL}),
        waits=10 * HOUR,
    )
    yield Case(place, "T-04", BLOCK, (facts(place, zone="Mars/Olympus"),), (facts(place),))
    yield from _caps(place, "HK-02")
    yield _spaced(place, "HK-02.sms-week", SMS, 7, 3)
    yield _spaced(place, "HK-02.letter-month", LETTER, 30, 2, COLLECTS - STATUTORY, COLLECTS)
    yield from _people(place, "HK-06")
    yield from _writers(place, "HK-03", "HK-21", "HK-08.told", "S-12.refused")
    yield _written(place, "HK-08.writing", [Purpose.OUTSOURCING_NOTICE], SMS, EMAIL)
    yield _told_before(place, "HK-08.days", 7)
    yield _mandate(place)
    yield from _debts(place, "HK-11.age", "HK-11.paid", "HK-04", "HK-11.settled")
    yield from _stops(place, complaint="HK-19", assignment="HK-37")
    yield _stands(place, "HK-12", BLOCK, (Standing.BANKRUPTCY,), DEBTS)
    yield _stands(place, "HK-14", BLOCK, (Standing.ARRANGEMENT,), DEBTS)
    elsewhere = (
        Standing.REHABILITATION,
        Standing.LIQUIDATION,
        Standing.PRESERVATION,
        Standing.NEGOTIATION,
    )
    yield _stands(place, "S-06", BLOCK, elsewhere, DEBTS)
    yield _limitation(place, "HK-29.near", FLAG, "2021-11-23", SUED, COLLECTS)
    yield _limitation(
        place,
        "HK-29.over",
        BLOCK,
        "2020-11-23",
        SUED,
        frozenset({Purpose.LAWYER_LETTER}),
        releasable=True,
        beside=frozenset({"HK-29.near"}),
    )


def _taiwan() -> Iterator[Case]:
    place = TAIWAN
    both = frozenset({SMS, EMAIL})

    def clock(wall: str, channel: Channel = SMS, **changes: Any) -> Facts:
        return _clock(place, wall, channel, **changes)

    answer = {"answers_debtor": True}
    yield _hours(
        place,
        "TW-01.law",
        (clock("06:59", **answer), clock("03:00", EMAIL, **answer), clock("22:00", **answer)),
        (clock("07:00", **answer), clock("05:30", agreed=EARLY)),
        channels=both,
        waits=timedelta(minutes=1),
        beside=frozenset({"TW-01.planned"}),  # by the evening it is closed longer
        silent=(clock("21:59"),),
    )
    yield _hours(
        place,
        "TW-01.planned",
        (clock("20:30"), clock("08:29"), clock("20:30", EMAIL), clock("21:30", **answer)),
        (
            clock("20:29"),
            clock("08:30", EMAIL),
            clock("21:29", **answer),
            clock("07:30", **answer),
            clock("05:30", agreed=EARLY),
        ),
        channels=both,
        waits=12 * HOUR,
    )
    yield _closed_days(
        place,
        "TW-01.sms-days",
        "2026-12-25 2026-09-28 2026-10-26 2027-12-31",
        "2026-12-24 2026-09-29 2027-12-30 2026-11-29",  # a Sunday is open
        purposes=EVERY - ANSWERS,
        channels=frozenset({SMS}),
        known_to="2027-12-31",
        unknown=frozenset({"TW-03.announced", "TW-03.expected"}),
    )
    standstill = frozenset({"TW-03.announced", "TW-03.expected", "TW-03.hand-over"})
    for key, closed, opened, channels in (
        (
            "TW-03.announced",
            "2026-02-14 2026-02-18 2026-02-22",
            "2026-02-08 2026-02-23 2027-12-31",
            frozenset(Channel),
        ),
        (
            "TW-03.expected",
            "2027-02-04 2027-02-07 2027-02-10",
            "2027-01-29 2027-02-11 2027-12-31",
            frozenset(Channel),
        ),
        (
            "TW-03.hand-over",
            "2026-02-09 2026-02-13 2027-01-30 2027-02-03",
            "2026-02-08 2026-02-23 2027-01-29 2027-02-11 2027-12-31",
            frozenset({LETTER}),
        ),
    ):
        yield _closed_days(
            place,
            key,
            closed,
            opened,
            "2027-12-31",
            LETTER,
            standstill,
            purposes=EVERY - ANSWERS - RECEIPT,
            channels=channels,
        )
    yield Case(place, "T-04", BLOCK, (facts(place, zone="Mars/Olympus"),), (facts(place),))
    yield from _caps(place, "TW-02")
    yield _spaced(place, "TW-02.sms-week", SMS, 7, 3)
    yield _spaced(place, "TW-02.letter-month", LETTER, 30, 2, COLLECTS - STATUTORY, COLLECTS)
    yield from _people(place, "TW-08")
    yield from _writers(place, "TW-13", "S-12.contract", "TW-11.told", "TW-19")
    written = [Purpose.OUTSOURCING_NOTICE, Purpose.CREDIT_REPORT_NOTICE]
    yield _written(place, "TW-11.writing", written[:1], SMS)
    yield _written(place, "TW-21", written[1:], SMS)
    yield _written(place, "TW-50", written, EMAIL)
    yield _told_before(place, "TW-11.days", 7)
    yield _listed(place, "TW-18")
    lawful = set(AgencyKind) - {AgencyKind.AGENCY}
    yield Case(
        place,
        "TW-16",
        BLOCK,
        (_with(place, kind=AgencyKind.AGENCY),),
        tuple(_with(place, kind=each) for each in sorted(lawful)),
        OF_AGENCY,
    )
    yield _mandate(place)
    yield from _debts(place, "C-04.age", "C-04.paid", "TW-04", "S-02")
    yield from _stops(place, dispute="TW-39", complaint="TW-52", assignment="TW-24")
    yield _stands(place, "TW-33", BLOCK, (Standing.REHABILITATION,), DEBTS)
    yield _stands(place, "TW-34", BLOCK, (Standing.LIQUIDATION,), DEBTS)
    yield _stands(place, "TW-35", BLOCK, (Standing.PRESERVATION,), DEBTS)
    yield _stands(place, "S-06", BLOCK, (Standing.BANKRUPTCY, Standing.ARRANGEMENT), DEBTS)

    def negotiating(days_ago: float, expires_in: float | None = None) -> Facts:
        filed = standing(Standing.NEGOTIATION, days_ago, expires_in)
        return facts(place, standings=(filed,))

    yield Case(
        place,
        "TW-37",
        HOLD,
        (negotiating(0), negotiating(2.999)),
        (negotiating(1, 0), facts(place)),
        DEBTS,
        waits=3 * DAY,
    )
    yield Case(
        place,
        "TW-36",
        BLOCK,
        (negotiating(3), negotiating(90), negotiating(9, 30)),
        (negotiating(9, 0),),
        DEBTS,
        beside=frozenset({"TW-37"}),  # where an end is set
        silent=(negotiating(2.999),),
    )
    yield _limitation(place, "TW-26", FLAG, "2022-05-23", SUED)
