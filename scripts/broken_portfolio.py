"""Writes small broken files; examples/portfolio/README.md says what each must be answered with."""

import csv
import io
from datetime import date, timedelta
from pathlib import Path

Line = dict[str, str]


def write_broken(out: Path, header: list[str], payment_header: list[str], as_of: date) -> None:
    out.mkdir(parents=True, exist_ok=True)
    maker = _Maker(header, as_of)
    for name, lines in maker.row_files().items():
        encoding = "gb18030" if name.startswith("gb18030") else "utf-8"
        (out / name).write_bytes(_csv(header, lines, []).encode(encoding))
    for name, content in maker.whole_files().items():
        (out / name).write_bytes(content)
    (out / "payments.csv").write_text(_payments(payment_header, as_of), "utf-8")


def _csv(header: list[str], lines: list[Line], tail: list[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([line.get(name, "") for name in header] for line in lines)
    writer.writerows(tail)
    return text.getvalue()


class _Maker:
    def __init__(self, header: list[str], as_of: date) -> None:
        self.header = header
        self.as_of = as_of

    def good(self, number: int, **changes: str) -> Line:
        """A sound line, but for ``changes``."""
        due = self.as_of - timedelta(40)
        return {
            "债权人": "qinglan-bank",
            "账号": f"QL202400{number:06}",
            "角色": "主借款人",
            "产品": "青岚消费贷款",
            "币种": "CNY",
            "账单日": str(due - timedelta(20)),
            "到期还款日": str(due),
            "最早逾期到期日": str(due),
            "最低还款额": "300.00",
            "逾期金额": "310.00",
            "余额": "1200.00",
            "本金": "1150.00",
            "利息": "40.00",
            "违约金": "10.00",
            "费用": "0.00",
            "余额时点": f"{self.as_of} 02:00:00",
            "姓名": "王样例",
            "性别": "女",
            "证件号": f"00000019800101{number:03}0",
            "手机": f"142{number:08}",
            "手机来源": "合同预留",
            "手机已核实": "是",
        } | changes

    def row_files(self) -> dict[str, list[Line]]:
        good = self.good
        return {
            "gb18030-bad-rows.csv": [
                good(1, 姓名="欧阳䶮", 余额="１,２００.００元"),
                good(2, 姓名="李\ue000"),
                good(3, 余额="0.12万元"),
                good(4, 角色="联系人"),
                good(5, 手机="１４２０００００００", 证件号="000000********0050", 性别="男性"),
                good(6, 币种="人民币"),
            ],
            "bad-phones.csv": [
                good(1, 手机="14200000"),
                good(2, 手机="142000000012"),
                good(3, 手机="24200000001"),
                good(4, 手机="14200000001/14200000002"),
                good(5, 手机="1.42E+10"),
                good(6, 手机="+852 43 12"),
                good(7, 手机="+86 142-0000-0007"),
                good(8, 手机来源="朋友提供", 手机已核实="也许"),
                good(9, 债权人="hk-harbour-bank", 币种="HKD", 手机="430012345"),
            ],
            "duplicates.csv": [
                good(1),
                good(2),
                good(1),
                good(2, 证件号="000000198001019990"),
                good(3, 角色="保证人"),
                good(3, 角色="共同借款人"),
            ],
            "negative-amounts.csv": [
                good(1, 余额="-1200.00"),
                good(2, 逾期金额="(310.00)"),
                good(3, 利息="-40", 违约金="十元"),
                good(4, 本金="1150.005"),
                good(5, 本金="11,50.00"),
                good(6, 余额="1300.00"),
                good(7, 逾期金额="1310.00", 最低还款额="1300.00"),
                good(8, 余额="HK$1200.00"),
                good(9, 余额=""),
                good(10, 余额="1,200.00", 本金="￥1,150.00"),
            ],
            "impossible-dates.csv": [
                good(1, 到期还款日="2026-02-30"),
                good(2, 到期还款日="23/11/2026"),
                good(3, 账单日="1026年9月1日"),
                good(4, 最早逾期到期日=str(self.as_of + timedelta(2))),
                good(5, 账单日=str(self.as_of)),
                good(6, 最早逾期到期日=""),
                good(7, 余额时点=f"{self.as_of} 25:00"),
                good(8, 余额时点=f"{self.as_of} 凌晨"),
                good(9, 到期还款日=""),
                good(10, 账单日=f"{self.as_of - timedelta(60):%Y年%m月%d日}"),
            ],
            "bad-people.csv": [
                good(1, 姓名=""),
                good(2, 姓名="王样\r\n例"),
                good(3, 姓名="王\u202e样例"),
                good(4, 邮箱="u00004@songfeng.test\nBcc: u00005@songfeng.test"),
                good(5, 邮箱="u00005"),
                good(6, 证件号="6.20000198001E+17"),
                good(7, 证件号="1"),
                good(8, 债权人="qinglan"),
                good(9, 债权人="", 语言="en"),
                good(10, 地址="云岭省青岚市听泉路1号", 邮编="00012"),
                good(11, 地址="雲嶺縣松濤鎮望海路1號", 邮编="99901", 地址地区="TW"),
                good(12, 地址="九龍松濤區聽泉道1號", 邮编="123456", 地址地区="HK"),
                good(13, 地址="九龍松濤區聽泉道1號", 邮编="999077", 地址地区="HK"),
                good(14, 产品="长" * 41),
            ],
        }

    def whole_files(self) -> dict[str, bytes]:
        header, good = self.header, self.good
        lines = [good(1), good(2), good(3)]
        sound = _csv(header, lines, [])
        row = "{}\n".format(",".join(["x"] * (len(header) + 1)))
        renamed = ["欠款金额" if name == "余额" else name for name in header]
        files = {
            "wrong-columns.csv": sound.replace(",".join(header), ",".join(renamed)),
            "double-column.csv": sound.replace(",手机,", ",手机号码,").replace(",邮箱,", ",手机,"),
            "no-header.csv": sound.partition("\n")[2],
            "wrong-totals.csv": _csv(header, lines, [["合计", "4", "3,600.01"]]),
            "after-totals.csv": _csv(header, lines[:2], [["合计", "2", "2400"]])
            + _csv(header, lines[2:], []).partition("\n")[2],
            "unreadable-totals.csv": _csv(header, lines, [["合计", "三", "3600"]]),
            "ragged-rows.csv": sound + row + "qinglan-bank,QL202400000009\n",
            "open-quote.csv": sound.replace("QL202400000002", '"QL202400000002'),
            "empty.csv": "",
            "blank.csv": "\n  \n",
            "nul-byte.csv": sound.replace("QL202400000002", "QL2024\x00000002"),
        }
        encoded = {name: text.encode() for name, text in files.items()}
        return encoded | {
            "unreadable-bytes.csv": sound.encode().replace("青岚".encode(), b"\xff\xff", 1),
            "utf-16.csv": b"\xff\xfe" + sound.encode("utf-16-le"),
            "not-a-workbook.xlsx": b"PK\x03\x04" + bytes(60),
            "old-workbook.xls": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(60),
        }


def _payments(header: list[str], as_of: date) -> str:
    def paid(number: int, **changes: str) -> Line:
        return {
            "流水号": f"PAY{number:06}",
            "债权人": "qinglan-bank",
            "账号": f"QL202400{number:06}",
            "币种": "CNY",
            "金额": "100.00",
            "入账时间": f"{as_of} 06:00:00",
            "类型": "还款",
        } | changes

    lines = [
        paid(1),
        paid(2, 金额="0.00"),
        paid(3, 金额="-100.00"),
        paid(4, 类型="冲正"),
        paid(5, 原流水号="PAY000001"),
        paid(1),
        paid(6, 币种="USD", 入账时间="昨天"),
        paid(7, 类型="退款"),
        paid(8, 类型="冲正", 原流水号="PAY000001"),
    ]
    return _csv(header, lines, [["合计", "9", "600.00"]])
