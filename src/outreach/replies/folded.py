"""A message as its readers see it: its own words, folded, each character with its place."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Folded:
    """Text as the patterns see it, and where each character of it stands in ``source``."""

    source: str
    plain: str
    places: tuple[int, ...]
    asks: bool = False

    @classmethod
    def of(cls, source: str) -> "Folded":
        plain: list[str] = []
        places: list[int] = []
        for place, char in enumerate(source):
            for folded in unicodedata.normalize("NFKC", char).lower().translate(_FORMS):
                if folded == "\n" or not (folded.isspace() or unicodedata.category(folded) == "Cf"):
                    plain.append(folded)
                    places.append(place)
        return cls(source, "".join(plain), tuple(places))

    def words(self, start: int, end: int) -> str:
        return self.source[self.places[start] : self.places[end - 1] + 1]

    @property
    def all_words(self) -> str:
        return self.words(0, len(self.plain))

    def clauses(self) -> Iterator["Folded"]:
        """What stands between its marks; ``asks`` of those that are questions."""
        start = 0
        for end in [*_CLAUSE_ENDS.finditer(self.plain), None]:
            stop = end.start() if end else len(self.plain)
            plain = self.plain[start:stop]
            if plain:
                asks = bool(end and "?" in end[0]) or bool(_ASKS.search(plain))
                yield Folded(self.source, plain, self.places[start:stop], asks)
            start = end.end() if end else stop


def own_words(text: str) -> str:
    """The lines above the first sign of a quoted mail, without quoted ones between."""
    own: list[str] = []
    for line in text.splitlines():
        if _QUOTE_BEGINS.match(line):
            break
        if not line.lstrip().startswith((">", "＞")):
            own.append(line)
    return "\n".join(own)


# Folded characters: traditional to simplified, and the Cantonese words people type.
_FORMS = str.maketrans(
    "還繳訂錯發傳電話銀額對沒辦過盜業職錢難訴轉個週禮後號聽糧領資結帳賬戶認識這機碼換請別擾"
    "騷聯繫係絡議爭異質數罰債貸產傷車禍術無償寬緩減費時間會準備馬盡儘應諾給幾兩開問題誰們從"
    "報舉監評專員經嗎麼剛匯進處補將來點該實讓簽單誤詐騙說遲內撥訊簡劃獎絕續斷夠臨診離災冇唔"
    "咗嘅俾畀佢妳您搵邊刪違約筆證檢項關與啲嗰門記錄決團閣買賣選權騎殘總註銷嚟喺仲紀載罵滾媽"
    "種義計於並樣裡鄰貨稱購險條恥學協寫樓據嚴",
    "还缴订错发传电话银额对没办过盗业职钱难诉转个周礼后号听粮领资结账账户认识这机码换请别扰"
    "骚联系是络议争异质数罚债贷产伤车祸术无偿宽缓减费时间会准备马尽尽应诺给几两开问题谁们从"
    "报举监评专员经吗么刚汇进处补将来点该实让签单误诈骗说迟内拨讯简划奖绝续断够临诊离灾没不"
    "了的给给他你你找边删违约笔证检项关与的那门记录决团阁买卖选权骑残总注销来在还纪载骂滚妈"
    "种义计于并样里邻货称购险条耻学协写楼据严",
)
_QUOTE_BEGINS = re.compile(
    r"\s*-{2,}\s*(?:原始[邮郵]件|原[邮郵]件|Original|转发|轉寄|Forwarded)"
    r"|\s*(?:发件人|寄件者|寄件人|From)\s*[:：]|\s*On .{5,100} wrote:"
    r"|.{0,100}(?:写道|寫道|写到|寫到)\s*[:：]\s*$",
    re.IGNORECASE,
)
_CLAUSE_ENDS = re.compile(r"(?:[。!?;、~\n…]|,(?![0-9]{3})|\.(?![0-9]))+")
_ASKS = re.compile(r"[吗么嘛]$|怎么|怎样|如何|是不是|是否|能不能|可不可以|什么时候|[了还]没$")
