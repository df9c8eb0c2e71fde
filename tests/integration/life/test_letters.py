"""Letters: collected, closed with intent for all, handed over once, followed to the door."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from life_rig import AT_ONCE, House, Person, open_house, until

from outreach.channels.base import LetterBatch
from outreach.db import letters as db
from outreach.domain.contact import Channel
from outreach.domain.events import EventKind
from outreach.domain.notice import Purpose
from outreach.life import letters, receipts
from outreach.sandbox.script import Fate

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
async def post_office(clean_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A mail house that prints, posts and pushes tracking at once."""
    world: dict[str, object] = {"delay": AT_ONCE}
    async with open_house(clean_url, redis_url, tmp_path, world=world, http=True) as opened:
        yield opened


async def letter(house: House) -> tuple[Person, UUID]:
    person = Person()
    await house.people(person)
    return person, await house.notice(person, Channel.LETTER, Purpose.DEMAND_LETTER)


async def collect(house: House) -> str:
    await letters.LettersOut(house.parts).collect("letters")
    batch = await house.fetchval(
        "select id from letter_batches where closed_at is null order by opened_at limit 1"
    )
    assert isinstance(batch, str)
    return batch


async def close(house: House, batch: str) -> int:
    return await letters.close_batch(house.parts, batch, house.parts.mail_houses["mailhouse"])


def folder(house: House, batch: str) -> Path:
    return house.folder / "mailhouse" / "outbox" / batch


async def answered(house: House, notice: UUID, state: str, delivery: str) -> None:
    async def so() -> bool:
        await receipts.collect_files(house.parts)
        await house.apply()
        return await house.state(notice) == (state, delivery)

    await until(so)


async def test_the_whole_way_to_the_door(post_office: House) -> None:
    house = post_office
    person, notice = await letter(house)
    batch = await collect(house)
    row = await house.look(notice)
    assert (row["state"], row["batch_id"], row["queued"]) == ("pending", batch, None)
    assert not folder(house, batch).exists()
    assert await close(house, batch) == 1
    assert {"manifest.csv", "SHA256SUMS", "_READY", "pdf"} == {
        path.name for path in folder(house, batch).iterdir()
    }
    pdf = (folder(house, batch) / "pdf" / f"{notice}.pdf").read_bytes()
    sending = (await house.events(notice))[0]
    assert sending.kind is EventKind.SENDING
    assert sending.data["pdf_sha256"] == sha256(pdf).hexdigest()
    assert sending.data["batch"] == batch
    assert person.name in str(sending.payload)
    assert person.name not in str(sending.data)
    await answered(house, notice, "sent", "delivered")
    kinds = await house.kinds(notice)
    assert Counter(kinds) == Counter(
        [EventKind.SENDING, EventKind.SENT, EventKind.POSTED, EventKind.SIGNED_FOR]
    )
    signed = next(e for e in await house.events(notice) if e.kind is EventKind.SIGNED_FOR)
    assert signed.data["signer"] == "self"
    assert house.booked(notice, "mailhouse") == 1
    assert await house.fetchval("select count(*) from claims") == 0


async def test_a_returned_letter_closes_the_address(
    clean_url: str, redis_url: str, tmp_path: Path
) -> None:
    world: dict[str, object] = {"delay": AT_ONCE, "letters": {Fate.RETURNED: 1.0}}
    async with open_house(clean_url, redis_url, tmp_path, world=world, http=True) as house:
        person, notice = await letter(house)
        await close(house, await collect(house))
        await answered(house, notice, "sent", "undelivered")
        kinds = await house.kinds(notice)
        assert EventKind.RETURNED in kinds
        assert EventKind.SIGNED_FOR not in kinds
        row = await house.look(notice)
        assert (row["failure"], row["code"]) == ("hard", "unknown_person")
        again = await house.notice(person, Channel.LETTER, Purpose.DEMAND_LETTER)
        await letters.LettersOut(house.parts).collect("letters")
        assert (await house.look(again))["code"] == "P-07"


async def test_death_before_the_hand_over(house: House) -> None:
    """Closed, then nothing: another process writes the same bytes, and writes them once."""
    made = [(await letter(house))[1] for _ in range(3)]
    batch = await collect(house)

    class Dying:
        """A mail house whose folder cannot be written: the process dies there."""

        name = "mailhouse"

        async def hand_over(self, batch: LetterBatch) -> None:  # noqa: ARG002
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await letters.close_batch(house.parts, batch, Dying())  # type: ignore[arg-type]
    assert {(await house.look(n))["state"] for n in made} == {"sending"}
    assert not folder(house, batch).exists()
    mailhouse = house.parts.mail_houses["mailhouse"]
    async with house.parts.pool.acquire() as conn:
        assert await db.to_hand_over(conn, "mailhouse") == [batch]
    await asyncio.gather(*(letters.hand_over(house.parts, batch, mailhouse) for _ in range(2)))
    for notice in made:
        pdf = (folder(house, batch) / "pdf" / f"{notice}.pdf").read_bytes()
        assert (await house.events(notice))[0].data["pdf_sha256"] == sha256(pdf).hexdigest()
    before = {p.name: p.stat().st_mtime_ns for p in folder(house, batch).rglob("*")}
    await letters.hand_over(house.parts, batch, mailhouse)
    assert {p.name: p.stat().st_mtime_ns for p in folder(house, batch).rglob("*")} == before
    for notice in made:
        await answered(house, notice, "sent", "accepted")
    assert [house.booked(notice, "mailhouse") for notice in made] == [1, 1, 1]
    assert await close(house, batch) == 0, "a closed batch is closed"


async def test_what_changes_before_closing_stays_back(house: House) -> None:
    """A payment, a changed sum, a new standing: the gate is asked again for every letter."""
    (paid, stopped), (disputes, held), (_, other), (_, goes) = [
        await letter(house) for _ in range(4)
    ]
    batch = await collect(house)
    row = await house.row(paid)
    await house.execute("update accounts set balance = 0 where id = $1", row["account_id"])
    await house.set_standing(disputes, "dispute")
    assert await close(house, batch) == 2
    assert (await house.look(stopped))["code"] == "S-02"
    waits = await house.look(held)
    assert (waits["state"], waits["batch_id"]) == ("pending", None)
    assert waits["queued"] > house.now
    assert {(await house.look(n))["state"] for n in (other, goes)} == {"sending"}
    pdfs = {path.stem for path in (folder(house, batch) / "pdf").iterdir()}
    assert pdfs == {str(other), str(goes)}


async def test_a_sum_that_changes_while_pdfs_are_made_goes_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, notice = await letter(house)
    batch = await collect(house)
    press_all = letters.press_all

    async def slow(*given: object) -> object:
        made = await press_all(*given)  # type: ignore[arg-type]
        account = (await house.row(person))["account_id"]
        await house.execute(
            "update accounts set balance = 99, principal = 99 where id = $1", account
        )
        return made

    monkeypatch.setattr(letters, "press_all", slow)
    assert await close(house, batch) == 0
    row = await house.look(notice)
    assert (row["state"], row["batch_id"]) == ("pending", None)
    assert row["queued"] is not None
    monkeypatch.undo()
    following = await collect(house)
    assert following != batch
    assert await close(house, following) == 1


async def test_a_stop_keeps_letters_back(house: House) -> None:
    _, notice = await letter(house)
    batch = await collect(house)
    await house.execute("insert into stops values ('channel:letter', 'u', 'r', now())")
    assert await close(house, batch) == 0
    row = await house.look(notice)
    assert (row["state"], row["batch_id"]) == ("pending", None)
    assert row["queued"] is not None
    await letters.LettersOut(house.parts).collect("letters")
    assert (await house.look(notice))["batch_id"] is None
    await house.execute("delete from stops")
    assert await close(house, await collect(house)) == 1
    assert not folder(house, batch).exists(), "an empty batch is not handed over"


async def test_a_character_the_font_lacks_stops_its_letter_alone(house: House) -> None:
    person = Person(name="云𠮷\U0003134a")
    await house.people(person)
    bad = await house.notice(person, Channel.LETTER, Purpose.DEMAND_LETTER)
    _, good = await letter(house)
    assert await close(house, await collect(house)) == 1
    row = await house.look(bad)
    assert (row["state"], row["code"], row["batch_id"]) == ("failed", "letter", None)
    event = (await house.events(bad))[-1]
    assert event.kind is EventKind.FAILED
    assert "U+3134A" in str(event.data["error"])
    assert (await house.look(good))["state"] == "sending"


async def test_a_batch_holds_no_more_than_it_may(house: House) -> None:
    mailhouse = house.settings.carriers[-1]
    size = mailhouse.model_copy(update={"batch_size": 3})
    house.set(carriers=(*house.settings.carriers[:-1], size), chunk=2)
    made = [(await letter(house))[1] for _ in range(7)]
    await letters.LettersOut(house.parts).collect("letters")
    counts = await house.fetch("select batch_id, count(*) from notices group by 1")
    assert sorted(row["count"] for row in counts) == [1, 3, 3]
    async with house.parts.pool.acquire() as conn:
        ripe = await db.ripe(conn, "mailhouse", 3600, 3)
    assert len(ripe) == 2
    for batch in ripe:
        assert await close(house, batch) == 3
    states = Counter([(await house.look(notice))["state"] for notice in made])
    assert states == {"sending": 6, "pending": 1}


async def test_collecting_while_a_batch_closes_strands_no_letter(house: House) -> None:
    first = [(await letter(house))[1] for _ in range(2)]
    batch = await collect(house)
    later = [(await letter(house))[1] for _ in range(6)]
    house.set(chunk=1)
    await asyncio.gather(close(house, batch), letters.LettersOut(house.parts).collect("letters"))
    stranded = await house.fetchval(
        """select count(*) from notices n join letter_batches b on b.id = n.batch_id
           where n.state = 'pending' and b.closed_at is not null"""
    )
    assert stranded == 0
    # one that came between the PDFs and the closing is due again
    await letters.LettersOut(house.parts).collect("letters")
    # one that joined while the PDFs were made went back to the queue: the next batch takes it
    await letters.LettersOut(house.parts).collect("letters")
    for (batch_id,) in await house.fetch("select id from letter_batches where closed_at is null"):
        await close(house, batch_id)
    states = {(await house.look(notice))["state"] for notice in first + later}
    assert states == {"sending"}


async def test_a_batch_that_cannot_be_handed_over_holds_up_no_other(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    _, one = await letter(house)
    bad = await collect(house)
    folder(house, bad).write_text("in the way")
    with pytest.raises(NotADirectoryError):
        await close(house, bad)
    _, two = await letter(house)
    await collect(house)
    await house.execute("update letter_batches set opened_at = opened_at - interval '1 hour'")
    settings = house.settings.carriers[-1]
    await letters._tend(house.parts, settings)  # type: ignore[arg-type]
    assert f"batch_not_handed_over batch={bad}" in caplog.text
    await answered(house, two, "sent", "accepted")
    assert (await house.look(one))["state"] == "sending"
    folder(house, bad).unlink()
    await letters._tend(house.parts, settings)  # type: ignore[arg-type]
    await answered(house, one, "sent", "accepted")


async def test_the_allow_list_holds_letters_too(house: House) -> None:
    person, goes = await letter(house)
    _, stays = await letter(house)
    house.set(allow_recipients=(rf"{person.name} .*竹影巷{person.number}号",))
    assert await close(house, await collect(house)) == 1
    assert (await house.look(stays))["code"] == "allow_list"
    assert (await house.look(goes))["state"] == "sending"
