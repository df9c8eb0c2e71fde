"""What a debtor's message says, read by rules: simplified or traditional, as people type it.

Every pattern is written in simplified characters and matched on folded text (``folded``).
"""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from outreach.domain.days import days_named
from outreach.domain.response import ResponseKind, Understood
from outreach.domain.sums import sums_named
from outreach.replies.folded import Folded

FARTHEST = 60
"""Days: what is named beyond is hardly a promise, and may be a day that is past."""


def read_by_rules(whole: Folded, today: date) -> dict[ResponseKind, Understood]:
    """Each kind that is said, once; empty where no rule knows the words."""
    if plainly := command(whole):
        return {plainly.kind: plainly}
    found: dict[ResponseKind, Understood] = {}
    for clause in whole.clauses():
        for said in _read(clause, today):
            found[said.kind] = _better(found.get(said.kind), said)
    return found


def command(whole: Folded) -> Understood | None:
    """A message that is nothing but the answer our texts ask for: T, TD, R, N ..."""
    bare = whole.plain.strip("\n .,。!()[]【】\"'“”")
    match = _COMMANDS.fullmatch(bare)
    if match is None:
        return None
    kind = ResponseKind.WRONG_PERSON if match["n"] else ResponseKind.OPTED_OUT
    return Understood(kind, whole.source.strip())


def _read(clause: Folded, today: date) -> Iterator[Understood]:
    kinds: set[ResponseKind] = set()
    for kind, pattern in _SAYS:
        match = pattern.search(clause.plain)
        if match is None:
            continue
        if kind is ResponseKind.WANTS_PERSON and ResponseKind.OPTED_OUT in kinds:
            continue  # 别给我打电话 names the call it does not want
        kinds.add(kind)
        words = clause.words(*match.span())
        yield Understood(kind, words, sure=not (clause.asks or _HEDGED.search(match[0])))
    if paid := _paid(clause):
        yield paid
    elif promise := _promise(clause, today):
        yield promise


def _paid(clause: Folded) -> Understood | None:
    match = _DONE.search(clause.plain)
    if match is None:
        match = _PAID.search(clause.plain)
        if match is None or _LATER.search(clause.plain[: match.start()]):
            return None
    part = _PART.search(clause.plain, match.start())
    words = clause.words(match.start(), part.end() if part else match.end())
    sure = not (part or clause.asks)
    return Understood(ResponseKind.CLAIMED_PAID, words, None, _sum(clause), sure)


def _sum(clause: Folded) -> Decimal | None:
    return next((value for _, _, value in sums_named(clause.plain)), None)


def _promise(clause: Folded, today: date) -> Understood | None:
    plain = clause.plain
    for start, end, day in days_named(plain, today):
        after = _PAYS_AFTER.match(plain, end)
        before = _PAYS_BEFORE.search(plain[:start])
        if not (after or before or len(plain) - (end - start) <= 2):
            continue
        if day and not 0 <= (day - today).days <= FARTHEST:
            day = None
        begin = before.start() if before and not after else start
        words = clause.words(begin, after.end() if after else end)
        sure = bool(after) and day is not None and not clause.asks
        return Understood(ResponseKind.PROMISED, words, day, _sum(clause), sure)
    for pattern, sure in ((_OPEN_PROMISE, True), (_VAGUE_PROMISE, False)):
        if match := pattern.search(plain):
            words = clause.words(*match.span())
            sure = sure and not clause.asks
            return Understood(ResponseKind.PROMISED, words, None, _sum(clause), sure)
    return None


def _better(old: Understood | None, new: Understood) -> Understood:
    """Of two of one kind: the one with the later day, then the sure one, then the first."""
    if old is None:
        return new
    rank = _rank(new) > _rank(old)
    return new if rank else old


def _rank(said: Understood) -> tuple[date, bool]:
    return said.promised_on or date.min, said.sure


_NOT = (
    "(?<!不)(?<!没)(?<!未)(?<!别)(?<!无)(?<!没有)(?<!没什么)(?<!不是)(?<!不要)(?<!不想)(?<!不会)"
    "(?<!不用)(?<!不需要)(?<!不打算)(?<!并非)(?<!撤销)(?<!撤回)"
)
_COMMANDS = re.compile(
    r"(?:回复?)?(?:(?P<n>n)|td|t|r|stop|stopall|unsubscribe|quit|退订|停止|拒收)"
)
_HEDGED = re.compile(r"分期|延期|宽限|减免|停息|协商|缓|^我不是(?!本人|你)")

_SAYS: tuple[tuple[ResponseKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile("|".join(ways)))
    for kind, ways in (
        (
            ResponseKind.OPTED_OUT,
            (
                rf"{_NOT}(?:退订|拒收|停止(?:发|推送|短信|骚扰|联系|打扰)|取消(?:订阅|短信|通知))",
                r"(?:别|不要|莫|勿|不好|不用|不必)(?:再|给我|向我|跟我|同我|总|老|一直|继续)*"
                r"(?:发(?!错|现)|传|寄|send|联系|打扰|骚扰|打电话|打给|打来|烦)"
                r"(?!我?的?(?:家人|家里|父母|爸|妈|老婆|老公|单位|公司|同事|朋友))",
                r"(?:不想|不愿意?|不希望|不欲)再?(?:收|看)到",
                r"不(?:愿|想)?接[收受](?:短信|邮件|消息|信息)",
                r"(?:不[准许得好必用使要]|[8ㄅ勿]要|别在|bie)(?:再|在|往|给|向|我|的|这个?|工作|邮箱|手机|号){0,6}(?:发|传|寄|send|fa(?![a-z]))(?!错|现|工资|薪|愁|火)",
                r"(?:不同意|拒绝)[^,。]{0,10}(?:联系|短信|发送)|即日起停止|(?:拜托|请|麻烦)停止$",
                r"能不能停[掉了]",
                rf"{_NOT}(?:停止|取消|停掉)(?:向|给|往|寄|传|发|send|通过|所有|接收|推)",
                rf"{_NOT}(?:停止|取消)[^不没]{{0,6}}(?:短信|短讯|简讯|电邮|邮件|通知|信件|来信)",
                r"(?:删|移除|剔除|del)[^不没]{0,12}(?:号|邮箱|电邮|email|名单|list|no)"
                r"|(?:从|将|把|号|邮箱|email)[^不没]{0,14}(?:删[了掉除]?$|移除|剔除|删了行)",
                r"(?<![a-z])td(?![a-z])|勿扰|^免打扰|退[丁定]|tui ?ding|unsub",
                r"再(?:发|传|寄|打|send|来)[^还]{0,10}(?:投诉|检举|举报|申诉|12378|金管|拉黑|block|报警|告你|曝光)",
                r"(?:短信|邮件|电话)就?免了",
            ),
        ),
        (
            ResponseKind.WRONG_PERSON,
            (
                r"(?<!是)(?<!如)(?:不是|非)本人(?![办借刷欠签用贷开申])",
                r"(?:打|发|找|弄|搞|寄|拨|传)错(?:了|人|号|电话|短信|对象|啦|$)",
                r"号码(?:错|是?新[换办买]|换人|换主)|换了?(?:机主|主人|人了)|机主(?:不是|换|另)",
                r"不认识(?:这个?人|此人|他|她|你[说找]|你们[说找]|$)|查无此人|认错人",
                r"^(?:这|那|都)?不是我(?:本人$|啊|呀|的号|的电话|$)",
                r"^我不[叫姓][一-鿿]{1,4}$|^我不是你们?要?找的",
                r"^我不是(?!本人|你|故意|不|没|想|要|说|那|这|已|老赖|有|什么)[一-鿿]{2,3}$",
                r"(?:我|本人)(?:根本|真的|也|又|並|并)?不(?:是|姓|叫)[^,。]{0,6}(?:先生|小姐|女士|太太|姓|债务人|借款人|机主|号主)",
                r"不是[^,。]{0,4}(?:机主|号主)",
                r"不是(?:你们?|您|贵[行司])?要?(?:找|联系)的(?:那个)?(?:人|客户)",
                r"[找寻认弄错]错人|^错了$|^(?:发|寄|打)?错(?:邮箱|email|号)",
                r"[新原前]的?(?:号主|机主)|号主(?:换|不是)|二手号",
                r"我?(?:只|就|仅)?是(?:他|她)的?(?:前|妈|爸|母|父|儿|女|子|妹|弟|姐|哥|老婆|老公|太太|先生|同事|朋友|邻居|家人|亲戚)",
                r"已(?:经|于[^,。]{0,6})?(?:离职|辞职|过世|去世|过身|不在人世)|过[了咗]?身$",
                r"前员工|前同事|走了[^,。]{1,3}年",
                r"不(?:认识|認識|识得)[^,。]{1,6}$|不(?:姓|叫)[^,。]{1,3}$",
                r"非(?:贵|你)[^,。]{0,3}客户|并非[^,。]{0,6}(?:要找|客户|本人)",
                r"这是[^,。]{0,4}(?:学校|单位|公司|店|值班室)[^,。]{0,2}(?:电话|手机|邮箱)|机主我也",
                r"(?:他|她)的事[^,。]{0,2}(?:别|不|与|跟)|联络不到他",
                r"那个人(?:我)?不熟|我(?:是)?他(?:的)?[个]?(?:女|仔|囡|仔女|老豆|阿妈)",
                r"都说了?不是我|由我[^,。]{0,6}接管|以前用过",
                r"我(?:只|就)?是[^,。]{0,4}紧急联[系络]人|(?:谁是(?!你)|^是谁|[^是]找谁|^找谁|哪位是)|查无此|没这个人",
                r"^谁啊?$|不是发给我|同名同姓|重名",
                r"(?:邮箱|地址|号码?|手机)[^,。]{0,6}(?:登记|填)?(?:有误|错了)",
                r"收件人[^,。]{0,6}(?:错|有误|不是我)",
                r"(?:不关|关)我(?:的|屁)?事|(?:跟|和|与)(?:我|本人)(?:没|无)(?:有)?(?:任何)?关系",
                r"不相干",
                r"(?:这|那)个?(?:号码?|电话|手机|号)(?:是)?我?[^,。]{0,8}(?:新办|刚办|才用|新申请|捡)",
                r"用了才",
                "wrongnumber|wrongperson|^notme$|(?<![a-z])iamnot(?:mr|ms|the)|bushibenren",
            ),
        ),
        (
            ResponseKind.DISPUTED,
            (
                r"(?:金额|数额|数目|账单|账目|利息|余额|欠款)(?:好像|根本|完全|明显|都|算)?"
                r"(?:不对|有误|错|不符|有问题|不正确|不一致|对不上|太高|过高|不合理)",
                r"(?:没有?|未)(?:办|借|开|申请|签|用|刷|消费|贷)过",
                r"(?:没有?|从未|不|并不)欠(?:你|钱|款|银行|任何|$)",
                r"盗刷|被盗|盗用|冒[用名]|冒充(?!法院|公安|警|律师)",
                r"不是我(?:本人)?(?:办|借|刷|欠|签|消费|用|贷|开|申请)",
                r"不是我的(?:卡|账|债|钱|贷款|消费|欠款|签名)",
                rf"{_NOT}有?(?<!没有)(?<!无)(?:异议|争议|质疑)",
                "算错|计错|多收|乱收费|乱[算扣收]|不(?:会)?承认|对不上|重复[扣收]|不予认可|拒绝承认",
                r"(?<!不得)不认(?!识|得|为|输|真)",
                r"(?:从来|从未|从没)[没未]?[^,。]{0,3}(?:借|签|开|办|欠|贷|签署)过?",
                r"没有?(?:这|那|任何)[笔家个张][^,。]{0,3}(?:借款|贷款|卡|债|账|欠)|名下没有",
                r"从?未开立|未(?:曾)?借款",
                r"非本人(?:交易|消费|办理|签|操作)|不是我(?:取|花|买|订|转|操作|签)",
                r"被人?(?:刷|骗|碌)|骗[我着]?[^,。]{0,4}(?:办|签|下|贷|借)的?",
                r"诉讼时效|时效(?:抗辩|已过|早)|过了?时效|砍头息",
                r"(?:利息|利率|费)[^,。]{0,6}(?:违法|不合法|不合理|超过?[^,。]{0,4}上限|算太多|这么高|咁高)",
                r"(?:金额|款项|账款|账单|账|数|记录)[^,。]{0,6}(?:有疑义|不符|不对|有出入|不啱|错)",
                r"差了[0-9]+|多出来?[0-9一二三四五六七八九十几]",
                r"不(?:应|该)由?(?:我|本人)[^,。]{0,4}(?:承担|出|付|还)|不(?:应|该)收|(?:凭什么|凭啥|为什么)[^,。]{0,6}(?:我还|给钱|要我)"
                r"|什么时候(?:借|办|欠)过?|哪来的(?:年费|贷款|欠款|逾期|违约金|账)",
                r"(?:金|费|息|钱|账|逾期)[^,。]{0,6}(?:怎么|点解|哪里|从哪)[^,。]{0,3}(?:来的|变|多|算)",
                r"哪里来的|疑义|擅自加",
                r"没有?(?:在你们?那|欠过|向你们?)[^,。]{0,3}(?:借|贷|欠|你)过?",
                r"哪有(?:分期|借|欠|贷)|不存在$|不能算我的",
                r"[0-9]+期不是[0-9]+期|(?:都|一直)[^,。会]{0,3}按时还的|没拿[^,。]{0,2}一分",
                "dispute",
                r"(?:结清|清)[了过的]?[^,。]{0,8}(?:又|还|而家|现在)[^,。]{0,4}(?:说|话|欠|爭|争)",
                r"(?:卡|户口|账户)[^,。]{0,6}(?:早|已经?|前年|去年)[^,。]{0,4}(?:注销|cancel|cut|销户)",
                r"没(?:算|计)进去|扣了我?[两二]次",
            ),
        ),
        (
            ResponseKind.HARDSHIP,
            (
                rf"{_NOT}(?:失业|下岗|被裁|裁员|生病|得病|住院|手术|重病|大病|癌|困难|破产|欠薪|车祸)",
                rf"{_NOT}(?:受伤|工伤|受灾|残疾|低保|病了|病倒|手头紧|走投无路|家里出事)",
                r"(?<!不是)没有?(?:工[作开做]|钱|收入|能力|发工资)|工资[还都]?(?:没|未|拖欠)",
                r"[还付缴交拿]不[起上了出清]|宽限|延期|延长还款|拿什么还|吃饭都|[莫没]得钱|待业",
                r"欠?工资没拿|手停口停|透析|中风|前置协商|停止计[算息]|减免|创业失败|收入不稳",
                r"结业|(?:无力|无法|没办?法)(?:偿还|还|支付|承担)|协商(?:还款|解决)",
                r"周转(?:不|困难)",
                r"(?:申请|想|能不能|可以|可不可以|能否|希望|要求)[^不没]{0,6}"
                r"(?:分期|延期|宽限|减免|停息|协商|缓)",
            ),
        ),
        (
            ResponseKind.COMPLAINED,
            (
                rf"{_NOT}(?:投诉|申诉|举报|报警)",
                "12378|12345|12315|12321|12363|银保监|金管局|金监局|监管总局|金管会|评议中心|消委会",
                r"起诉你|告你|曝光你|暴力催收|泄露我?的?(?:隐私|个人信息|信息)",
                r"(?:一直|天天|每天|反复|严重)(?:骚扰|催收)",
                r"(?:骚扰|联系(?!同事)|打给|打电话给|打去|给)我?的?(?:家人|家里|父母|爸|妈|单位|公司|同事|朋友|邻居|领导)",
                r"黑猫|信访|金融监管|监管[^,。]{0,3}函|上新闻|爆料|记者|(?:跟|与|交|找)律师",
                r"违反个资|检举|跟你们?没完",
            ),
        ),
        (
            ResponseKind.WANTS_PERSON,
            (
                rf"{_NOT}人工(?!智能|费)|转人工|真人|找你?们?(?:客服|经理|领导|主管|专员)",
                r"(?:给我(?![爸妈家父单公同老])|请|让|麻烦)[^不没别]{0,6}[打回来]个?电话|回电",
                r"[打回来]个?电话给我|打给我",
                r"(?:请|让|麻烦|尽快|可以|安排)[^不没别]{0,4}联系我|^联系我|callme|call返我",
                r"(?:叫|找|请|派|安排|要跟|想同|想跟)[^,。不没]{0,10}(?:经理|主管|领导|专员|专人|负责|主任|同事|职员|真人|活人)",
                r"(?:找|搵)个?人(?:跟我|同我|来|打|call)|(?:负责人|经理)电话|致电(?:本人|我)",
                r"直接打电话|打我(?:电话|手机)|[打回覆]我电话",
            ),
        ),
        (
            ResponseKind.ASKS_GENUINE,
            (
                r"(?<!不是)骗[子徒]|诈[骗编](?!集团|案|罪|犯)|钓鱼|欺诈短信|假的吧|真的?假",
                r"是真的[吗么吧]|真的[吗么]$|是不是真",
                r"(?:怎么|如何|拿什么|点)(?:证明|确认|核实|知道你)|(?:是|真的?是?)官方|可疑短信",
                r"(?:核实|确认)你们?(?:的)?身份|真伪|是不是(?:正规|真|银行)",
                r"真(?:是|的|系)[^,。]{0,4}银行|不是骗|呃人|授权(?:委托)?书|scam|fake|phishing",
            ),
        ),
        (
            ResponseKind.ABUSE,
            (
                r"傻[逼叉b]|[操艹草]你|你[妈老][的母]|妈的|tmd|nmsl|cnm|他妈(?!妈)的?(?!,)",
                r"特么|尼玛|去死|不得好死|王八蛋",
                r"^滚(?!动)|滚[蛋远开]|狗(?:东西|日|屁|杂种)|畜[生牲]|人渣|垃圾(?:公司|银行|平台|东西)",
                r"吸血鬼|神经病|有病吧|脑残|没脑子|无耻|龟儿子|蠢货|(?<![a-z])s\s?b(?![a-z])",
                r"食屎|流氓|废柴",
                r"仆街|扑街|冚家|北七|靠[北腰]|干你[娘老]|痴线|收你[老皮]|放你[妈娘]",
                r"(?<![a-z])fuck|shit(?![a-z])",
            ),
        ),
    )
)

# 还 is also the adverb "still": what may not follow it when it means to pay.
_PAYS = (
    r"(?:还(?![没不未有是在要想能得收发打来催敢叫让再被会了]|继续|给我|款[日期])|还了(?!解)"
    r"|缴|交(?!代|通|流|给我)|付|转(?!人工|告|达|接)|汇|存(?!在)|结清|清偿|打[款钱过]|补上|[到入]账"
    r"|处理)(?!不)"
)
_DONE = re.compile(
    r"(?:已经?|早就|刚刚?|刚才|昨[天晚日]|前[天日]|今早|上个?(?:周|月|星期))"
    r"(?:(?!准备|打算|承诺|答应|计划|说好)[^不没未无再要会能]){0,8}?"
    rf"(?:{_PAYS}|扣)[款清完过掉齐]?了?"
)
_PAID = re.compile(
    rf"{_NOT}(?<!无法)(?<!不能)(?<!不可能)"
    r"(?:还(?:过|清|完|掉|了(?!解)|款了)|[缴付][清过了]|交了|结清(?!金额|证明|通知|[以之]后)|(?:付款|转账|汇款|打款)了"
    r"|(?:还款|扣款|转账|付款|汇款|缴款)(?:已|都)?(?:完成|成功)|(?<!not)(?<!un)(?<!yet)(?<!be)paid)"
)
_LATER = re.compile(
    r"[会再就才要等明内]|到时|准备|打算|争取|保证|一定|后天|下个?(?:周|月|星期|礼拜)|[月号日天]"
)
_PART = re.compile(r"一?部分|一半|一点|一些|最低|[0-9]+(?:\.[0-9]+)?(?:元|块|万|千|百|$)")
_PAYS_AFTER = re.compile(rf"[^不没无未]{{0,10}}?{_PAYS}[款清上掉完钱了]*")
_PAYS_BEFORE = re.compile(
    rf"(?:{_PAYS}|等到?|宽限到?|延期?到|缓到?|拖到|承诺|保证)[^不没无未]{{0,6}}$"
)
_OPEN_PROMISE = re.compile(
    r"(?<!没)(?:[发出领开][了完到]?(?:工资|薪水?|粮|奖金|支)|(?:工资|薪水?|奖金)(?:一|下来|到|发))"
    rf"[^不没无未]{{0,8}}?{_PAYS}"
)
_VAGUE_PROMISE = re.compile(
    r"(?:(?<!没)有钱|凑[到够齐]|(?<!请)(?:尽快|马上|立[刻即]|即刻)|(?<![不你们])(?:会|肯定|一定)"
    r"|保证|承诺|答应|尽量|想办法|过[几些]天|过阵子|过段时间|[晚迟][点些]|这[两几]天|近期|最近|回头|很快"
    rf"|稍后|年后|过[完了]年|待会|等[下会]|准备|打算|正在|就去)[^不没无未请你]{{0,6}}?{_PAYS}"
)
