"""Fee items (收费项目) by the words residents have for them."""

import re
from typing import Final

from storage.lazy import regex

MASK: Final = "某费"
_ASKED: Final = (
    r"(?=的?(?:欠|是?多少|该|要|应|没|交|缴|付|账单|明细|贵|涨|怎么(?:这么|那么)?(?:贵|多|高|交|缴|算)"
    r"|[这那]么(?:贵|高|多)))"
)

_ITEMS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (name, regex(pattern))
    for name, pattern in (
        ("late_fee", r"违约金|滞纳金|逾期费|罚金|罚款|late ?fees?|penalt(?:y|ies)"),
        (
            "repair_fund",
            r"(?:房屋|公共|住宅|专项)*(?:大修|维修)(?:基金|资金|金)|公维(?:基)?金|repair fund"
            r"|maintenance fund",
        ),
        (
            "deposit",
            r"(?:装修|水电|门禁卡?|钥匙)?(?:押金|保证金)|(?<![a-z])(?<!to )deposit(?!ed| ?[0-9¥])",
        ),
        (
            "shared_utilities",
            r"公共?摊(?:水电|电费|水费|分?摊?费|费)?"
            r"|分摊(?:的)?(?:水电|电费|水费)?费?"
            r"|(?:楼道)?公共(?:(?:照明(?:用?电)?|水电|用电|电费|水费|能耗)费?|区域(?:的?水?电)?费)|公区(?:水|电)*费?"
            r"|shared utilit(?:y|ies)",
        ),
        ("elevator", r"电梯(?:运行|维护|使用|维保|电)?费|elevator (?:fees?|charges?)|lift fees?"),
        (
            "sanitation",
            r"(?:生活|装修)?垃圾(?:清运|处理)?费|卫生费|清运费|保洁费|清洁费"
            r"|(?:sanitation|garbage|trash|cleaning) (?:fees?|bills?)",
        ),
        (
            "heating",
            r"(?:暖气|地暖|取暖|采暖|供暖|供热|热力)费|暖气"
            + _ASKED
            + r"|暖气(?=(?:了|还|却|也)*收[我了]?[费钱])"
            + r"|heating(?: (?:fees?|bills?)|(?! (?:is|isn|was|does|doesn|not|system|broke|pipe)))",
        ),
        (
            "parking",
            r"(?:地下|地面|地库|固定)?(?:车位|停车|泊车)(?:管理|服务|租赁|月租|租)?(?:费|租金)"
            r"|停车(?=[和跟与加]|,? ?物业)|(?<=[和跟与加])停车(?![位场证卡])"
            r"|车位(?=的?(?:欠|多少钱|账单|[一每]个?月(?:收|要|交)?(?:多少|好多|几)|涨|续费))"
            r"|(?:parking|car ?park)(?: (?:fees?|bills?|charges?))?(?! space)",
        ),
        (
            "gas",
            r"(?:燃|煤|天然)气费|气费|(?:天然|燃|煤)气"
            + _ASKED
            + r"|(?<=用了)气|(?<=那么多)气(?!味)|(?<=这么多)气(?!味)"
            + r"|gas (?:fees?|bills?)|(?<=for )gas(?![a-z])",
        ),
        (
            "water",
            r"(?:自来|冷|热|中)?水费|用水费|水钱|水(?:电|煤|电煤|电气|电燃气)费"
            r"|(?<![停来没漏断喝送饮放积进冒渗排污防热冷用口])水"
            + _ASKED
            + r"|water(?: (?:fees?|bills?|charges?))|(?<=for )water(?![a-z])",
        ),
        (
            "electricity",
            r"用?电费|电钱|(?<![来停断没充通漏用])电"
            + _ASKED
            + r"|(?:electricity|electric|power) (?:fees?|bills?|charges?)|(?<=for )electricity",
        ),
        (
            "property_fee",
            r"物业?(?:管理|服务)?费|物管费|管理费|物业(?:费用|款)"
            r"|(?<![给跟问向找和对让叫])物业"
            + _ASKED
            + r"|(?<=[交缴付欠了清])物业(?!公司|的?人|处|办|中心|服务|管|经理)"
            r"|(?:property|management|mgmt|hoa)(?: management)? (?:fees?"
            r"|bills?|charges?)",
        ),
    )
)
_HINT: Final = regex(r"费|金|款|公摊|分摊|公共|公区|暖|车位|气|水|电|物业|[a-z]{3}")


def take_fee_item(folded: str) -> tuple[str | None, str]:
    """Return the first fee item said and the text with every item masked."""
    if not _HINT.search(folded):
        return None, folded
    first: tuple[int, str] | None = None
    text = folded
    for name, pattern in _ITEMS:
        match = pattern.search(text)
        if match is None:
            continue
        place = folded.find(match.group())
        if first is None or place < first[0]:
            first = (place, name)
        text = pattern.sub(MASK, text)
    return (first[1] if first else None), text


METERED: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("water", regex(r"水表|水字|报数?:? ?水|water meter|(?<=for )water")),
    (
        "electricity",
        regex(r"电表|电字|报数?:? ?电|electric(?:ity)? meter|power meter|(?<=for )electricity"),
    ),
    ("gas", regex(r"气表|气字|报数?:? ?气|gas meter|(?<=for )gas")),
)


def metered_item(folded: str) -> str | None:
    """Return the fee item whose meter is named, or None."""
    return next((name for name, pattern in METERED if pattern.search(folded)), None)
