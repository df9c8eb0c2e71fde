"""Invents the persons of the example portfolio: names, ID numbers, phones, mail and addresses.

Nobody here exists. Every number is of a kind that no authority or carrier has handed out, and can
be told as such: see ``examples/portfolio/README.md``.
"""

from dataclasses import dataclass
from random import Random

SURNAMES_CN = list(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈"
    "姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
)
COMPOUND_CN = ["欧阳", "司马", "上官", "诸葛", "慕容", "尉迟", "令狐", "皇甫", "夏侯", "东方"]
SURNAMES_HK = list("陳林黃張李王吳劉蔡楊許鄭謝郭何梁羅周葉蘇馮鄧曾關譚鍾盧麥歐伍")
COMPOUND_HK = ["歐陽", "司徒", "諸葛"]
SURNAMES_TW = list("陳林黃張李王吳劉蔡楊許鄭謝郭洪邱曾廖賴徐周葉蘇莊呂江何蕭羅高簡游詹")
COMPOUND_TW = ["歐陽", "張簡", "范姜"]

GIVEN_CN = {
    "男": list("伟强磊军勇杰涛明超刚平辉鹏飞波斌宇浩凯健俊帆东海峰博文志远建国学成子轩昊然嘉铭"),
    "女": list("芳娜敏静丽艳娟霞秀英玲燕红梅莉倩雪琳洁婷慧颖佳欣怡涵梦瑶雨桐思琪诗晴语嫣若兰"),
}
GIVEN_TW = {
    "男": list("志明俊傑建宏家豪文雄冠宇承翰柏翰宗憲偉倫育誠國華信義榮輝健銘聖凱"),
    "女": list("淑芬美玲雅婷怡君佩珊欣怡惠雯靜宜詩涵郁婷麗華玉蘭秀英瓊慧嘉穎"),
}
RARE = list("䶮喆燊堃犇淼垚昇玥翀")
WITH_DOT = ["阿依努尔·麦提", "买尔丹·艾山", "古丽娜·托乎提", "巴图·额尔敦", "卓玛·次仁"]

MAIL_DOMAINS = ["yunling-mail.test", "songfeng.test", "qinglan-post.test"]
ORIGINS = ["合同预留"] * 17 + ["本人更新"] * 2 + ["法院确认"]


@dataclass(frozen=True)
class Person:
    """The person columns of a row, ready to print."""

    columns: dict[str, str]


class People:
    """Hands out persons; the same random stream gives the same people."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.count = 0

    def invent(self, place: str, sex: str) -> Person:
        """Somebody in ``place`` (CN, HK, TW) of ``sex`` (男, 女)."""
        self.count += 1
        draw = self.random.random
        columns = {
            "姓名": self._name(place, sex),
            "性别": sex if draw() > 0.03 else "",
            "证件号": self._id_number(place, sex),
            "语言": {"CN": "zh-CN", "HK": "zh-HK", "TW": "zh-TW"}[place],
        }
        if draw() > 0.015:
            columns |= self._point("手机", self._phone(place))
        if draw() > 0.14:
            columns |= self._point("邮箱", self._mail())
        if draw() > 0.05:
            address, postcode = self._address(place)
            columns |= {"邮编": postcode, "地址地区": place}
            columns |= self._point("地址", address)
        return Person(columns)

    def _point(self, column: str, value: str) -> dict[str, str]:
        origin = self.random.choice(ORIGINS) if self.random.random() > 0.03 else "不明"
        verified = "是" if origin != "不明" and self.random.random() > 0.04 else "否"
        return {column: value, f"{column}来源": origin, f"{column}已核实": verified}

    def _name(self, place: str, sex: str) -> str:
        random, chance = self.random, self.random.random()
        if place == "CN" and chance < 0.006:
            return random.choice(WITH_DOT)
        single, compound = {
            "CN": (SURNAMES_CN, COMPOUND_CN),
            "HK": (SURNAMES_HK, COMPOUND_HK),
            "TW": (SURNAMES_TW, COMPOUND_TW),
        }[place]
        surname = random.choice(compound if chance > 0.97 else single)
        given = GIVEN_CN[sex] if place == "CN" else GIVEN_TW[sex]
        characters = random.sample(given, 1 if place == "CN" and random.random() < 0.2 else 2)
        if random.random() < 0.015:
            characters[-1] = RARE[self.count % len(RARE)]
        return surname + "".join(characters)

    def _id_number(self, place: str, sex: str) -> str:
        """Wrong by construction: region 000000 and a false check digit; 0 where TW puts the sex."""
        n = self.count
        if place == "CN":
            birth = f"{1960 + n * 7 % 43}{1 + n * 5 % 12:02}{1 + n * 11 % 28:02}"
            order = n // 28 % 500 * 2 + (sex == "男")
            body = f"000000{birth}{order % 1000:03}"
            weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
            right = sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11
            return body + "10X98765432"[(right + 3) % 11]
        if place == "HK":
            body = f"Z0{n % 100000:05}"
            values = [36, 35, *map(int, body[1:])]
            right = -sum(v * w for v, w in zip(values, range(9, 1, -1), strict=True)) % 11
            return f"{body}({'0123456789A'[(right + 3) % 11]})"
        return f"Z0{n % 100000000:08}"

    def _phone(self, place: str) -> str:
        """Possible numbers in ranges that are not assigned."""
        digits = f"{self.random.randrange(10**8):08}"
        if place == "CN":
            return self.random.choice(["142", "143", "154"]) + digits
        if place == "HK":
            return f"+852 43{digits[0]}{digits[1]} {digits[2:6]}"
        return f"+886 10{digits[0]} {digits[1:4]} {digits[4:7]}"

    def _mail(self) -> str:
        return f"u{self.count:05}@{self.random.choice(MAIL_DOMAINS)}"

    def _address(self, place: str) -> tuple[str, str]:
        """In provinces, districts and roads that no map has; returns (address, postcode)."""
        number = self.random.randrange
        if place == "CN":
            road = self.random.choice(["听泉路", "松风路", "望江大道", "云溪街", "竹影巷"])
            estate = self.random.choice(["望江苑", "松风里", "云溪家园", "听泉小区"])
            district = self.random.choice(["临溪区", "望江区", "云台县"])
            house = f"{number(1, 300)}号{estate}{number(1, 40)}幢{number(1, 5)}单元"
            return f"云岭省青岚市{district}{road}{house}{number(1, 33)}0{number(1, 5)}室", (
                f"000{number(1, 1000):03}"
            )
        if place == "HK":
            district = self.random.choice(["九龍松濤區", "新界望海區", "香港雲嶺區"])
            street = f"{district}聽泉道{number(1, 200)}號"
            block, flat = self.random.choice("ABCD"), self.random.choice("ABCDEFG")
            return f"{street}\n望海花園{block}座{number(1, 40)}樓{flat}室", ""
        town = self.random.choice(["松濤鎮", "望海鄉", "聽泉市"])
        road = f"雲嶺縣{town}望海路{self.random.choice('一二三')}段{number(1, 300)}號"
        return f"{road}{number(2, 15)}樓之{number(1, 9)}", f"999{number(1, 1000):03}"
