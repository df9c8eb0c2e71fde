"""A notice (通知): one message, one debtor, one channel, one purpose."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from outreach.domain.contact import Channel
from outreach.domain.money import Currency


class Purpose(StrEnum):
    """Why we write (事由)."""

    PAYMENT_REMINDER = "payment_reminder"  # 还款提醒
    OVERDUE_NOTICE = "overdue_notice"  # 逾期通知
    DEMAND_LETTER = "demand_letter"  # 催收函
    LAWYER_LETTER = "lawyer_letter"  # 律师函
    ASSIGNMENT_NOTICE = "assignment_notice"  # 债权转让通知
    OUTSOURCING_NOTICE = "outsourcing_notice"  # 委外告知
    CREDIT_REPORT_NOTICE = "credit_report_notice"  # 征信告知
    ACCELERATION_NOTICE = "acceleration_notice"  # 提前到期通知
    SETTLEMENT_OFFER = "settlement_offer"  # 减免方案
    PLAN_AGREEMENT = "plan_agreement"  # 分期协议
    PLAN_REMINDER = "plan_reminder"  # 分期提醒
    PLAN_BREACH_NOTICE = "plan_breach_notice"  # 分期违约告知
    DISPUTE_REPLY = "dispute_reply"  # 异议答复
    COMPLAINT_REPLY = "complaint_reply"  # 投诉答复
    CORRECTION_NOTICE = "correction_notice"  # 更正致歉
    SETTLEMENT_RECEIPT = "settlement_receipt"  # 结清确认


class Lane(StrEnum):
    URGENT = "urgent"
    BULK = "bulk"
    LETTERS = "letters"


@dataclass(frozen=True, slots=True)
class NoticeRequest:
    """What a person, campaign or file asks intake for."""

    creditor_id: str
    debtor_id: UUID
    account_ids: tuple[UUID, ...]
    purpose: Purpose
    channel: Channel
    currency: Currency
    contact_point_id: UUID
    idempotency_key: str
    lane: Lane
    due_at: datetime
    expires_at: datetime
