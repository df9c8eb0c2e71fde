"""Who owes, in which place, and what stands in the way of writing to them."""

from enum import StrEnum

from outreach.domain.money import Currency


class Locale(StrEnum):
    """A place's own written Chinese; templates exist per locale and are never converted."""

    ZH_CN = "zh-CN"
    ZH_HK = "zh-HK"
    ZH_TW = "zh-TW"


class Jurisdiction(StrEnum):
    """Whose collection rules bind; names the policy pack ``config/policies/<value>.toml``."""

    MAINLAND = "cn-mainland"
    HONG_KONG = "hk"
    TAIWAN = "tw"


HOME_ZONE = {
    Jurisdiction.MAINLAND: "Asia/Shanghai",
    Jurisdiction.HONG_KONG: "Asia/Hong_Kong",
    Jurisdiction.TAIWAN: "Asia/Taipei",
}
"""The time zone of each place."""

HOME_CURRENCY = {
    Jurisdiction.MAINLAND: Currency.CNY,
    Jurisdiction.HONG_KONG: Currency.HKD,
    Jurisdiction.TAIWAN: Currency.TWD,
}
"""What a sum without a currency is in."""


PLACE_OF_REGION = {
    "CN": Jurisdiction.MAINLAND,
    "HK": Jurisdiction.HONG_KONG,
    "TW": Jurisdiction.TAIWAN,
}
"""Whose hours bind a phone of this ISO country, beside those of its owner's place."""


class Sex(StrEnum):
    """Used for the salutation only."""

    MALE = "male"
    FEMALE = "female"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """A debtor's role on an account (相关人)."""

    PRIMARY = "primary"  # 主借款人
    JOINT = "joint"  # 共同借款人
    GUARANTOR = "guarantor"  # 保证人
    SUPPLEMENTARY = "supplementary"  # 附属卡持卡人: never dunned


class Standing(StrEnum):
    """Why a debtor is not simply normal (状态, 名单): each has an owner and a reason."""

    DISPUTE = "dispute"  # 异议
    COMPLAINT = "complaint"  # 投诉
    PLAN = "plan"  # 分期协议履行中
    PROMISE = "promise"  # 承诺还款
    PAYMENT_PENDING = "payment_pending"  # 称已还款, 待入账
    HARDSHIP = "hardship"  # 困难
    UNREAD = "unread"  # 回复待人工确认: it may be an objection, or a stranger's
    DECEASED = "deceased"
    MISSING = "missing"  # 宣告失踪
    INCAPACITY = "incapacity"
    MINOR = "minor"  # 未成年; expires on the day they come of age
    BANKRUPTCY = "bankruptcy"  # 个人破产, 破產令
    ARRANGEMENT = "arrangement"  # 個人自願安排 (IVA)
    REHABILITATION = "rehabilitation"  # 更生
    LIQUIDATION = "liquidation"  # 清算
    PRESERVATION = "preservation"  # 保全處分; expires with the order
    NEGOTIATION = "negotiation"  # 前置協商
    LAWSUIT = "lawsuit"  # 诉讼、仲裁、调解、执行
    REPRESENTED = "represented"  # 已委托律师
    ASSIGNED = "assigned"  # 债权已转出, since the notice arrived
    ACQUIRED = "acquired"  # 债权受让, until the notice has arrived
    AGENCY_REFUSED = "agency_refused"  # 拒绝委外机构, wants to talk to the creditor itself
    AGREED_HOURS = "agreed_hours"  # 约定联系时段: detail {channels, opens, closes}
    DO_NOT_CONTACT = "do_not_contact"
    VIP = "vip"
    STAFF = "staff"
    HUMAN_ONLY = "human_only"
