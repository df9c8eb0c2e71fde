"""The log over all streams: one leaf a stream and pass, signed; nothing of it can be changed."""

import asyncio
import base64
import io
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID
from zipfile import ZipFile

import pytest
from aiohttp import web
from life_rig import House, Person
from pydantic import SecretStr
from pypdf import PdfReader

from outreach.db import tree
from outreach.domain.errors import Rewritten
from outreach.ledger.checkpoint import LogKeys, PublicKey, leaf, read_note
from outreach.ledger.merkle import Range, grow, leaf_hash, range_hash
from outreach.life import seal, witness
from outreach.life.checkpoints import FILE, checkpoint_due, checkpoint_once, signed_from_here
from outreach.proof.audience import Audience
from outreach.proof.export import Request, make_bundle
from outreach.proof.report import Kind, Report
from outreach.proof.verify import verify
from outreach.templating.document import DocumentPress

TABLES = ("chain", "log_tiles", "checkpoints", "log_keys")
LEAVES = "select leaf as index, stream, seq, head from chain where leaf is not null order by leaf"


async def written(house: House, people: int = 3) -> None:
    """Some notices of a few debtors, each sealed in a pass of its own."""
    for _ in range(people):
        person = Person()
        await house.people(person)
        await house.notice(person)
        await house.dispatch()
        await seal.seal_all(house.parts.pool)


async def signed(house: House) -> House:
    """Three checkpoints, and leaves beyond the third."""
    for _ in range(3):
        await written(house)
        assert await checkpoint_once(house.parts) == 1
    await written(house, 1)
    return house


async def check(house: House, **how: object) -> Report:
    kept = await signed_from_here(house.parts)
    return await verify(house.parts.pool, house.parts.masters, kept=kept, **how)  # type: ignore[arg-type]


async def rows(house: House, query: str) -> list[dict[str, object]]:
    async with house.parts.pool.acquire() as conn:
        return [dict(row) for row in await conn.fetch(query)]


# ------------------------------------------------------------------------------------------ leaves


async def test_each_stream_of_a_pass_has_one_leaf(house: House) -> None:
    await written(house)
    leaves = await rows(house, LEAVES)
    assert [row["index"] for row in leaves] == list(range(len(leaves)))
    assert len({(row["stream"], row["seq"]) for row in leaves}) == len(leaves)
    heads = await rows(house, "select stream, seq, head from streams")
    last = {row["stream"]: (row["seq"], row["head"]) for row in leaves}
    assert last == {row["stream"]: (row["seq"], row["head"]) for row in heads}
    hashes = [leaf_hash(leaf(row["stream"], row["seq"], row["head"])) for row in leaves]  # type: ignore[arg-type]
    [tile] = await rows(house, "select * from log_tiles")
    assert tile["hashes"] == b"".join(hashes)


async def test_a_pass_that_breaks_leaves_nothing_and_the_next_one_does_it_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await written(house, 1)
    before = await rows(house, "select count(leaf) from chain")
    person = Person()
    await house.people(person)
    write = tree.write_tiles

    async def broken(*arguments: object) -> None:
        await write(*arguments)  # type: ignore[arg-type]
        raise OSError("gone")

    monkeypatch.setattr(tree, "write_tiles", broken)
    with pytest.raises(OSError, match="gone"):
        await seal.seal_all(house.parts.pool)
    assert await rows(house, "select count(leaf) from chain") == before
    monkeypatch.setattr(tree, "write_tiles", write)
    assert await seal.seal_all(house.parts.pool) > 0
    assert (await check(house)).good


async def test_sealers_at_once_enter_nothing_twice(house: House) -> None:
    people = [Person() for _ in range(8)]
    await house.people(*people)
    await asyncio.gather(*(seal.seal_once(house.parts.pool, wait=True) for _ in range(4)))
    await seal.seal_all(house.parts.pool)
    assert (await check(house)).good


# ------------------------------------------------------------------------------------- checkpoints


async def test_a_checkpoint_is_over_the_log_as_it_is_and_only_when_it_grew(house: House) -> None:
    assert await checkpoint_once(house.parts) == 0
    await written(house)
    assert await checkpoint_once(house.parts) == 1
    assert await checkpoint_once(house.parts) == 0
    async with house.parts.pool.acquire() as conn:
        row = await tree.latest(conn)
        [key] = await tree.keys(conn)
        size, tiles = await tree.edge(conn)
    assert row is not None
    note = read_note(row["note"], [PublicKey(key["origin"], key["raw"])])
    assert note.checkpoint.size == size == row["size"]
    assert note.checkpoint.root == range_hash(Range(0, size), tiles)
    assert note.checkpoint.origin == house.settings.log_name
    assert (house.folder / FILE).read_text("utf-8") == row["note"]


async def test_it_is_signed_when_the_last_is_old_enough(house: House) -> None:
    house.set(checkpoint_minutes=60)
    await written(house, 1)
    assert await checkpoint_due(house.parts) == 1
    await written(house, 1)
    assert await checkpoint_due(house.parts) == 0
    house.at(house.now + timedelta(minutes=61))
    assert await checkpoint_due(house.parts) == 1


async def test_signers_at_once_sign_once(house: House) -> None:
    await written(house, 1)
    made = await asyncio.gather(*(checkpoint_once(house.parts) for _ in range(4)))
    assert sum(made) == 1


async def test_a_new_key_is_vouched_for_by_the_old_one_once(house: House) -> None:
    await written(house, 1)
    await checkpoint_once(house.parts)
    old = house.parts.log_keys
    seeds = f"2:{base64.b64encode(bytes(32)).decode()},"
    given = house.settings.log_keys
    assert isinstance(given, SecretStr)
    house.parts = replace(house.parts, log_keys=LogKeys.parse(seeds + given.get_secret_value()))
    signers = []
    for _ in range(2):
        await written(house, 1)
        assert await checkpoint_once(house.parts) == 1
        async with house.parts.pool.acquire() as conn:
            row = await tree.latest(conn)
            keys = [PublicKey(each["origin"], each["raw"]) for each in await tree.keys(conn)]
        assert row is not None
        signers.append(len(read_note(row["note"], keys).signers))
    assert signers == [2, 1]
    report = await check(house)
    assert report.good, report.problems
    assert report.checkpoints == 3
    house.parts = replace(house.parts, log_keys=old)


# ------------------------------------------------------------- a past that changed is never signed


async def test_a_rewritten_log_is_not_signed(house: House) -> None:
    await signed(house)
    await house.execute(f"update log_tiles set hashes = {flip('hashes', 3)}")
    with pytest.raises(Rewritten, match="not those that were signed"):
        await checkpoint_once(house.parts)


async def test_a_log_that_was_cut_short_is_not_signed(house: House) -> None:
    """The database forgot its last checkpoint too; the data folder did not."""
    await signed(house)
    last = await rows(house, "select max(size) as size from checkpoints")
    size = int(str(last[0]["size"]))
    await house.execute("delete from checkpoints where size = $1", size)
    await house.execute("update chain set leaf = null where leaf >= $1", size - 2)
    cut = (size - 2) * 32
    await house.execute("update log_tiles set hashes = substring(hashes for $1)", cut)
    with pytest.raises(Rewritten, match=f"{size} were signed"):
        await checkpoint_once(house.parts)


async def test_a_forged_tile_above_the_signed_ones_is_not_signed(house: House) -> None:
    """255 leaves lie in one tile; of 300 the first 256 are read from the tile above it."""
    hashes = [leaf_hash(b"%d" % n) for n in range(300)]
    async with house.parts.pool.acquire() as conn:
        await tree.write_tiles(conn, grow(0, {}, hashes[:255]))
        assert await checkpoint_once(house.parts) == 1
        _, tiles = await tree.edge(conn)
        await tree.write_tiles(conn, grow(255, tiles, hashes[255:]))
    true = await rows(house, "select hashes from log_tiles where level = 1")
    await house.execute(f"update log_tiles set hashes = {flip('hashes', 0)} where level = 1")
    with pytest.raises(Rewritten, match="not those that were signed"):
        await checkpoint_once(house.parts)
    await house.execute("update log_tiles set hashes = $1 where level = 1", true[0]["hashes"])
    assert await checkpoint_once(house.parts) == 1


async def test_a_recovered_database_begins_a_log_of_a_new_name(house: House) -> None:
    await signed(house)
    await house.execute("delete from checkpoints where size = (select max(size) from checkpoints)")
    await house.execute(
        """with old as (update eras set ended_at = at where ended_at is null returning *)
           insert into eras (id, system_identifier, timeline, at, actor, previous, reason)
           select gen_random_uuid(), system_identifier, timeline, clock_timestamp(), 'user:lin',
               id, 'restored'
           from old"""
    )
    assert await checkpoint_once(house.parts) == 1
    async with house.parts.pool.acquire() as conn:
        row = await tree.latest(conn)
    assert row is not None
    assert row["note"].startswith(f"{house.settings.log_name}/")
    assert (await check(house)).good


# --------------------------------------------------------------------------------------- tampering

FLIP = "set_byte({0}, {1}, 255 - get_byte({0}, {1}))"


def flip(column: str, at: int) -> str:
    return FLIP.format(column, at)


CASES: dict[str, tuple[Kind, str]] = {
    "leaf": (Kind.REMOVED, "update chain set leaf = 999 where leaf = 2"),
    "leaf of another link": (
        Kind.ALTERED,
        """update chain c set leaf = case c.leaf when 1 then 1001 else 1002 end
           where leaf in (1, 2);
           update chain c set leaf = 1003 - c.leaf where leaf > 1000""",
    ),
    "leaf head": (Kind.ALTERED, f"update chain set head = {flip('head', 31)} where leaf = 2"),
    "first leaf removed": (Kind.REMOVED, "update chain set leaf = null where leaf = 0"),
    "leaf removed": (Kind.REMOVED, "update chain set leaf = null where leaf = 3"),
    "last leaf removed": (
        Kind.REMOVED,
        "update chain set leaf = null where leaf = (select max(leaf) from chain)",
    ),
    "last leaf removed, told as unsealed": (
        Kind.UNSEALED,
        "update chain set leaf = null where leaf = (select max(leaf) from chain)",
    ),
    "all leaves removed": (Kind.REMOVED, "update chain set leaf = null"),
    "leaf inserted": (
        Kind.ALTERED,
        """update chain set leaf = (select max(leaf) + 1 from chain)
           where event_id = (select event_id from chain where leaf is null limit 1)""",
    ),
    "link of a leaf removed": (Kind.REMOVED, "delete from chain where leaf = 2"),
    "tile level": (Kind.REMOVED, "update log_tiles set level = 1"),
    "tile number": (Kind.REMOVED, "update log_tiles set number = 1"),
    "tile hashes, first": (Kind.ALTERED, f"update log_tiles set hashes = {flip('hashes', 0)}"),
    "tile hashes, last": (
        Kind.ALTERED,
        "update log_tiles set hashes = set_byte(hashes, length(hashes) - 1, "
        "255 - get_byte(hashes, length(hashes) - 1))",
    ),
    "tile cut": (
        Kind.ALTERED,
        "update log_tiles set hashes = substring(hashes for length(hashes) - 32)",
    ),
    "tile longer": (Kind.REMOVED, "update log_tiles set hashes = hashes || sha256('x')"),
    "tile removed": (Kind.REMOVED, "delete from log_tiles"),
    "tile inserted": (Kind.INSERTED, "insert into log_tiles values (1, 0, sha256('x'))"),
    "checkpoint size": (Kind.ALTERED, "update checkpoints set size = size + 1"),
    "checkpoint root": (Kind.ALTERED, f"update checkpoints set root = {flip('root', 0)}"),
    "checkpoint at": (Kind.ALTERED, "update checkpoints set at = at + interval '1 second'"),
    "checkpoint note": (Kind.ALTERED, "update checkpoints set note = replace(note, '\n', ' \n')"),
    "checkpoint note, signature": (Kind.ALTERED, "update checkpoints set note = note || 'x'"),
    "checkpoint of another": (
        Kind.ALTERED,
        """update checkpoints c set note = o.note from checkpoints o where o.size > c.size""",
    ),
    "first checkpoint removed": (
        Kind.ALTERED,
        "delete from checkpoints where size = (select min(size) from checkpoints)",
    ),
    "a checkpoint in between removed": (
        Kind.REMOVED,
        "delete from checkpoints where size not in "
        "(select min(size) from checkpoints union select max(size) from checkpoints)",
    ),
    "last checkpoint removed": (
        Kind.REMOVED,
        "delete from checkpoints where size = (select max(size) from checkpoints)",
    ),
    "all checkpoints and keys removed": (
        Kind.REMOVED,
        "delete from checkpoints; delete from log_keys",
    ),
    "checkpoint put in between": (
        Kind.INSERTED,
        """insert into checkpoints select size - 1, root, at, note from checkpoints
           where size = (select max(size) from checkpoints)""",
    ),
    "key raw": (Kind.ALTERED, f"update log_keys set raw = {flip('raw', 5)}"),
    "key origin": (Kind.ALTERED, "update log_keys set origin = 'x'"),
    "key since": (Kind.ALTERED, "update log_keys set since = since + 1"),
    "key first_used_at": (
        Kind.ALTERED,
        "update log_keys set first_used_at = first_used_at + interval '1 second'",
    ),
    "key removed": (Kind.ALTERED, "delete from log_keys"),
    "key inserted": (
        Kind.INSERTED,
        "insert into log_keys select sha256('x'), origin, since, first_used_at from log_keys",
    ),
}


async def test_whatever_is_changed_is_named(house: House) -> None:
    await signed(house)
    for table in TABLES:
        await house.execute(f"create table kept_{table} as table {table}")
    missed = {}
    for name, (kind, statement) in CASES.items():
        await house.execute("alter table checkpoint_copies disable trigger all")
        await house.execute(statement)
        report = await check(house)
        if kind not in report.counts:
            missed[name] = report.problems
        for table in TABLES:
            await house.execute(f"delete from {table}")
            await house.execute(f"insert into {table} select * from kept_{table}")
    assert missed == {}
    assert (await check(house)).good


async def test_every_column_is_changed_above(house: House) -> None:
    columns = await rows(
        house,
        "select table_name, column_name from information_schema.columns "
        f"where table_name in {TABLES}",
    )
    short = {"log_tiles": "tile", "checkpoints": "checkpoint", "log_keys": "key"}
    named = {
        f"{short[str(row['table_name'])]} {row['column_name']}"
        for row in columns
        if row["table_name"] in short  # chain's own columns are changed in test_history
    }
    unsigned = {"checkpoint token"}  # openssl checks it, with the authority's certificate
    assert {
        each for each in named - unsigned if not any(n.startswith(each) for n in CASES)
    } == set()


# ------------------------------------------------------------------------------------- one debtor


async def test_one_debtor_s_part_is_checked_alone(house: House) -> None:
    await signed(house)
    [row] = await rows(house, "select stream from chain where stream like 'debtor:%' limit 1")
    stream = str(row["stream"])
    report = await check(house, stream=stream)
    assert report.good, report.problems
    assert report.leaves >= 1
    assert report.checkpoints == 0
    assert (await check(house, stream=stream, full=True)).checkpoints == 3
    await house.execute("update chain set leaf = leaf + 100 where stream = $1", stream)
    assert Kind.ALTERED in (await check(house, stream=stream)).counts


# ---------------------------------------------------------------------------- kept by somebody else


async def test_a_checkpoint_kept_elsewhere_is_held_against_the_log(house: House) -> None:
    await signed(house)
    kept = str((await rows(house, "select note from checkpoints order by size limit 1"))[0]["note"])
    assert (await check(house, since=kept)).good
    assert Kind.ALTERED in (await check(house, since="nonsense")).counts


async def test_who_holds_the_database_and_the_key_is_seen_by_a_checkpoint_kept_elsewhere(
    house: House,
) -> None:
    """Everything is made anew, and signed: within the database all of it fits."""
    await signed(house)
    kept = str((await rows(house, "select note from checkpoints order by size limit 1"))[0]["note"])
    await house.execute("delete from checkpoints")
    await house.execute("delete from log_keys")
    await house.execute("delete from log_tiles")
    await house.execute("update chain set leaf = null")
    (house.folder / FILE).unlink()
    async with house.parts.pool.acquire() as conn, conn.transaction():
        heads = [
            (row["stream"], row["seq"], row["head"])
            for row in await conn.fetch("select * from streams order by stream desc")
        ]
        for n, (stream, seq, _) in enumerate(heads):
            query = "update chain set leaf = $1 where stream = $2 and seq = $3"
            await conn.execute(query, n, stream, seq)
        hashes = [leaf_hash(leaf(*each)) for each in heads]
        await tree.write_tiles(conn, grow(0, {}, hashes))
    assert await checkpoint_once(house.parts) == 1
    assert (await check(house)).good
    assert not (await check(house, since=kept)).good


async def test_copies_are_brought_to_a_folder_in_order_and_never_over_another(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "auditor"
    house.set(checkpoint_place=str(place))
    await signed(house)
    assert await witness.bring_copies(house.parts) == 0
    assert "checkpoint_not_brought" in caplog.text
    place.mkdir()
    assert await witness.bring_copies(house.parts) == 3
    assert await witness.bring_copies(house.parts) == 0
    notes = [row["note"] for row in await rows(house, "select note from checkpoints order by size")]
    files = sorted(place.iterdir())
    assert [file.read_text("utf-8") for file in files] == notes
    files[0].write_text("another", "utf-8")
    await house.execute("delete from checkpoint_copies")
    caplog.clear()
    assert await witness.bring_copies(house.parts) == 0
    assert files[0].read_text("utf-8") == "another"
    assert "checkpoint_not_brought" in caplog.text


@asynccontextmanager
async def listening(
    answer: Callable[[bytes], Awaitable[web.Response]],
) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.Response:
        return await answer(await request.read())

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def test_copies_are_posted_once_the_auditor_answers(house: House) -> None:
    taken: list[str] = []
    well = False

    async def answer(body: bytes) -> web.Response:
        if not well:
            return web.Response(status=503)
        taken.append(body.decode())
        return web.Response(status=201)

    async with listening(answer) as url:
        house.set(checkpoint_place=url)
        await signed(house)
        assert await witness.bring_copies(house.parts) == 0
        well = True
        assert await witness.bring_copies(house.parts) == 3
        assert await witness.bring_copies(house.parts) == 0
    notes = [row["note"] for row in await rows(house, "select note from checkpoints order by size")]
    assert taken == notes


async def test_a_log_in_page_behind_a_redirect_took_nothing(house: House) -> None:
    async def page(_: bytes) -> web.Response:
        return web.Response(text="<form>please log in</form>")

    async with listening(page) as behind:

        async def redirect(_: bytes) -> web.Response:
            return web.Response(status=307, headers={"Location": behind})

        async with listening(redirect) as url:
            house.set(checkpoint_place=url, timestamp_url=url)
            await signed(house)
            assert await witness.bring_copies(house.parts) == 0
            assert await witness.stamp(house.parts) == 0


# -------------------------------------------------------------------------------------- time stamps

CONFIG = """
[tsa]
default_tsa = one
[one]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
certs = tsa.pem
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha512
accuracy = secs:1
"""
EXTENSIONS = "extendedKeyUsage = critical,timeStamping\nkeyUsage = critical,digitalSignature\n"


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """A time stamping authority of openssl's, in a folder."""
    folder = tmp_path / "tsa"
    folder.mkdir()
    (folder / "tsa.cnf").write_text(CONFIG)
    (folder / "serial").write_text("01\n")
    (folder / "extensions").write_text(EXTENSIONS)
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.csr",
            "-subj", "/CN=stamp.test")  # fmt: skip
    openssl(folder, "x509", "-req", "-in", "tsa.csr", "-signkey", "tsa.key", "-out", "tsa.pem",
            "-days", "30", "-extfile", "extensions")  # fmt: skip
    return folder


async def test_the_newest_checkpoint_is_stamped_by_an_authority(
    house: House, authority: Path
) -> None:
    async def answer(body: bytes) -> web.Response:
        (authority / "query").write_bytes(body)
        arguments = ("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply")
        await asyncio.to_thread(openssl, authority, *arguments)
        return web.Response(body=(authority / "reply").read_bytes())

    async with listening(answer) as url:
        house.set(timestamp_url=url)
        await signed(house)
        assert await witness.stamp(house.parts) == 1
    async with house.parts.pool.acquire() as conn:
        row = await tree.latest(conn)
    assert row is not None
    (authority / "note").write_text(row["note"], "utf-8")
    (authority / "token").write_bytes(row["token"])
    openssl(authority, "ts", "-verify", "-data", "note", "-in", "token", "-CAfile", "tsa.pem")
    house.set(timestamp_certificates=authority / "tsa.pem")
    await house.execute("update checkpoints set token = null where size <> $1", row["size"])
    debtor = await house.fetchval(
        "select debtor_id from contact_events e join chain c on c.event_id = e.id "
        "where c.leaf = $1",
        row["size"] - 1,
    )
    assert isinstance(debtor, UUID)
    press = DocumentPress("certificate", archival=True)
    request = Request(debtor, Audience.COURT)
    made = await make_bundle(house.parts, request, house.now, press)
    with ZipFile(io.BytesIO(made.content)) as archive:
        archive.extractall(authority / "bundle")
    place = authority / "bundle"
    assert (place / "keys" / "tsa.pem").exists()
    assert "附有独立机构的时间戳" in text_of(place / "certificate.pdf")
    assert verify_sh(place).returncode == 0
    stamp = place / "checkpoints" / f"{row['size']}.tsr"
    stamp.write_bytes(stamp.read_bytes().replace(b"stamp.test", b"stamp.tesT"))
    said = verify_sh(place)
    assert said.returncode == 1
    assert "不是" in said.stdout
    (place / "keys" / "tsa.pem").unlink()
    assert "没有核验" in verify_sh(place).stdout


def verify_sh(place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "verify.sh"], cwd=place, capture_output=True, text=True, timeout=60
    )


def text_of(pdf: Path) -> str:
    pages = PdfReader(pdf).pages
    return "".join("".join(page.extract_text().split()) for page in pages)


@pytest.mark.parametrize("body", [b"", b"no token", b"\x30\x03\x02\x01\x00"])
async def test_what_is_no_stamp_of_ours_is_not_kept_as_one(
    house: House, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(_: bytes) -> web.Response:
        return web.Response(body=body)

    async with listening(answer) as url:
        house.set(timestamp_url=url)
        await signed(house)
        await witness.stamp(house.parts)
    assert "checkpoint_not_stamped" in caplog.text
