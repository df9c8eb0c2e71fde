"""Draws the example portfolio from a public table of card clients; same input, same bytes.

    python scripts/make_portfolio.py SOURCE.csv.gz examples/portfolio [--accounts N] [--seed S]
        [--as-of 2026-11-23]

Needs the standard library only. What is real, derived and invented: examples/portfolio/README.md.
"""

import argparse
import csv
import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from broken_portfolio import write_broken
from invented_people import People, Person
from plain_workbook import Cell, write_workbook

# fmt: off
AMOUNTS = ["信用额度", "最低还款额", "逾期金额", "余额", "本金", "利息", "违约金", "费用"]
DATES = ["账单日", "到期还款日", "最早逾期到期日"]
HEADER = [
    "债权人", "账号", "角色", "产品", "币种", "信用额度", *DATES, *AMOUNTS[1:], "余额时点",
    "核心逾期天数", "核心阶段", "姓名", "性别", "证件号", "语言",
    "手机", "手机来源", "手机已核实", "邮箱", "邮箱来源", "邮箱已核实",
    "地址", "邮编", "地址地区", "地址来源", "地址已核实",
]
PAYMENT_HEADER = ["流水号", "债权人", "账号", "币种", "金额", "入账时间", "类型", "原流水号"]
# fmt: on

FULL_SIZE = 3200
SHARES = {1: 0.29, 2: 0.24, 3: 0.08}
"""Of the accounts, by months late; of 4 and more there are so few that a full draw takes all."""
SMALLEST_BILL = 400  # NT$: below it nobody writes a letter
SLICE_ROWS = 200
WIDE_DIGITS = {48 + digit: 0xFF10 + digit for digit in range(10)}


@dataclass(frozen=True)
class Place:
    """How the NT$ of 2005 become debts of one creditor. Amounts are in minor units."""

    region: str
    creditor: str
    currency: str
    divisor: int
    minor: int  # minor units of one unit of the currency
    card: str
    loan: str
    card_prefix: str
    loan_prefix: str
    daily_interest: Decimal
    smallest_minimum: int


CN = Place(
    "CN", "qinglan-bank", "CNY", 4, 100, "青岚信用卡", "青岚消费贷款", "9999", "QL",
    Decimal("0.0005"), 5000,
)  # fmt: skip
HK = Place(
    "HK", "hk-harbour-bank", "HKD", 4, 100, "望海信用卡", "望海私人貸款", "9998", "HL",
    Decimal("0.0008"), 30000,
)  # fmt: skip
TW = Place(
    "TW", "tw-qingyu-bank", "TWD", 1, 1, "青嶼信用卡", "青嶼信用貸款", "9997", "TL",
    Decimal("0.0004"), 1000,
)  # fmt: skip

RELATIONS = {
    True: (("保证人", 0.25), ("共同借款人", 0.1)),
    False: (("附属卡持卡人", 0.04),),
}
"""By whether it is a loan: who else belongs to an account, and how often."""

Line = dict[str, str]


@dataclass(frozen=True)
class Client:
    """What is taken of a row of the table; education, marriage and age are not even read."""

    limit: int
    sex: str
    months_late: int
    bill: int
    paid: int


def read_clients(source: Path) -> list[Client]:
    with gzip.open(source, "rt", encoding="ascii", newline="") as file:
        clients = [
            Client(
                limit=round(float(row["LIMIT_BAL"])),
                sex="男" if row["SEX"] == "1" else "女",
                months_late=max(0, int(row["PAY_0"])),
                bill=round(float(row["BILL_AMT1"])),
                paid=round(float(row["PAY_AMT1"])),
            )
            for row in csv.DictReader(file)
        ]
    return [client for client in clients if client.bill >= SMALLEST_BILL]


def draw(clients: list[Client], accounts: int, random: Random) -> list[Client]:
    """``accounts`` clients, by months late as ``SHARES`` says, in mixed order."""
    drawn: list[Client] = []
    for months in range(9, -1, -1):
        found = [c for c in clients if c.months_late == months]
        if months > 3:
            wanted = -(-len(found) * min(accounts, FULL_SIZE) // FULL_SIZE)
        else:
            wanted = round(SHARES[months] * accounts) if months else accounts - len(drawn)
        drawn += random.sample(found, min(wanted, len(found)))
    random.shuffle(drawn)
    return drawn


class Portfolio:
    """Turns clients into lines: first the debt, then the persons who owe it."""

    def __init__(self, random: Random, as_of: date) -> None:
        self.random = random
        self.as_of = as_of
        self.people = People(random)
        self.accounts = 0

    def lines(self, clients: list[Client]) -> Iterable[tuple[Client, Line]]:
        """A line per person and account; a debtor's accounts follow each other."""
        waiting = iter(clients)
        for client in waiting:
            chance = self.random.random()
            place = HK if chance < 0.04 else TW if chance < 0.08 else CN
            person = self.people.invent(place.region, client.sex)
            yield from self._account(client, place, person)
            chance = self.random.random()
            for _ in range(2 if chance < 0.01 else 1 if chance < 0.07 else 0):
                if another := next(waiting, None):
                    yield from self._account(another, place, person)

    def _account(
        self, client: Client, place: Place, person: Person
    ) -> Iterable[tuple[Client, Line]]:
        self.accounts += 1
        loan = self.random.random() < 0.15
        account = {"债权人": place.creditor, "账号": self._number(place, loan)}
        debt = self._debt(client, place, loan)
        yield client, account | {"角色": "主借款人"} | debt | person.columns
        for role, chance in RELATIONS[loan]:
            if self.random.random() < chance:
                other = self.people.invent(place.region, self.random.choice("男女"))
                yield client, account | {"角色": role} | other.columns

    def _number(self, place: Place, loan: bool) -> str:
        if loan:
            return f"{place.loan_prefix}{2000 + self.random.randrange(15, 26)}{self.accounts:08}"
        body = f"{place.card_prefix}{self.random.randrange(10**6):06}{self.accounts:05}"
        doubled = sum(sum(divmod(int(d) * 2, 10)) for d in body[::-2]) + sum(map(int, body[-2::-2]))
        return body + str((-doubled + 5) % 10)  # five beside the check digit of ISO/IEC 7812

    def _debt(self, client: Client, place: Place, loan: bool) -> Line:
        months = client.months_late
        late = self.random.randint(30 * months - 29, 30 * months) if months else 0
        to_come = self.random.randrange(8)
        oldest = self.as_of - timedelta(late) if late else None
        due = oldest + timedelta(30 * (months - 1)) if oldest else self.as_of + timedelta(to_come)
        core_late = late + (self.random.random() < 0.01) if late else 0
        sums = self._split(client, place, loan, late)
        stage = "M6+" if months > 6 else f"M{months}"
        return {
            "产品": place.loan if loan else place.card,
            "币种": place.currency,
            "账单日": str(due - timedelta(20)),
            "到期还款日": str(due),
            "最早逾期到期日": str(oldest or ""),
            "余额时点": f"{self.as_of} 02:00:00",
            "核心逾期天数": str(core_late),
            "核心阶段": stage,
        } | {name: _units(value, place) for name, value in sums.items()}

    def _split(self, client: Client, place: Place, loan: bool, late: int) -> dict[str, int]:
        """The bill, taken apart: the parts always add up to it exactly."""
        months = client.months_late
        balance = client.bill * place.minor // place.divisor
        charged = 0 if loan or self.random.random() > 0.1 else 30 * place.minor
        fees = charged if charged * 50 < balance else 0
        penalty = balance * 5 * min(months, 3) // 1000 if months else 0
        days = late + 25
        principal = int((balance - penalty - fees) / (1 + place.daily_interest * days))
        interest = balance - penalty - fees - principal
        parts = {"本金": principal, "利息": interest, "违约金": penalty, "费用": fees}
        cycles = (
            12 if loan else 10
        )  # what falls due a month: a twelfth of a loan, a tenth of a card
        due = principal * min(max(months, 1), cycles) // cycles + interest + fees
        minimum = min(max(due, place.smallest_minimum), balance - penalty)
        return {
            "信用额度": client.limit * place.minor // place.divisor,
            "最低还款额": minimum,
            "逾期金额": minimum + penalty if months else 0,
            "余额": balance,
        } | parts


def _units(minor: int, place: Place) -> str:
    return str(minor) if place.minor == 1 else f"{minor // 100}.{minor % 100:02}"


def share_phones(lines: list[Line], random: Random) -> None:
    """Six times, two debtors with one number: a couple, or a number handed on."""
    with_phone = [n for n, line in enumerate(lines) if line.get("手机") and line["语言"] == "zh-CN"]
    for first, second in zip(*[iter(random.sample(with_phone, 12))] * 2, strict=True):
        if lines[first]["证件号"] != lines[second]["证件号"]:
            for line in lines:
                if line["证件号"] == lines[second]["证件号"]:
                    line["手机"] = lines[first]["手机"]


def payments(drawn: list[tuple[Client, Line]], as_of: date, random: Random) -> list[Line]:
    """Some of what the table's clients paid, and two payments that bounced."""
    found: list[Line] = []
    payers = [d for d in drawn if d[1].get("最早逾期到期日") and d[0].paid > 0]
    for number, (client, line) in enumerate(payers[:40], 1):
        place = {"CNY": CN, "HKD": HK, "TWD": TW}[line["币种"]]
        paid = _units(max(1, client.paid * place.minor // place.divisor), place)
        amount = {0: line["余额"], 1: line["逾期金额"]}.get(number % 8, paid)
        found.append(
            {
                "流水号": f"PAY{as_of:%Y%m%d}{number:05}",
                "债权人": line["债权人"],
                "账号": line["账号"],
                "币种": line["币种"],
                "金额": str(min(Decimal(amount), Decimal(line["余额"]))),
                "入账时间": f"{as_of} 06:{random.randrange(60):02}:{random.randrange(60):02}",
                "类型": "还款",
            }
        )
    for number, undone in enumerate((found[2], found[7]), len(found) + 1):
        found.append(
            undone
            | {
                "流水号": f"PAY{as_of:%Y%m%d}{number:05}",
                "入账时间": f"{as_of} 07:{random.randrange(60):02}:00",
                "类型": "冲正",
                "原流水号": undone["流水号"],
            }
        )
    return found


def trailer(lines: list[Line], column: str) -> list[str]:
    """合计, the number of rows, the sum of a column over all currencies."""
    total = sum((Decimal(line[column]) for line in lines if line.get(column)), Decimal(0))
    return ["合计", str(len(lines)), f"{total:.2f}"]


def write_csv(
    path: Path, header: list[str], lines: list[Line], last: list[str], encoding: str = "utf-8"
) -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([line.get(name, "") for name in header] for line in lines)
        writer.writerow(last)


def in_bank_script(line: Line) -> Line:
    """The same facts as another core system would write them."""
    written = dict(line)
    for name in AMOUNTS:
        if line.get(name):
            written[name] = f"{Decimal(line[name]):,}元"
    for name in DATES:
        if line.get(name):
            written[name] = f"{date.fromisoformat(line[name]):%Y年%m月%d日}"
    if line.get("核心逾期天数"):
        written["核心逾期天数"] = line["核心逾期天数"].translate(WIDE_DIGITS)
    return written


def as_cell(name: str, text: str) -> Cell:
    """What a spreadsheet holds: numbers and dates as such, numbers that name things as text."""
    if not text:
        return ""
    if name in AMOUNTS or name == "核心逾期天数":
        return Decimal(text)
    if name in DATES:
        return date.fromisoformat(text)
    return datetime.fromisoformat(text) if name == "余额时点" else text


def whole_accounts(lines: list[Line], rows: int) -> list[Line]:
    """The first ``rows`` lines, and what else belongs to the last account."""
    end = rows
    while end < len(lines) and lines[end]["角色"] != "主借款人":
        end += 1
    return lines[:end]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--accounts", type=int, default=FULL_SIZE)
    parser.add_argument("--seed", type=int, default=2005)
    parser.add_argument("--as-of", type=date.fromisoformat, default=date(2026, 11, 23))
    options = parser.parse_args()
    random = Random(options.seed)
    portfolio = Portfolio(random, options.as_of)
    drawn = list(portfolio.lines(draw(read_clients(options.source), options.accounts, random)))
    lines = [line for _, line in drawn]
    share_phones(lines, random)
    options.out.mkdir(parents=True, exist_ok=True)
    write_csv(options.out / "accounts.csv", HEADER, lines, trailer(lines, "余额"))
    part = whole_accounts(lines, SLICE_ROWS)
    last = trailer(part, "余额")
    bank = [in_bank_script(line) for line in part]
    write_csv(options.out / "accounts-gb18030.csv", HEADER, bank, last, "gb18030")
    cells = [[as_cell(name, line.get(name, "")) for name in HEADER] for line in part]
    write_workbook(options.out / "accounts.xlsx", [HEADER, *cells, last])
    paid = payments(drawn[:500], options.as_of, random)
    write_csv(options.out / "payments.csv", PAYMENT_HEADER, paid, trailer(paid, "金额"))
    write_broken(options.out / "broken", HEADER, PAYMENT_HEADER, options.as_of)


if __name__ == "__main__":
    main()
