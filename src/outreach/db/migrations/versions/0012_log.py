"""One log over all streams: leaves, the tree's tiles, signed checkpoints, and who signs them."""

from alembic import op
from sqlalchemy import text

from outreach.ledger.checkpoint import leaf
from outreach.ledger.merkle import Tile, edge, grow, leaf_hash

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

STATEMENTS = """
set lock_timeout = '10s';
-- A stream's link that ended a pass of the sealer is a leaf of the log, from 0.
alter table chain add column leaf bigint;
create unique index on chain (leaf) where leaf is not null;
-- The tree's hashes, up to 256 of 32 bytes a tile; only the last tile of a level grows.
create table log_tiles (
    level smallint not null,
    number bigint not null,
    hashes bytea not null,
    primary key (level, number)
);
create table checkpoints (
    size bigint primary key,
    root bytea not null,
    at timestamptz not null,
    note text not null,            -- as signed
    token bytea                    -- RFC 3161, as the time stamping authority gave it
);
create table log_keys (
    raw bytea not null,            -- the public key, Ed25519
    origin text not null,          -- the log's name in its signatures
    since bigint not null,         -- the size of the first checkpoint it signed
    first_used_at timestamptz not null,
    primary key (raw, origin)
);
-- Where each checkpoint was brought, outside of here.
create table checkpoint_copies (
    size bigint not null references checkpoints,
    place text not null,
    brought_at timestamptz not null,
    primary key (size, place)
)
"""

STREAMS = "select stream, seq, head from streams where stream > :after order by stream limit 2000"
LEAF = "update chain set leaf = :leaf where stream = :stream and seq = :seq"
TILE = """insert into log_tiles values (:level, :number, :hashes)
    on conflict (level, number) do update set hashes = excluded.hashes"""


def upgrade() -> None:
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)
    _take_in()


def _take_in() -> None:
    """Streams that were sealed before there was a log: each one's head becomes a leaf."""
    conn = op.get_bind()
    size, after = 0, ""
    tiles: dict[Tile, bytes] = {}
    while rows := conn.execute(text(STREAMS), {"after": after}).all():
        heads = [(row.stream, row.seq, bytes(row.head)) for row in rows]
        changed = grow(size, tiles, [leaf_hash(leaf(*each)) for each in heads])
        leaves = [
            {"leaf": size + n, "stream": stream, "seq": seq}
            for n, (stream, seq, _) in enumerate(heads)
        ]
        conn.execute(text(LEAF), leaves)
        written = [{"level": t.level, "number": t.number, "hashes": h} for t, h in changed.items()]
        conn.execute(text(TILE), written)
        size, after, tiles = size + len(rows), rows[-1].stream, tiles | changed
        tiles = {tile: tiles[tile] for tile in edge(size)}
