"""The peer of freezing: the same rows, one INSERT each, through SQLAlchemy's ORM."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, Identity, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.dialects.postgresql import UUID as SqlUuid
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from outreach.clock import Clock, monotonic
from outreach.ids import new_id

COMMIT = 1_000


class Base(DeclarativeBase):
    """Of the peer alone."""


class Notice(Base):
    """The table as it is; what has a default there is left out."""

    __tablename__ = "notices"

    id: Mapped[UUID] = mapped_column(SqlUuid, primary_key=True)
    creditor_id: Mapped[str] = mapped_column(Text)
    debtor_id: Mapped[UUID] = mapped_column(SqlUuid)
    account_ids: Mapped[list[UUID]] = mapped_column(ARRAY(SqlUuid))
    purpose: Mapped[str] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    contact_point_id: Mapped[UUID] = mapped_column(SqlUuid)
    idempotency_key: Mapped[str] = mapped_column(Text)
    lane: Mapped[str] = mapped_column(Text)
    route: Mapped[str] = mapped_column(Text)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    attempt: Mapped[int] = mapped_column(SmallInteger, default=0)
    due_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    actor: Mapped[str] = mapped_column(Text)


async def insert_each(database: str, rows: int) -> float:
    """Seconds a row, committed every ``COMMIT`` rows; nothing of it is left behind."""
    engine = create_async_engine(database.replace("postgresql://", "postgresql+asyncpg://"))
    now = Clock().now()
    async with engine.connect() as conn:
        found = await conn.execute(
            text(
                """select d.id, d.creditor_id, p.id as point, a.id as account
                   from debtors d join contact_points p on p.debtor_id = d.id and p.kind = 'phone'
                   join accounts a on a.debtor_id = d.id limit :rows"""
            ),
            {"rows": rows},
        )
        people = found.all()
    began = monotonic()
    async with AsyncSession(engine) as session:
        for number, person in enumerate(people, 1):
            session.add(
                Notice(
                    id=new_id(),
                    creditor_id=person.creditor_id,
                    debtor_id=person.id,
                    account_ids=[person.account],
                    purpose="overdue_notice",
                    channel="sms",
                    currency="CNY",
                    contact_point_id=person.point,
                    idempotency_key=f"orm:{number}",
                    lane="bulk",
                    route="sms",
                    due_at=now,
                    expires_at=now + timedelta(days=5),
                    created_at=now,
                    actor="user:bench",
                )
            )
            await session.flush()
            if number % COMMIT == 0:
                await session.commit()
        await session.commit()
        took = (monotonic() - began) / len(people)
        await session.execute(text("delete from notices where idempotency_key like 'orm:%'"))
        await session.commit()
    await engine.dispose()
    return took
