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
-- Never changed, never deleted: one leaf a stream and pass of the sealer.
create table log_leaves (
    index bigint primary key,      -- from 0
    stream text not null,
    seq bigint not null,
    head bytea not null,
    unique (stream, seq)
);
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
LEAF = "insert into log_leaves values (:index, :stream, :seq, :head)"
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
            {"index": size + n, "stream": stream, "seq": seq, "head": head}
            for n, (stream, seq, head) in enumerate(heads)
        ]
        conn.execute(text(LEAF), leaves)
        written = [{"level": t.level, "number": t.number, "hashes": h} for t, h in changed.items()]
        conn.execute(text(TILE), written)
        size, after, tiles = size + len(rows), rows[-1].stream, tiles | changed
        tiles = {tile: tiles[tile] for tile in edge(size)}
