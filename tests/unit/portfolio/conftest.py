"""What the portfolio tests share: ways to read a file, and a sound row."""

from pathlib import Path

import pytest
from portfolio_cases import PLACES, ReadAccounts, ReadPayments

from outreach.portfolio.files import open_table
from outreach.portfolio.mapping import ACCOUNTS, PAYMENTS, Mapping
from outreach.portfolio.reading import Reading, read_accounts, read_payments
from outreach.portfolio.rows import AccountRow, PaymentRow, Terms


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).parents[3]


@pytest.fixture(scope="session")
def examples(root: Path) -> Path:
    return root / "examples/portfolio"


@pytest.fixture(scope="session")
def terms() -> Terms:
    return Terms(PLACES)


@pytest.fixture(scope="session")
def accounts_of(terms: Terms) -> ReadAccounts:
    def read(path: Path, terms: Terms = terms, mapping: Mapping = ACCOUNTS) -> Reading[AccountRow]:
        return read_accounts(open_table(path), mapping, terms)

    return read


@pytest.fixture(scope="session")
def payments_of(terms: Terms) -> ReadPayments:
    def read(path: Path) -> Reading[PaymentRow]:
        return read_payments(open_table(path), PAYMENTS, terms)

    return read


@pytest.fixture
def facts() -> dict[str, str]:
    """A sound row by header: a card 40 days late, all contact points filled."""
    return {
        "债权人": "qinglan-bank",
        "账号": "9999 1234 5678 0001",
        "角色": "主借款人",
        "产品": "青岚信用卡",
        "币种": "CNY",
        "信用额度": "10000.00",
        "账单日": "2026-09-24",
        "到期还款日": "2026-10-14",
        "最早逾期到期日": "2026-10-14",
        "最低还款额": "300.00",
        "逾期金额": "310.00",
        "余额": "1200.00",
        "本金": "1150.00",
        "利息": "40.00",
        "违约金": "10.00",
        "费用": "0.00",
        "余额时点": "2026-11-23 02:00:00",
        "核心逾期天数": "40",
        "核心阶段": "M2",
        "姓名": "王样例",
        "性别": "女",
        "证件号": "000000198001010010",
        "语言": "zh-CN",
        "手机": "14200000001",
        "手机来源": "合同预留",
        "手机已核实": "是",
        "邮箱": "u1@Songfeng.TEST",
        "邮箱来源": "本人更新",
        "邮箱已核实": "否",
        "地址": "云岭省青岚市听泉路1号",
        "邮编": "000123",
        "地址地区": "CN",
        "地址来源": "法院确认",
        "地址已核实": "是",
    }
