"""Witness: each checkpoint is brought to a place of the auditor's, and stamped by an authority.

A copy outside our reach is what stops us from rewriting the past: see docs/proof.md. What cannot be
brought now is brought later, in order; nothing waits for it.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

import aiohttp
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimestampRequestBuilder,
    decode_timestamp_response,
)

from outreach.db import tree
from outreach.life.parts import Parts
from outreach.logs import Log

BATCH = 20
SECONDS = aiohttp.ClientTimeout(total=20)

log = Log(__name__)


class AnotherKept(Exception):
    """The folder holds another checkpoint of this size: somebody signed twice, or two deployments
    share it.
    """


class NoStamp(Exception):
    """The authority's answer stamps nothing, or something else."""


async def bring_copies(parts: Parts) -> int:
    """Bring what the auditor's place has not got, the oldest first; how many were brought."""
    place = parts.settings.checkpoint_place
    if not place:
        return 0
    async with parts.pool.acquire() as conn:
        rows = await tree.not_brought(conn, place, BATCH)
    done = 0
    for row in rows:
        try:
            await _bring(place, row["size"], row["note"])
        except (OSError, aiohttp.ClientError, TimeoutError, AnotherKept) as error:
            log.warning(
                "checkpoint_not_brought", size=row["size"], error=error, status=_status(error)
            )
            break  # the auditor gets them in order
        async with parts.pool.acquire() as conn:
            await tree.brought(conn, row["size"], place, parts.clock.now())
        done += 1
    return done


async def _bring(place: str, size: int, note: str) -> None:
    if place.startswith("/"):
        await asyncio.to_thread(_put, Path(place), size, note)
        return
    async with (
        aiohttp.ClientSession(timeout=SECONDS) as session,
        session.post(
            place,
            data=note.encode(),
            headers={"Content-Type": "text/plain"},
            allow_redirects=False,  # a log-in page behind one would answer 200 and keep nothing
        ) as answer,
    ):
        _require_taken(answer)


def _require_taken(answer: aiohttp.ClientResponse) -> None:
    """Raises ``ClientResponseError`` unless the answer is of the 200s."""
    if not 200 <= answer.status < 300:
        raise aiohttp.ClientResponseError(answer.request_info, (), status=answer.status)


def _status(error: Exception) -> int | None:
    return error.status if isinstance(error, aiohttp.ClientResponseError) else None


def _put(folder: Path, size: int, note: str) -> None:
    """Whole or not at all, and never over a file that is there; raises ``AnotherKept``."""
    path = folder / f"checkpoint-{size:012d}.txt"
    draft = folder / f".{path.name}.{os.getpid()}"
    try:
        draft.write_text(note, "utf-8")
        with suppress(FileExistsError):
            os.link(draft, path)
            return
    finally:
        draft.unlink(missing_ok=True)
    if path.read_text("utf-8") != note:
        raise AnotherKept


async def stamp(parts: Parts) -> int:
    """Have the newest checkpoint stamped (RFC 3161), if it is not; how many were."""
    url = parts.settings.timestamp_url
    if not url:
        return 0
    async with parts.pool.acquire() as conn:
        rows = await tree.unstamped(conn, 1)
    for row in rows:
        try:
            token = await _stamped(url, row["note"].encode())
        except (OSError, aiohttp.ClientError, TimeoutError, NoStamp) as error:
            log.warning(
                "checkpoint_not_stamped", size=row["size"], error=error, status=_status(error)
            )
            return 0
        async with parts.pool.acquire() as conn:
            await tree.stamp(conn, row["size"], token)
    return len(rows)


async def _stamped(url: str, note: bytes) -> bytes:
    """The authority's answer exactly as it came; raises ``NoStamp``."""
    asked = TimestampRequestBuilder(data=note, hash_algorithm=HashAlgorithm.SHA256).build()
    headers = {"Content-Type": "application/timestamp-query"}
    async with (
        aiohttp.ClientSession(timeout=SECONDS) as session,
        session.post(url, data=asked.as_bytes(), headers=headers, allow_redirects=False) as answer,
    ):
        _require_taken(answer)
        token = await answer.read()
    if not _stamps(token, asked.message_imprint.message):
        raise NoStamp
    return token


def _stamps(token: bytes, digest: bytes) -> bool:
    """Whether an answer stamps this digest, as far as we can tell.

    The decoder is stricter than openssl, which has the last word when a bundle is checked: of what
    it cannot read, the digest must at least be in it.
    """
    try:
        told = decode_timestamp_response(token)
    except ValueError:
        return digest in token
    granted = told.status in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS)
    return granted and told.tst_info.message_imprint.message == digest
