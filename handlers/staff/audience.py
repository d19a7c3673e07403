"""From words to an audience: “3栋”, “3栋2单元”, “1、3栋”, “全小区”, “3栋欠费500元以上”."""

import re
from typing import Final

from handlers.understanding.normaliser import fold
from handlers.understanding.numerals import CHINESE_NUMERAL, parse_numeral
from storage.lazy import regex
from storage.queries.audiences import AudienceWords

_BLOCK: Final = rf"(?:[0-9]{{1,3}}|[a-z][0-9]?|[{CHINESE_NUMERAL}]{{1,3}})"
_TAIL: Final = r"(?:栋楼|栋|号楼|幢|座)"
_ALL: Final = r"(?:全小区|全区|全体|所有|全部|整个小区)"
_BUILDINGS: Final = rf"(?P<buildings>(?:{_BLOCK}{_TAIL}?[,、和及 ])*{_BLOCK}{_TAIL})"
_ENTRANCE: Final = rf"(?:的?(?P<entrance>{_BLOCK})单元)?"
_LIMIT: Final = (
    r"(?:(?:满|超过|超|大于)?(?P<n{0}>[0-9]{{1,7}}) ?(?P<of{0}>元|块钱?|天)(?:以上|及以上)?)?"
)
_ARREARS: Final = (
    rf"(?P<arrears>(?:有)?(?:欠费|欠款|欠缴){_LIMIT.format(1)}[,且 ]?{_LIMIT.format(2)})?"
)
_PEOPLE: Final = r"(?:的?(?:住户|业主|居民|用户|人家|各户|人)们?)?"
_TO: Final = r"(?:(?:发)?[给到向对])?"
_AUDIENCE: Final = regex(
    rf"{_TO} ?(?:{_ALL}|{_BUILDINGS} ?{_ENTRANCE}|(?=有?欠)){_PEOPLE} ?的?{_ARREARS}{_PEOPLE}"
)
_BEGINS: Final = regex(rf"(?P<to>{_TO} ?(?:{_ALL}|{_BUILDINGS} ?{_ENTRANCE}))")
_ONE: Final = regex(_BLOCK)
_SEPARATORS: Final = ("\n", "：", ":", " ", "　", "，", ",")


def read_audience(text: str) -> AudienceWords | None:
    """Read a text that is an audience and nothing else, or return None."""
    match = _AUDIENCE.fullmatch(fold(text).strip(" .,:!"))
    if match is None or not match.group().strip():
        return None
    limits = {match[f"of{n}"]: int(match[f"n{n}"]) for n in (1, 2) if match[f"n{n}"]}
    yuan = next((limit for unit, limit in limits.items() if unit != "天"), 0)
    entrance = match["entrance"] or ""
    return AudienceWords(
        said=" ".join(text.split()),
        buildings=_blocks(match["buildings"] or ""),
        entrance=_place(entrance) if entrance else "",
        only_arrears=match["arrears"] is not None,
        min_fen=yuan * 100,
        min_days=limits.get("天", 0),
    )


def split_audience(text: str) -> tuple[str, str]:
    """Part what was said in (audience, text); an audience that nobody named is "".

    An audience that runs on into the text (“3栋电梯明天检修”) stays in the text as well.
    """
    for separator in _SEPARATORS:
        head, found, rest = text.partition(separator)
        if found and rest.strip() and read_audience(head):
            return head.strip(), rest.strip(" ：:，,\n")
    if read_audience(text):
        return text.strip(), ""
    begins = _BEGINS.search(fold(text))
    if begins is not None and begins.start() == 0 and read_audience(begins["to"]):
        return begins["to"].strip(), text.strip()
    return "", text.strip()


def label(audience: AudienceWords) -> str:
    """Say an audience as staff read it: “3栋2单元欠费500元以上”."""
    place = "、".join(f"{number}栋" for number in audience.buildings) or "全小区"
    entrance = f"{audience.entrance}单元" if audience.entrance else ""
    if not audience.only_arrears:
        return f"{place}{entrance}"
    least = f"{audience.min_fen // 100}元以上" if audience.min_fen else ""
    since = f"{audience.min_days}天以上" if audience.min_days else ""
    return f"{place}{entrance}欠费{least}{since}住户"


def _blocks(text: str) -> tuple[str, ...]:
    bare = re.sub(_TAIL, " ", text)
    return tuple(dict.fromkeys(_place(one) for one in _ONE.findall(bare)))


def _place(said: str) -> str:
    spoken = parse_numeral(said)
    return said.upper() if spoken is None else str(spoken)
