"""What one row of an accounts file changes, next to what is already known."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache

from outreach.domain.debtor import Role
from outreach.domain.events import EventKind
from outreach.ids import new_id
from outreach.ledger import places
from outreach.ledger.envelope import instant
from outreach.portfolio.balance import TOLD, Debt, after_payment, stated
from outreach.portfolio.cells import RowProblem
from outreach.portfolio.changes import Changes, seal
from outreach.portfolio.identity import Recognised
from outreach.portfolio.known import Known, KnownAccount, KnownDebtor
from outreach.portfolio.people import People, as_person
from outreach.portfolio.rows import AccountRow, DebtRow

_instant = lru_cache(64)(instant)  # a file is made at a few instants
_DATES = {"statement_date", "due_date", "oldest_unpaid_due_date"}


class Taken(StrEnum):
    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    STALE = "stale"  # a balance older than the one stored: nothing of the row is used


class Teller:
    """Takes rows one after the other; what they change is in ``changes``.

    ``title`` gives the header a person knows a field by.
    """

    def __init__(
        self, known: Known, changes: Changes, people: People, title: Callable[[str], str]
    ) -> None:
        self._known = known
        self._changes = changes
        self._people = people
        self._title = title

    def take(self, found: Recognised) -> Taken | RowProblem:
        """Nothing of a refused row is used."""
        row, account = found.row, self._known.accounts.get(found.account)
        debtor = self._known.debtors.get(found.person)
        if refusal := self._refusal(row, account, debtor):
            field, reason = refusal
            return RowProblem(row.row, self._title(field), reason)
        if account and row.debt and row.debt.balance_as_of < account.debt.balance_as_of:
            return Taken.STALE
        told = False
        if debtor is None:
            debtor = self._people.add(found)
        else:
            told = self._people.update(debtor, row)
        debtor.told_by = row.row
        told = self._people.contacts(debtor, found) or told
        if row.debt is None:
            assert account is not None
        elif account is None:
            account = self._new_account(found, debtor, row.debt)
        else:
            told = self._balance(debtor, account, row.debt) or told
        created = self._party(debtor, account, row)
        if created is None:
            return Taken.CHANGED if told else Taken.UNCHANGED
        return created

    # --- what cannot be taken ----------------------------------------------------------------

    def _refusal(
        self, row: AccountRow, account: KnownAccount | None, debtor: KnownDebtor | None
    ) -> tuple[str, str] | None:
        """The field and the reason, or None."""
        if debtor is not None and debtor.person is None:
            return "id_number", "this person was erased and is not taken back by an import"
        if debtor is not None and debtor.told_by and debtor.person != as_person(row.person):
            return (
                "id_number",
                f"the same person has another name, 性别 or 语言 in row {debtor.told_by}",
            )
        is_owner = bool(account and debtor and account.debtor_id == debtor.id)
        if row.debt is None:
            if account is None:
                return "account", "its 主借款人 is not known: put that row before this one"
            if is_owner:
                return "role", "this person is the account's 主借款人"
        elif account is not None:
            if not is_owner:
                return "id_number", "the account belongs to another 主借款人 here"
            if account.currency != row.debt.balance.currency:
                return "currency", f"the account is kept in {account.currency} here"
        return None

    def _new_account(self, found: Recognised, debtor: KnownDebtor, row: DebtRow) -> KnownAccount:
        account_id, number, debt = new_id(), found.row.account_number, stated(row)
        assert debtor.key is not None
        currency = row.balance.currency
        self._changes.accounts.append(
            (
                account_id,
                found.row.creditor_id,
                debtor.id,
                found.account[1],
                number[-4:],
                seal(debtor.key, places.account(account_id), {"number": number}),
                currency,
                self._changes.now,
                *debt,
            )
        )
        account = KnownAccount(account_id, debtor.id, currency, debt)
        self._known.accounts[found.account] = account
        return account

    def _balance(self, debtor: KnownDebtor, account: KnownAccount, row: DebtRow) -> bool:
        """Replace the balance; True if that is worth telling, not only a newer instant."""
        before, after = account.debt, stated(row)
        if account.id in self._known.paid:
            after = after_payment(after, *self._known.paid[account.id])
        if before == after:
            return False
        account.debt = after
        self._changes.account_updates.append((account.id, *after))
        fields = [name for name in TOLD if getattr(before, name) != getattr(after, name)]
        if fields:
            self._changes.tell(
                EventKind.BALANCE_CHANGED,
                debtor,
                account=account,
                data={"fields": fields},
                payload={
                    "currency": account.currency,
                    "before": _told(before, fields),
                    "after": _told(after, fields),
                },
            )
        return bool(fields)

    def _party(self, debtor: KnownDebtor, account: KnownAccount, row: AccountRow) -> Taken | None:
        """Note the person's part in the account; None if it is as it was."""
        role = self._known.roles.get((account.id, debtor.id))
        if role == row.role:
            return None
        self._known.roles[account.id, debtor.id] = row.role
        if role is not None:
            self._changes.party_updates.append((account.id, debtor.id, row.role))
            data: dict[str, object] = {"role": str(row.role), "was": role}
            self._changes.tell(EventKind.CONTACT_CHANGED, debtor, account=account, data=data)
            return Taken.CHANGED
        self._changes.parties.append((account.id, debtor.id, row.role))
        payload = _told(account.debt) | {"currency": account.currency}
        self._changes.tell(
            EventKind.IMPORTED,
            debtor,
            account=account,
            data={"role": str(row.role), "product": account.debt.product},
            payload=payload if row.role is Role.PRIMARY else None,
        )
        return Taken.CREATED


def _told(debt: Debt, names: Iterable[str] = TOLD) -> dict[str, object]:
    """A balance in the words of an event's payload."""
    fields: dict[str, object] = {name: getattr(debt, name) for name in names}
    for name in fields.keys() & _DATES:
        day = fields[name]
        fields[name] = str(day) if day else None
    fields["balance_as_of"] = _instant(debt.balance_as_of)
    return fields
