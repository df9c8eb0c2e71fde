"""What a creditor has filed, opened or been given: the rules ask whether it stands."""

from enum import StrEnum

from outreach.domain.account import clean_number


class Register(StrEnum):
    """Kinds of registrations (登记): what ``subject`` and ``holder`` are differs."""

    SIGNATURE = "signature"  # 短信签名: subject the signature, holder the carrier
    TEMPLATE = "template"  # 模板报备: subject the template's digest, holder the carrier
    PAYEE = "payee"  # 收款账户: subject the account's number, holder the bank
    MANDATE = "mandate"  # 律师事务所委托: subject the firm; detail {lawyer, licence}
    SENDER_DOMAIN = "sender_domain"  # 发件域名: subject the domain
    SENDER_ID = "sender_id"  # 短訊發送人名稱, 短碼: subject the id, holder the carrier
    LINK = "link"  # 报备链接、电话: subject a URL's beginning or a phone number


def plain_subject(kind: Register, text: str) -> str:
    """A subject in the one writing it is kept and asked for: 【】, case and blanks do not tell."""
    text = text.strip()
    match kind:
        case Register.PAYEE:
            return clean_number(text)
        case Register.SIGNATURE:
            return text.removeprefix("【").removesuffix("】").strip()
        case Register.TEMPLATE | Register.SENDER_DOMAIN:
            return text.lower()
        case _:
            return text


class Status(StrEnum):
    PENDING = "pending"  # 审核中
    APPROVED = "approved"  # 已通过
    LAPSED = "lapsed"  # 已失效


class AgencyKind(StrEnum):
    """What may take a debt to collect (TW-16; mainland and Hong Kong ask for none of them)."""

    AGENCY = "agency"  # 催收公司, 收數公司
    CLAIMS_MANAGER = "claims_manager"  # 應收債權管理公司, registered as such
    ASSET_MANAGER = "asset_manager"  # 资产管理公司
    LAW_FIRM = "law_firm"
    ACCOUNTING_FIRM = "accounting_firm"


class Interruption(StrEnum):
    """What makes a limitation period begin anew; which of them do so is each place's law."""

    DEMAND = "demand"  # 请求: a demand that arrived
    ACKNOWLEDGEMENT = "acknowledgement"  # 同意履行、承認, in writing where the place asks for it
    PART_PAYMENT = "part_payment"
    SUIT = "suit"  # 起诉, or a step that equals it
