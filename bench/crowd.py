"""The example portfolio many times over: a million accounts with its stages, amounts and gaps.

Each copy has people, numbers and addresses of its own; what is sealed is copied as it is and could
not be opened, so a crowd may be counted and written to on paper, but nothing of it be sent.
"""

from outreach.db.pool import Connection

_STEPS = (
    "set session_replication_role = replica",
    """create temporary table d as select id as old, k, uuidv7() as new
       from generate_series(2, $1::int) k, debtors order by k, id""",
    """create temporary table a as select id as old, k, uuidv7() as new
       from generate_series(2, $1::int) k, accounts order by k, id""",
    """create temporary table p as select id as old, k, uuidv7() as new
       from generate_series(2, $1::int) k, contact_points order by k, id""",
    "create index on d (old, k)",
    "create index on a (old, k)",
    "analyze d",
    "analyze a",
    "analyze p",
    """insert into debtors (id, creditor_id, id_number_hash, id_tail_hash, name_hash, sealed,
           locale, zone, jurisdiction, created_at)
       select d.new, o.creditor_id, sha256(o.id_number_hash || d.k::text::bytea), o.id_tail_hash,
           o.name_hash, o.sealed, o.locale, o.zone, o.jurisdiction, o.created_at
       from d join debtors o on o.id = d.old order by d.k, d.new""",
    """insert into accounts (id, creditor_id, debtor_id, number_hash, number_tail, sealed, product,
           currency, statement_date, due_date, oldest_unpaid_due_date, minimum_payment, overdue,
           balance, principal, interest, penalty, fees, balance_as_of, core_dpd, core_stage,
           updated_at)
       select a.new, o.creditor_id, d.new, sha256(o.number_hash || a.k::text::bytea),
           o.number_tail, o.sealed, o.product, o.currency, o.statement_date, o.due_date,
           o.oldest_unpaid_due_date, o.minimum_payment, o.overdue, o.balance, o.principal,
           o.interest, o.penalty, o.fees, o.balance_as_of, o.core_dpd, o.core_stage, o.updated_at
       from a join accounts o on o.id = a.old join d on d.old = o.debtor_id and d.k = a.k
       order by a.k, a.new""",
    """insert into parties select a.new, d.new, y.role
       from a join parties y on y.account_id = a.old
       join d on d.old = y.debtor_id and d.k = a.k order by a.k, d.new""",
    """insert into contact_values select distinct sha256(o.value_hash || p.k::text::bytea)
       from p join contact_points o on o.id = p.old""",
    """insert into contact_points (id, debtor_id, creditor_id, kind, value_hash, tail_hash, region,
           sealed, origin, verified, opted_out_at, dead_at, wrong_person_at, created_at)
       select p.new, d.new, o.creditor_id, o.kind, sha256(o.value_hash || p.k::text::bytea),
           o.tail_hash, o.region, o.sealed, o.origin, o.verified, o.opted_out_at, o.dead_at,
           o.wrong_person_at, o.created_at
       from p join contact_points o on o.id = p.old
       join d on d.old = o.debtor_id and d.k = p.k order by p.k, d.new""",
    "drop table d, a, p",
    "reset session_replication_role",
    "vacuum analyze",
)


async def grow(conn: Connection, accounts: int) -> int:
    """Copy whoever is there until there are at least so many accounts; how many there are."""
    there: int = await conn.fetchval("select count(*) from accounts")
    for step in _STEPS:
        await conn.execute(step, *([-(-accounts // there)] if "$1" in step else []))
    found: int = await conn.fetchval("select count(*) from accounts")
    return found
