"""Callbacks that come together are kept together; none is lost, and none keeps out another."""

import asyncio
from dataclasses import replace
from hashlib import sha256

import pytest
from life_rig import House

from outreach.channels.base import Callback
from outreach.domain.errors import CallbackRejected, NotFound
from outreach.life.callbacks import TOGETHER, Door


def callbacks(house: House, count: int) -> list[Callback]:
    """Signed by the carrier, each of a message of its own."""
    found = []
    for number in range(count):
        push = house.signed(f"status/{number:032}", {"MessageSid": f"SM{number:032}"})
        headers = {"x-twilio-signature": push.headers["X-Twilio-Signature"]}
        path = push.url.partition("/callbacks/twilio/")[2]
        found.append(Callback("twilio", path, push.url, headers, push.body))
    return found


async def transactions(house: House) -> int:
    """In how many transactions the kept callbacks came."""
    found = await house.fetchval("select count(distinct xmin::text) from raw_callbacks")
    assert isinstance(found, int)
    return found


async def kept(house: House) -> int:
    found = await house.fetchval(
        "select count(*) from raw_callbacks r join callbacks_due d on d.callback_id = r.id"
    )
    assert isinstance(found, int)
    return found


async def test_those_that_come_at_once_share_their_transactions(house: House) -> None:
    door = Door(house.parts)
    await asyncio.gather(*map(door.take, callbacks(house, TOGETHER + 50)))
    assert await kept(house) == TOGETHER + 50
    assert await transactions(house) <= 3


async def test_the_same_twice_at_once_is_kept_once_and_both_are_answered(house: House) -> None:
    door = Door(house.parts)
    [one] = callbacks(house, 1)
    await asyncio.gather(door.take(one), door.take(one), door.take(one))
    assert await kept(house) == 1


async def test_it_is_kept_when_it_is_answered(house: House) -> None:
    """Whatever dies the next moment."""
    door = Door(house.parts)
    for number, one in enumerate(callbacks(house, 3), 1):
        await door.take(one)
        assert await kept(house) == number


async def test_a_forged_one_and_one_of_nobody_keep_out_no_other(house: House) -> None:
    door = Door(house.parts)
    good, other, third = callbacks(house, 3)
    forged = replace(other, body=other.body + b"&From=somebody")
    stranger = replace(third, carrier="nobody")
    done = await asyncio.gather(*map(door.take, (good, forged, stranger)), return_exceptions=True)
    assert [type(each) for each in done] == [type(None), CallbackRejected, NotFound]
    assert await kept(house) == 1


async def test_one_that_cannot_be_stored_keeps_out_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door(house.parts)
    first, bad, last = callbacks(house, 3)
    seal = type(house.parts.lookup).hash

    def fail(self: object, kind: str, text: str) -> bytes:
        if kind == "callback" and text == _digest(bad):
            raise ValueError("planted")
        return seal(self, kind, text)  # type: ignore[arg-type]

    monkeypatch.setattr(type(house.parts.lookup), "hash", fail)
    done = await asyncio.gather(*map(door.take, (first, bad, last)), return_exceptions=True)
    assert [type(each) for each in done] == [type(None), ValueError, type(None)]
    assert await kept(house) == 2


def _digest(callback: Callback) -> str:
    return sha256(callback.path.encode() + b"\0" + callback.body).hexdigest()


async def test_while_the_database_is_away_it_is_asked_once_for_all_of_them(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    door, asked = Door(house.parts), 0

    async def away(*_: object) -> int:
        nonlocal asked
        asked += 1
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr("outreach.db.callbacks.store", away)
        done = await asyncio.gather(*map(door.take, callbacks(house, 20)), return_exceptions=True)
    assert {type(each) for each in done} == {ConnectionResetError}
    assert asked == 1
    assert await kept(house) == 0
    [again] = callbacks(house, 1)
    await door.take(again)
    assert await kept(house) == 1


async def test_a_caller_who_has_gone_is_no_matter(house: House) -> None:
    door = Door(house.parts)
    one, two = callbacks(house, 2)
    gone = asyncio.create_task(door.take(one))
    await asyncio.sleep(0)
    gone.cancel()
    await door.take(two)
    assert await kept(house) == 2
