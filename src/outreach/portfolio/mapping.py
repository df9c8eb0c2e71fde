"""Which column of a file holds which fact: the default Chinese headers, or an institution's own."""

import difflib
import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from outreach.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Field:
    """A fact a row may hold; ``headers`` are the names it goes by, the standard one first."""

    name: str
    headers: tuple[str, ...]
    required: bool = False


def _field(name: str, *headers: str, required: bool = False) -> Field:
    return Field(name, headers, required)


_ACCOUNT = _field(
    "account", "账号", "账户", "卡号", "借据号", "合同号", "帳號", "戶口號碼", required=True
)

ACCOUNT_FIELDS = (
    _field("creditor", "债权人", "债权人编号", "機構代號", "creditor", required=True),
    _ACCOUNT,
    _field("role", "角色", "相关人类型", "關係人"),
    _field("product", "产品", "产品名称", "產品", required=True),
    _field("currency", "币种", "幣別", "貨幣", required=True),
    _field("limit", "信用额度", "授信额度", "信用額度"),
    _field("statement_date", "账单日", "结单日", "結帳日", "結單日"),
    _field("due_date", "到期还款日", "还款日", "繳款截止日", "到期還款日", required=True),
    _field("oldest_unpaid_due_date", "最早逾期到期日", "最早逾期日", "最早逾期到期日期"),
    _field("minimum_payment", "最低还款额", "最低應繳金額", "最低還款額", required=True),
    _field("overdue", "逾期金额", "逾期金額", required=True),
    _field("balance", "余额", "欠款余额", "結欠", "餘額", required=True),
    _field("principal", "本金", required=True),
    _field("interest", "利息", required=True),
    _field("penalty", "违约金", "違約金", "滞纳金", required=True),
    _field("fees", "费用", "費用", required=True),
    _field("balance_as_of", "余额时点", "数据时点", "餘額時點", required=True),
    _field("core_dpd", "核心逾期天数", "逾期天数", "逾期天數"),
    _field("core_stage", "核心阶段", "逾期阶段", "逾期階段"),
    _field("name", "姓名", "客户姓名", "客戶姓名", required=True),
    _field("sex", "性别", "性別"),
    _field("id_number", "证件号", "证件号码", "身份证号", "身分證字號", "證件號碼", required=True),
    _field("locale", "语言", "語言"),
    _field("phone", "手机", "手机号", "手机号码", "手機", "流動電話"),
    _field("phone_origin", "手机来源", "手機來源"),
    _field("phone_verified", "手机已核实", "手機已核實"),
    _field("email", "邮箱", "电子邮箱", "電郵", "電子郵件"),
    _field("email_origin", "邮箱来源", "電郵來源"),
    _field("email_verified", "邮箱已核实", "電郵已核實"),
    _field("address", "地址", "通讯地址", "通訊地址"),
    _field("postcode", "邮编", "邮政编码", "郵遞區號"),
    _field("address_region", "地址地区", "地址地區"),
    _field("address_origin", "地址来源", "地址來源"),
    _field("address_verified", "地址已核实", "地址已核實"),
)

PAYMENT_FIELDS = (
    _field("ref", "流水号", "交易流水号", "交易序號", required=True),
    _field("creditor", "债权人", "债权人编号", "機構代號", "creditor", required=True),
    _ACCOUNT,
    _field("currency", "币种", "幣別", "貨幣", required=True),
    _field("amount", "金额", "还款金额", "交易金额", "金額", required=True),
    _field("posted_at", "入账时间", "记账时间", "入帳時間", required=True),
    _field("kind", "类型", "交易类型", "類型"),
    _field("reverses", "原流水号", "原交易流水号", "原交易序號"),
)

_OF_CREDITOR = _field("creditor", "债权人", "债权人编号", "機構代號", "creditor")
_EVIDENCE = _field("evidence", "凭证", "凭证编号", "憑證", "evidence")
_NUMBER = _field("reference", "编号", "案号", "投诉编号", "編號", "案號", "reference")
_SINCE = _field("since", "开始", "开始日期", "起始日", "開始", "since")
_UNTIL = _field("until", "到期", "到期日", "到期日期", "until")
_DAY = _field("on", "日期", "告知日期", "发生日期", "發生日期", "date", required=True)

STANDING_FIELDS = (
    _OF_CREDITOR,
    replace(_ACCOUNT, required=False),
    _field("id_number", "证件号", "证件号码", "身份证号", "身分證字號", "證件號碼"),
    _field("kind", "类型", "状态", "名单", "類型", "狀態", "名單", "kind", required=True),
    _field("reason", "原因", "事由", "reason", required=True),
    _EVIDENCE,
    _NUMBER,
    _SINCE,
    _UNTIL,
    _field("owner", "负责人", "負責人", "owner"),
    _field("ends", "解除", "ends"),
    _field("account_only", "仅此账户", "僅此帳戶", "account_only"),
    _field("answer_by", "答复期限", "答覆期限", "answer_by"),
    _field("body", "受理渠道", "投诉渠道", "受理機構", "body"),
    _field("complex", "复杂", "複雜", "complex"),
    _field("about", "异议内容", "異議內容", "about"),
    _field("channels", "渠道", "管道", "channels"),
    _field("opens", "起始时刻", "起始時刻", "opens"),
    _field("closes", "截止时刻", "截止時刻", "closes"),
)

REGISTER_FIELDS = (
    _OF_CREDITOR,
    _field("kind", "类型", "登记类型", "類型", "kind", required=True),
    _field("subject", "登记对象", "对象", "名称", "登記對象", "subject", required=True),
    _field("holder", "登记机构", "机构", "登記機構", "holder"),
    _field("number", "编号", "备案号", "編號", "備案號", "number"),
    _field("status", "状态", "狀態", "status"),
    _SINCE,
    _UNTIL,
    _EVIDENCE,
    _field("lawyer", "律师", "律師", "lawyer"),
    _field("licence", "执业证号", "執業證號", "licence"),
)

DISCLOSURE_FIELDS = (
    _OF_CREDITOR,
    _ACCOUNT,
    _field("to", "证件号", "证件号码", "身份证号", "身分證字號", "證件號碼"),
    _field("purpose", "告知事项", "事由", "告知事項", "purpose", required=True),
    _DAY,
    replace(_EVIDENCE, required=True),
    _field("agency", "委外机构", "委托机构", "委外機構", "受託機構", "agency"),
)

INTERRUPTION_FIELDS = (
    _OF_CREDITOR,
    _ACCOUNT,
    _field("kind", "中断事由", "类型", "中斷事由", "類型", "kind", required=True),
    _DAY,
    replace(_EVIDENCE, required=True),
)

PLACEMENT_FIELDS = (
    _OF_CREDITOR,
    replace(_ACCOUNT, headers=(*_ACCOUNT.headers, "账户号", "account")),
    _field("agency", "委外机构", "委托机构", "委外機構", "受託機構", "agency"),
    _field("ends", "撤回", "解除", "ends"),
)

POINT_FIELDS = (
    _OF_CREDITOR,
    replace(_ACCOUNT, required=False),
    _field("id_number", "证件号", "证件号码", "身份证号", "身分證字號", "證件號碼"),
    _field("contact", "联系方式", "类型", "聯絡方式", "contact", required=True),
    _field("value", "号码", "號碼", "value"),
    _field("usage", "用途", "usage"),
    _field("origin", "来源", "來源", "origin"),
    _field("document", "来源文件", "來源文件", "document"),
    _field("verified", "已核实", "已核實", "verified"),
)

LIST_FIELDS = (  # people make lists by hand, so these go by a few names more than exports do
    replace(_ACCOUNT, headers=(*_ACCOUNT.headers, "账户号", "account_number", "account")),
)


@dataclass(frozen=True, slots=True)
class Columns:
    """A mapping bound to one file's header: where each field stands in a row's cells."""

    index: dict[str, int]
    titles: dict[str, str]
    constants: dict[str, str]
    width: int
    ignored: tuple[str, ...]

    def title(self, name: str) -> str:
        """The header a person knows the field by."""
        return self.titles[name]


@dataclass(frozen=True, slots=True)
class Mapping:
    fields: tuple[Field, ...]
    constants: dict[str, str] = field(default_factory=dict)

    def bind(self, header: Sequence[str], source: str, row: int = 1) -> Columns:
        """Find every field in ``header``; ``InvalidInput`` names what is missing or double."""
        known = {_plain(h): f.name for f in self.fields for h in f.headers}
        index: dict[str, int] = {}
        ignored = []
        for place, title in enumerate(header):
            name = known.get(_plain(title))
            if name is None:
                ignored.append(title)
            elif name in index:
                raise _double(source, row, name, header[index[name]], title)
            else:
                index[name] = place
        self._check_complete(index, ignored, source, row)
        titles = {
            f.name: header[index[f.name]] if f.name in index else f.headers[0] for f in self.fields
        }
        return Columns(index, titles, self.constants, len(header), tuple(ignored))

    def _check_complete(
        self, index: dict[str, int], ignored: list[str], source: str, row: int
    ) -> None:
        if not index:
            raise InvalidInput(
                f"{source}: row {row} holds no column name we know",
                "put the header (账号, 余额, ...) into the first row; save as UTF-8 if the Chinese "
                "looks garbled; or give your own names with --mapping",
            )
        missing = [f for f in self.fields if f.required and f.name not in index | self.constants]
        if missing:
            words = [h for f in missing for h in f.headers]
            near = [t for t in ignored if difflib.get_close_matches(t, words, 1, 0.5)]
            raise InvalidInput(
                f"{source}: row {row}: missing column "
                + ", ".join(f"{f.headers[0]} ({f.name})" for f in missing),
                (f"is it one of these unknown columns: {', '.join(near)}? " if near else "")
                + "Rename the column, or name it with --mapping",
            )


def _double(source: str, row: int, name: str, first: str, second: str) -> InvalidInput:
    both = f"{first} twice" if first == second else f"both {first} and {second}"
    return InvalidInput(
        f"{source}: row {row}: the header has {both}, which mean the same ({name})",
        "remove one of the two columns, or say with --mapping which one counts",
    )


def _plain(header: str) -> str:
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", header)).casefold()


ACCOUNTS = Mapping(ACCOUNT_FIELDS)
PAYMENTS = Mapping(PAYMENT_FIELDS)
ACCOUNT_LIST = Mapping(LIST_FIELDS)
STANDINGS = Mapping(STANDING_FIELDS)
REGISTERS = Mapping(REGISTER_FIELDS)
DISCLOSURES = Mapping(DISCLOSURE_FIELDS)
INTERRUPTIONS = Mapping(INTERRUPTION_FIELDS)
PLACEMENTS = Mapping(PLACEMENT_FIELDS)
POINTS = Mapping(POINT_FIELDS)


def load_mapping(path: Path, base: Mapping) -> Mapping:
    """``base`` with an institution's own names.

    The file is TOML: ``[columns]`` maps a field to its header or a list of headers (these replace
    the default names, and the file must have one of them), ``[constants]`` gives a field one value
    for the whole file.
    Raises ``InvalidInput`` naming the line.
    """
    try:
        text = path.read_text("utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read ({error.strerror})", "check the path") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"{path}: not valid TOML: {error}", "mend the line named") from None
    for table in content:
        if table not in {"columns", "constants"}:
            raise InvalidInput(
                f"{path}:{_line(text, table)}: unknown table {table}",
                "a mapping has [columns] and [constants]",
            )
    fields = {f.name: f for f in base.fields}
    for name, value in _entries(path, text, content, "columns", fields):
        headers = (value,) if isinstance(value, str) else tuple(value)
        _refuse_shared(path, text, fields, name, headers)
        fields[name] = replace(fields[name], headers=headers, required=True)
    constants = dict(_entries(path, text, content, "constants", fields))
    return Mapping(
        tuple(fields.values()), base.constants | {k: str(v) for k, v in constants.items()}
    )


def _entries(
    path: Path, text: str, content: dict[str, object], table: str, fields: dict[str, Field]
) -> list[tuple[str, str | list[str]]]:
    entries = content.get(table, {})
    if not isinstance(entries, dict):
        raise InvalidInput(f"{path}: {table} is not a table", f"write [{table}] on its own line")
    for name, value in entries.items():
        where = f"{path}:{_line(text, name)}"
        if name not in fields:
            near = difflib.get_close_matches(name, fields, 1)
            raise InvalidInput(
                f"{where}: unknown field {name}" + (f", did you mean {near[0]}?" if near else ""),
                "the fields are " + ", ".join(fields),
            )
        listed = value if isinstance(value, list) and table == "columns" else [value]
        if not listed or not all(isinstance(v, str) and v.strip() for v in listed):
            raise InvalidInput(
                f"{where}: {name} must be text" + (" or a list of texts" * (table == "columns")),
                f'write {name} = "..."',
            )
    return list(entries.items())


def _refuse_shared(
    path: Path, text: str, fields: dict[str, Field], name: str, headers: tuple[str, ...]
) -> None:
    for other in fields.values():
        if other.name != name and set(map(_plain, headers)) & set(map(_plain, other.headers)):
            raise InvalidInput(
                f"{path}:{_line(text, name)}: {name} takes a column that {other.name} takes too",
                f"give {other.name} another header in [columns] as well, on an earlier line",
            )


def _line(text: str, key: str) -> int:
    """The line of a key; tomllib does not keep it."""
    match = re.search(rf"^\s*\[?[\"']?{re.escape(key)}[\"']?\s*[\]=]", text, re.MULTILINE)
    return text.count("\n", 0, match.end()) + 1 if match else 1
