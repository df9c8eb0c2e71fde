"""The words a file of facts may use for each code: the mainland's, Hong Kong's, Taiwan's, ours."""

from collections.abc import Mapping

from outreach.domain.contact import Channel, ContactKind, Usage
from outreach.domain.debtor import Standing
from outreach.domain.notice import Purpose
from outreach.domain.register import Interruption, Register, Status
from outreach.domain.standing import About, Body
from outreach.life.account_facts import TOLD_OF

STANDINGS: Mapping[str, Standing] = {
    "异议": Standing.DISPUTE,
    "異議": Standing.DISPUTE,
    "投诉": Standing.COMPLAINT,
    "投訴": Standing.COMPLAINT,
    "申訴": Standing.COMPLAINT,
    "分期": Standing.PLAN,
    "分期协议": Standing.PLAN,
    "分期協議": Standing.PLAN,
    "承诺还款": Standing.PROMISE,
    "承諾還款": Standing.PROMISE,
    "待入账": Standing.PAYMENT_PENDING,
    "待入帳": Standing.PAYMENT_PENDING,
    "困难": Standing.HARDSHIP,
    "困難": Standing.HARDSHIP,
    "死亡": Standing.DECEASED,
    "已故": Standing.DECEASED,
    "失踪": Standing.MISSING,
    "失蹤": Standing.MISSING,
    "无行为能力": Standing.INCAPACITY,
    "無行為能力": Standing.INCAPACITY,
    "未成年": Standing.MINOR,
    "破产": Standing.BANKRUPTCY,
    "破產": Standing.BANKRUPTCY,
    "個人自願安排": Standing.ARRANGEMENT,
    "更生": Standing.REHABILITATION,
    "清算": Standing.LIQUIDATION,
    "保全處分": Standing.PRESERVATION,
    "保全处分": Standing.PRESERVATION,
    "前置協商": Standing.NEGOTIATION,
    "前置协商": Standing.NEGOTIATION,
    "诉讼": Standing.LAWSUIT,
    "訴訟": Standing.LAWSUIT,
    "委托律师": Standing.REPRESENTED,
    "委託律師": Standing.REPRESENTED,
    "债权转出": Standing.ASSIGNED,
    "債權轉出": Standing.ASSIGNED,
    "债权受让": Standing.ACQUIRED,
    "債權受讓": Standing.ACQUIRED,
    "拒绝委外": Standing.AGENCY_REFUSED,
    "拒絕委外": Standing.AGENCY_REFUSED,
    "约定时段": Standing.AGREED_HOURS,
    "約定時段": Standing.AGREED_HOURS,
    "禁止联系": Standing.DO_NOT_CONTACT,
    "禁止聯絡": Standing.DO_NOT_CONTACT,
    "贵宾": Standing.VIP,
    "貴賓": Standing.VIP,
    "员工": Standing.STAFF,
    "員工": Standing.STAFF,
    "回复待确认": Standing.UNREAD,
    "回覆待確認": Standing.UNREAD,
    "仅限人工": Standing.HUMAN_ONLY,
    "僅限人工": Standing.HUMAN_ONLY,
} | {str(kind): kind for kind in Standing}
BODIES: Mapping[str, Body] = {
    "网点": Body.BRANCH,
    "客服": Body.BRANCH,
    "來函": Body.BRANCH,
    "监管": Body.REGULATOR,
    "監管": Body.REGULATOR,
    "調解": Body.OMBUDSMAN,
    "評議": Body.OMBUDSMAN,
} | {str(body): body for body in Body}
ABOUT: Mapping[str, About] = {
    "金额": About.AMOUNT,
    "金額": About.AMOUNT,
    "非本人": About.NOT_MINE,
    "盗刷": About.FRAUD,
    "盜刷": About.FRAUD,
    "征信": About.CREDIT_DATA,
    "徵信": About.CREDIT_DATA,
} | {str(about): about for about in About}
CHANNELS: Mapping[str, Channel] = {
    "短信": Channel.SMS,
    "短訊": Channel.SMS,
    "簡訊": Channel.SMS,
    "邮件": Channel.EMAIL,
    "電郵": Channel.EMAIL,
    "電子郵件": Channel.EMAIL,
    "信函": Channel.LETTER,
} | {str(channel): channel for channel in Channel}
REGISTERS: Mapping[str, Register] = {
    "短信签名": Register.SIGNATURE,
    "签名": Register.SIGNATURE,
    "簽名": Register.SIGNATURE,
    "短信模板": Register.TEMPLATE,
    "模板": Register.TEMPLATE,
    "範本": Register.TEMPLATE,
    "收款账户": Register.PAYEE,
    "收款帳戶": Register.PAYEE,
    "律所委托": Register.MANDATE,
    "律所委託": Register.MANDATE,
    "发件域名": Register.SENDER_DOMAIN,
    "發件網域": Register.SENDER_DOMAIN,
    "发送号码": Register.SENDER_ID,
    "發送號碼": Register.SENDER_ID,
    "链接": Register.LINK,
    "連結": Register.LINK,
} | {str(kind): kind for kind in Register}
STATUSES: Mapping[str, Status] = {
    "审核中": Status.PENDING,
    "審核中": Status.PENDING,
    "已通过": Status.APPROVED,
    "已通過": Status.APPROVED,
    "已失效": Status.LAPSED,
} | {str(status): status for status in Status}
PURPOSES: Mapping[str, Purpose] = {
    "委外告知": Purpose.OUTSOURCING_NOTICE,
    "债权转让": Purpose.ASSIGNMENT_NOTICE,
    "債權讓與": Purpose.ASSIGNMENT_NOTICE,
    "債權轉讓": Purpose.ASSIGNMENT_NOTICE,
    "征信告知": Purpose.CREDIT_REPORT_NOTICE,
    "徵信告知": Purpose.CREDIT_REPORT_NOTICE,
} | {str(purpose): purpose for purpose in TOLD_OF}
INTERRUPTIONS: Mapping[str, Interruption] = {
    "催告": Interruption.DEMAND,
    "请求": Interruption.DEMAND,
    "請求": Interruption.DEMAND,
    "承认": Interruption.ACKNOWLEDGEMENT,
    "承認": Interruption.ACKNOWLEDGEMENT,
    "同意履行": Interruption.ACKNOWLEDGEMENT,
    "部分还款": Interruption.PART_PAYMENT,
    "部分還款": Interruption.PART_PAYMENT,
    "起诉": Interruption.SUIT,
    "起訴": Interruption.SUIT,
} | {str(kind): kind for kind in Interruption}

CONTACTS: Mapping[str, ContactKind] = {
    "手机": ContactKind.PHONE,
    "手機": ContactKind.PHONE,
    "邮箱": ContactKind.EMAIL,
    "電郵": ContactKind.EMAIL,
    "電子郵件": ContactKind.EMAIL,
    "地址": ContactKind.ADDRESS,
} | {str(kind): kind for kind in ContactKind}
USAGES: Mapping[str, Usage] = {
    "本人": Usage.PERSONAL,
    "单位": Usage.WORKPLACE,
    "單位": Usage.WORKPLACE,
    "约定送达": Usage.SERVICE,
    "約定送達": Usage.SERVICE,
} | {str(usage): usage for usage in Usage}
