"""Chinese words for what the history holds as codes, for people who read it."""

from collections.abc import Mapping

from outreach.domain.contact import Channel, ContactKind, Origin, Usage
from outreach.domain.debtor import Jurisdiction, Role, Sex, Standing
from outreach.domain.events import EventKind
from outreach.domain.notice import Purpose
from outreach.domain.register import AgencyKind, Interruption, Register
from outreach.domain.response import ResponseKind
from outreach.domain.standing import About, Body
from outreach.domain.states import FailureClass, State
from outreach.domain.task import Outcome, TaskKind

EVENTS: Mapping[EventKind, str] = {
    EventKind.IMPORTED: "账户导入",
    EventKind.BALANCE_CHANGED: "金额更新",
    EventKind.PAID: "还款入账",
    EventKind.PAYMENT_REVERSED: "还款冲正",
    EventKind.STANDING_SET: "设置状态",
    EventKind.STANDING_ENDED: "解除状态",
    EventKind.CONTACT_CHANGED: "资料变更",
    EventKind.INFORMED: "已告知",
    EventKind.INTERRUPTED: "时效中断",
    EventKind.HELD: "合规暂缓",
    EventKind.BLOCKED: "合规拦截",
    EventKind.RELEASE_ASKED: "申请放行",
    EventKind.RELEASE_REFUSED: "不予放行",
    EventKind.RELEASED: "人工放行",
    EventKind.SENDING: "准予发送",
    EventKind.SENT: "已交运营方",
    EventKind.DEFERRED: "稍后再试",
    EventKind.DELIVERED: "已送达",
    EventKind.UNDELIVERED: "未送达",
    EventKind.READ: "已读",
    EventKind.REPLIED: "债务人回复",
    EventKind.OPTED_OUT: "退订",
    EventKind.COMPLAINED: "投诉",
    EventKind.DISPUTED: "异议",
    EventKind.PROMISED: "承诺还款",
    EventKind.WRONG_PERSON: "称非本人",
    EventKind.CLAIMED_PAID: "称已还款",
    EventKind.HARDSHIP: "称有困难",
    EventKind.RETURNED: "信函退回",
    EventKind.SIGNED_FOR: "信函签收",
    EventKind.POSTED: "信函交寄",
    EventKind.PRINTED: "信函打印",
    EventKind.SCANNED: "回执扫描",
    EventKind.UNCERTAIN: "结果不明",
    EventKind.RESOLVED: "结果查明",
    EventKind.CANCELLED: "已撤销",
    EventKind.EXPIRED: "已过期",
    EventKind.FAILED: "发送失败",
    EventKind.CALL_LOGGED: "电话记录",
    EventKind.VISIT_LOGGED: "外访记录",
    EventKind.NOTE: "备注",
    EventKind.TAGGED: "加标签",
    EventKind.UNTAGGED: "去标签",
    EventKind.CORRECTED: "更正",
    EventKind.TASK_DONE: "待办完成",
    EventKind.EXPORTED: "导出记录",
    EventKind.VIEWED: "查阅记录",
    EventKind.STOPPED: "停止发送",
    EventKind.RESUMED: "恢复发送",
    EventKind.ERASED: "依法删除",
    EventKind.REGISTERED: "登记变更",
    EventKind.ADOPTED: "启用规则",
    EventKind.DRAFTED: "起草批次",
    EventKind.SUBMITTED: "提交审批",
    EventKind.APPROVED: "审批通过",
    EventKind.SENT_BACK: "退回修改",
    EventKind.SCHEDULED: "排定开始时间",
    EventKind.STARTED: "批次开始",
    EventKind.MISSED: "错过开始时间",
    EventKind.FROZEN: "名单确定",
    EventKind.PAUSED: "批次暂停",
    EventKind.FELL_BACK: "改用下一渠道",
    EventKind.RETRIED: "失败重发",
    EventKind.FINISHED: "批次完成",
}

CHANNELS: Mapping[Channel, str] = {
    Channel.SMS: "短信",
    Channel.EMAIL: "邮件",
    Channel.LETTER: "信函",
}

POINTS: Mapping[ContactKind, str] = {
    ContactKind.PHONE: "手机",
    ContactKind.EMAIL: "邮箱",
    ContactKind.ADDRESS: "地址",
}

PURPOSES: Mapping[Purpose, str] = {
    Purpose.PAYMENT_REMINDER: "还款提醒",
    Purpose.OVERDUE_NOTICE: "逾期通知",
    Purpose.DEMAND_LETTER: "催收函",
    Purpose.LAWYER_LETTER: "律师函",
    Purpose.ASSIGNMENT_NOTICE: "债权转让通知",
    Purpose.OUTSOURCING_NOTICE: "委外告知",
    Purpose.CREDIT_REPORT_NOTICE: "征信告知",
    Purpose.ACCELERATION_NOTICE: "提前到期通知",
    Purpose.SETTLEMENT_OFFER: "减免方案",
    Purpose.PLAN_AGREEMENT: "分期协议",
    Purpose.PLAN_REMINDER: "分期提醒",
    Purpose.PLAN_BREACH_NOTICE: "分期违约告知",
    Purpose.DISPUTE_REPLY: "异议答复",
    Purpose.COMPLAINT_REPLY: "投诉答复",
    Purpose.CORRECTION_NOTICE: "更正致歉",
    Purpose.SETTLEMENT_RECEIPT: "结清确认",
}

STANDINGS: Mapping[Standing, str] = {
    Standing.DISPUTE: "异议处理中",
    Standing.COMPLAINT: "投诉处理中",
    Standing.PLAN: "分期履行中",
    Standing.PROMISE: "承诺还款期",
    Standing.PAYMENT_PENDING: "还款待入账",
    Standing.HARDSHIP: "困难",
    Standing.UNREAD: "回复待确认",
    Standing.DECEASED: "已故",
    Standing.MISSING: "宣告失踪",
    Standing.INCAPACITY: "无行为能力",
    Standing.MINOR: "未成年",
    Standing.BANKRUPTCY: "破产",
    Standing.ARRANGEMENT: "个人自愿安排",
    Standing.REHABILITATION: "更生",
    Standing.LIQUIDATION: "清算",
    Standing.PRESERVATION: "保全处分",
    Standing.NEGOTIATION: "前置协商",
    Standing.LAWSUIT: "诉讼中",
    Standing.REPRESENTED: "已委托律师",
    Standing.ASSIGNED: "债权已转出",
    Standing.ACQUIRED: "债权受让,待通知",
    Standing.AGENCY_REFUSED: "拒绝委外机构",
    Standing.AGREED_HOURS: "约定联系时段",
    Standing.DO_NOT_CONTACT: "禁止联系",
    Standing.VIP: "贵宾",
    Standing.STAFF: "本行员工",
    Standing.HUMAN_ONLY: "仅限人工",
}

TASKS: Mapping[TaskKind, str] = {
    TaskKind.REPLY: "回复待读",
    TaskKind.UNCERTAIN: "结果不明",
    TaskKind.RETURNED: "退回",
    TaskKind.BROKEN_PROMISE: "承诺未兑现",
    TaskKind.HOLD: "待答复",
}

OUTCOMES: Mapping[Outcome, str] = {
    Outcome.DONE: "已处理",
    Outcome.CONFIRMED: "理解无误",
    Outcome.CORRECTED: "理解已更正",
    Outcome.NOBODYS: "与本机构无关",
    Outcome.SETTLED: "事项已了结",
}

RESPONSES: Mapping[ResponseKind, str] = {
    ResponseKind.OPTED_OUT: "退订",
    ResponseKind.WRONG_PERSON: "称非本人",
    ResponseKind.CLAIMED_PAID: "称已还款",
    ResponseKind.PROMISED: "承诺还款",
    ResponseKind.DISPUTED: "异议",
    ResponseKind.HARDSHIP: "称有困难",
    ResponseKind.COMPLAINED: "投诉",
    ResponseKind.WANTS_PERSON: "要求人工",
    ResponseKind.ASKS_GENUINE: "询问真伪",
    ResponseKind.ABUSE: "辱骂",
    ResponseKind.OTHER: "其他",
    ResponseKind.EMPTY: "空白",
}

ROLES: Mapping[Role, str] = {
    Role.PRIMARY: "主借款人",
    Role.JOINT: "共同借款人",
    Role.GUARANTOR: "保证人",
    Role.SUPPLEMENTARY: "附属卡持卡人",
}

ORIGINS: Mapping[Origin, str] = {
    Origin.CONTRACT: "合同预留",
    Origin.DEBTOR: "本人更新",
    Origin.COURT: "法院确认",
    Origin.UNKNOWN: "来源不明",
}

USAGES: Mapping[Usage, str] = {
    Usage.PERSONAL: "本人",
    Usage.WORKPLACE: "单位",
    Usage.SERVICE: "约定送达",
}

BODIES: Mapping[Body, str] = {
    Body.BRANCH: "网点或客服",
    Body.HOTLINE_12378: "12378 热线",
    Body.HOTLINE_12345: "12345 热线",
    Body.HOTLINE_12321: "12321 举报",
    Body.HOTLINE_12363: "12363 热线",
    Body.REGULATOR: "监管部门",
    Body.OMBUDSMAN: "评议或调解机构",
    Body.REPLY: "回复通知",
}

DISPUTED: Mapping[About, str] = {
    About.AMOUNT: "金额",
    About.NOT_MINE: "非本人债务",
    About.FRAUD: "盗刷",
    About.CREDIT_DATA: "征信信息",
}

INTERRUPTIONS: Mapping[Interruption, str] = {
    Interruption.DEMAND: "催告",
    Interruption.ACKNOWLEDGEMENT: "承认债务",
    Interruption.PART_PAYMENT: "部分还款",
    Interruption.SUIT: "起诉",
}

REGISTERS: Mapping[Register, str] = {
    Register.SIGNATURE: "短信签名",
    Register.TEMPLATE: "模板报备",
    Register.PAYEE: "收款账户",
    Register.MANDATE: "律师事务所委托",
    Register.SENDER_DOMAIN: "发件域名",
    Register.SENDER_ID: "发送人名称",
    Register.LINK: "报备链接、电话",
}

AGENCIES: Mapping[AgencyKind, str] = {
    AgencyKind.AGENCY: "催收公司",
    AgencyKind.CLAIMS_MANAGER: "应收债权管理公司",
    AgencyKind.ASSET_MANAGER: "资产管理公司",
    AgencyKind.LAW_FIRM: "律师事务所",
    AgencyKind.ACCOUNTING_FIRM: "会计师事务所",
}

SEXES: Mapping[Sex, str] = {Sex.MALE: "男", Sex.FEMALE: "女", Sex.UNKNOWN: "性别不详"}

PLACES: Mapping[Jurisdiction, str] = {
    Jurisdiction.MAINLAND: "中国大陆",
    Jurisdiction.HONG_KONG: "香港",
    Jurisdiction.TAIWAN: "台湾",
}

STATES: Mapping[State, str] = {
    State.PENDING: "待发送",
    State.SENDING: "发送中",
    State.UNCERTAIN: "结果不明",
    State.SENT: "已发送",
    State.FAILED: "失败",
    State.BLOCKED: "已拦截",
    State.CANCELLED: "已撤销",
    State.EXPIRED: "已过期",
}

FAILURES: Mapping[FailureClass, str] = {
    FailureClass.SOFT: "暂时不可达",
    FailureClass.HARD: "号码或地址失效",
    FailureClass.REJECTED: "内容或发送方被拒",
    FailureClass.OPTED_OUT: "收件人已拒收",
    FailureClass.ACCOUNT: "本方账号异常",
}

MARKS: Mapping[str, str] = {
    "opted_out_at": "退订",
    "dead_at": "失效",
    "wrong_person_at": "非本人",
}


CHANGES: Mapping[str, str] = {
    "added": "新增",
    "changed": "更新",
    "origin": "更新",
    "placed": "委外",
    "withdrawn": "撤回委外",
}

FIELDS: Mapping[str, str] = {
    "product": "产品",
    "statement_date": "账单日",
    "due_date": "到期还款日",
    "oldest_unpaid_due_date": "最早未还到期日",
    "minimum_payment": "最低还款额",
    "overdue": "逾期金额",
    "balance": "余额",
    "principal": "本金",
    "interest": "利息",
    "penalty": "违约金",
    "fees": "费用",
    "core_dpd": "核心系统逾期天数",
    "core_stage": "核心系统阶段",
}

RETRIES: Mapping[str, str] = {
    "attempts": "次数已尽",
    "expires": "将过期",
    "throttled": "限速",
    "temporary": "暂时失败",
}

EVIDENCE: Mapping[str, str] = {
    "receipt": "回执",
    "look_up": "运营方查询",
    "person": "人工",
}

SIGNERS: Mapping[str, str] = {
    "self": "本人",
    "other": "他人，非收件人本人",
    "locker": "快递柜或驿站",
    "unknown": "不详",
}

REASONS: Mapping[str, str] = {
    "unknown_person": "查无此人",
    "bad_address": "地址不详",
    "moved": "迁移",
    "refused": "拒收",
    "unclaimed": "逾期未领",
    "unreachable": "无法联系",
    "deceased": "死亡",
    "returned": "退回",
    "cancelled": "撤回",
    "reply": "债务人回复",
    "misread": "回复理解有误",
    "read": "回复已有人读过",
    "kept": "已按承诺还款",
    "kept_in_part": "只还了一部分",
    "broken": "到期未还",
}
