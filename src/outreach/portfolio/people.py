"""The persons of an accounts file and their contact points: added, or brought up to date."""

from dataclasses import asdict

from outreach.domain.contact import ContactKind
from outreach.domain.debtor import HOME_ZONE
from outreach.domain.events import EventKind
from outreach.ids import new_id
from outreach.ledger import places
from outreach.ledger.keys import MasterKeys
from outreach.ledger.lookup import LookupKey
from outreach.portfolio.changes import Changes, seal
from outreach.portfolio.identity import Recognised, plain, region
from outreach.portfolio.known import Known, KnownDebtor, KnownPoint, Person
from outreach.portfolio.rows import AccountRow, ContactRow, PersonRow


class People:
    def __init__(
        self, known: Known, changes: Changes, masters: MasterKeys, lookup: LookupKey
    ) -> None:
        self._known = known
        self._changes = changes
        self._masters = masters
        self._lookup = lookup

    def add(self, found: Recognised) -> KnownDebtor:
        row, debtor_id = found.row, new_id()
        key = self._changes.draw_key(self._masters, debtor_id)
        person, hashed = as_person(row.person), self._lookup.hash
        self._changes.debtors.append(
            (
                debtor_id,
                row.creditor_id,
                found.person[1],
                hashed("id_tail", person.id_number[-6:]),
                hashed("name", plain(person.name)),
                seal(key, places.debtor(debtor_id), _sealed(person)),
                person.locale,
                HOME_ZONE[row.jurisdiction],
                row.jurisdiction,
                self._changes.now,
            )
        )
        debtor = self._known.debtors[found.person] = KnownDebtor(
            debtor_id, row.creditor_id, key, person, new=True
        )
        return debtor

    def update(self, debtor: KnownDebtor, row: AccountRow) -> bool:
        before, after = debtor.person, as_person(row.person)
        if before == after:
            return False
        assert before is not None
        assert debtor.key is not None
        hashed = self._lookup.hash("name", plain(after.name))
        sealed = seal(debtor.key, places.debtor(debtor.id), _sealed(after))
        self._changes.debtor_updates.append((debtor.id, hashed, sealed, after.locale))
        if before.name != after.name:
            self._changes.renamed[debtor.id] = (before.name, after.name)
        debtor.person = after
        old, new = asdict(before), asdict(after)
        fields = [name for name in new if old[name] != new[name]]
        self._changes.tell(
            EventKind.CONTACT_CHANGED,
            debtor,
            data={"fields": fields},
            payload={"before": {f: old[f] for f in fields}, "after": {f: new[f] for f in fields}},
        )
        return True

    def contacts(self, debtor: KnownDebtor, found: Recognised) -> bool:
        told = False
        for contact, value in zip(found.row.contacts, found.values, strict=True):
            place = (debtor.id, contact.kind, value)
            point = self._known.points.get(place)
            if point is None:
                point = self._known.points[place] = self._new_point(debtor, found, contact, value)
                change: dict[str, object] | None = {"change": "added"}
            else:
                change = self._point(point, contact)
            if change is None or debtor.new:
                continue  # how a new person came to us is told by ``imported``
            change |= {"point": str(point.id), "contact": str(contact.kind)}
            change |= {"origin": str(contact.origin), "verified": contact.verified}
            self._changes.tell(EventKind.CONTACT_CHANGED, debtor, data=change)
            told = True
        return told

    def _point(self, point: KnownPoint, contact: ContactRow) -> dict[str, object] | None:
        """A known point's origin and verification; the first row of a batch speaks for it.

        What a document shows, no export overrules: most have no such columns.
        """
        before = (point.origin, point.verified)
        if point.documented or point.told or before == (contact.origin, contact.verified):
            point.told = True
            return None
        point.origin, point.verified, point.told = contact.origin, contact.verified, True
        self._changes.point_updates.append((point.id, point.origin, point.verified))
        return {"change": "origin", "was": before[0], "was_verified": before[1]}

    def _new_point(
        self, debtor: KnownDebtor, found: Recognised, contact: ContactRow, value: bytes
    ) -> KnownPoint:
        row, point_id = found.row, new_id()
        key = self._changes.draw_key(self._masters, point_id)
        is_phone = contact.kind is ContactKind.PHONE
        self._changes.values.add(value)
        self._changes.points.append(
            (
                point_id,
                debtor.id,
                row.creditor_id,
                contact.kind,
                value,
                self._lookup.hash("phone_tail", str(contact.value)[-4:]) if is_phone else None,
                region(contact, row.jurisdiction),
                seal(key, places.point(point_id), _value(contact)),
                contact.origin,
                contact.verified,
                self._changes.now,
            )
        )
        return KnownPoint(point_id, contact.origin, contact.verified, told=True)


def as_person(person: PersonRow) -> Person:
    return Person(person.name, person.sex, person.id_number, person.locale)


def _sealed(person: Person) -> dict[str, object]:
    return {"name": person.name, "sex": person.sex, "id_number": person.id_number}


def _value(contact: ContactRow) -> dict[str, object]:
    value = contact.value
    if isinstance(value, str):
        return {"value": value}
    return {
        "recipient": value.recipient,
        "lines": value.lines,
        "postcode": value.postcode,
        "region": value.region,
    }
