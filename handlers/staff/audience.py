"""From words to an audience and back: “3栋，业主，欠费超过60天，金额≥500元”, “1、3栋”, “全小区”."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from handlers.understanding.normaliser import fold
from handlers.understanding.numerals import CHINESE_NUMERAL, parse_numeral
from storage.kinds import OccupancyRole
from storage.lazy import regex
from storage.rules.audiences import Condition

_BLOCK: Final = rf"(?:[0-9]{{1,3}}|[a-z][0-9]?|[{CHINESE_NUMERAL}]{{1,3}})"
_TAIL: Final = r"(?:栋楼|栋|号楼|幢|座)"
_ALL: Final = r"(?:全小区|全区|全体|所有|全部|整个小区)"
_BUILDINGS: Final = rf"(?P<buildings>(?:{_BLOCK}{_TAIL}?[,、和及 ])*{_BLOCK}{_TAIL})"
_ENTRANCE: Final = rf"(?:的?(?P<entrance>{_BLOCK})单元)?"
_TO: Final = r"(?:(?:发)?[给到向对])?"
_CODE: Final = r"(?<![a-z0-9])[a-z0-9]{1,4}(?:-[a-z0-9]{1,5}){1,3}(?![a-z0-9-])"
_FULL_NAME: Final = rf"{_BLOCK}{_TAIL} ?{_BLOCK}单元 ?[0-9]{{2,5}}室?"
_ROOM: Final = rf"(?:{_CODE}|{_FULL_NAME})"
_NO_LESS: Final = r"(?:≥|>=|不少于|不低于|满)"
_MORE: Final = r"(?:超过|超|大于|>)"
_SUM: Final = r"(?P<yuan>[0-9]{1,7}(?:\.[0-9]{1,2})?) ?(?:元|块钱?)"
_DAYS: Final = r"(?P<days>[0-9]{1,4}) ?天"
_OR_MORE: Final = r"(?P<or_more>(?:及)?以上)?"
_OWES: Final = r"(?:有)?(?:欠费|欠款|欠缴)"

_BEGINS: Final = regex(rf"(?P<to>{_TO} ?(?:{_ALL}|{_BUILDINGS} ?{_ENTRANCE}))")
_ONE: Final = regex(_BLOCK)
_NUMBERS: Final = regex(rf"[0-9]+|[a-z][0-9]?(?![a-z0-9])|[{CHINESE_NUMERAL}]+")
_HARD: Final = regex(r"(?<![,，、;；])[\n：:\s]")
_SOFT: Final = regex(r"[，,]")

ROLES: Final = {
    OccupancyRole.OWNER: "业主",
    OccupancyRole.TENANT: "租客",
    OccupancyRole.FAMILY: "家属",
}
BOUND: Final = {True: "已绑定", False: "未绑定"}
PLAIN: Final = "老年模式"
ROUND: Final = 5
"""“超过60天” reads better than “满61天”: days that are one more than a multiple of it."""


def read_audience(text: str) -> Condition | None:
    """Read a text that is an audience and nothing else, or return None.

    A bare “业主” is how a text begins, not whom it is for; a sum or an age is one of arrears.
    """
    plain = fold(text).strip(" .,:!;")
    plain = plain[len(_prefix(plain)) :].strip()
    found, taken = Condition(), set[str]()
    rest = plain
    while rest:
        clause = _clause(rest, taken)
        if clause is None:
            return None
        name, match, read = clause
        taken.add(name)
        found = replace(found, **read(match))
        rest = rest[match.end() :].lstrip(" ,;且的")
    is_said = bool(taken - {"people", "role"}) and found.only_arrears <= ("欠" in plain)
    return found if is_said else None


def _prefix(plain: str) -> str:
    match = regex(_TO).match(plain, 0)
    return match.group() if match else ""


def _clause(rest: str, taken: set[str]) -> tuple[str, re.Match[str], Callable[..., Any]] | None:
    """Return the first clause of a text, of those that were not said yet."""
    for name, pattern, read in _CLAUSES:
        match = pattern.match(rest, 0)
        if match and match.end() and name not in taken:
            return name, match, read
    return None


def _rooms(match: re.Match[str]) -> Mapping[str, Any]:
    """Return the codes of the rooms named: “3栋2单元501” is 3-2-501."""
    named = regex(_ROOM).findall(match.group())
    return {"rooms": tuple(dict.fromkeys(_code(one) for one in named))}


def _code(said: str) -> str:
    if "单元" not in said:
        return said.upper()
    return "-".join(_place(part) for part in _NUMBERS.findall(said))


def _buildings(match: re.Match[str]) -> Mapping[str, Any]:
    bare = re.sub(_TAIL, " ", match["buildings"])
    entrance = match["entrance"] or ""
    return {
        "buildings": tuple(dict.fromkeys(_place(one) for one in _ONE.findall(bare))),
        "entrance": _place(entrance) if entrance else "",
    }


def _place(said: str) -> str:
    spoken = parse_numeral(said)
    return said.upper() if spoken is None else str(spoken)


def _yuan(match: re.Match[str]) -> Mapping[str, Any]:
    whole, _, part = match["yuan"].partition(".")
    fen = int(whole) * 100 + int(part.ljust(2, "0") or 0)
    return {"only_arrears": True, "min_fen": fen + _is_strict(match)}


def _days(match: re.Match[str]) -> Mapping[str, Any]:
    return {"only_arrears": True, "min_days": int(match["days"]) + _is_strict(match)}


def _is_strict(match: re.Match[str]) -> bool:
    """Tell whether “超过60天” was said, which 60 days are not; “超过60天以上” takes them in."""
    return bool(match["more"]) and not match["or_more"]


def _role(match: re.Match[str]) -> Mapping[str, Any]:
    said = {"业主": "owner", "房主": "owner", "家属": "family", "家人": "family"}
    return {"role": OccupancyRole(said.get(match["role"], "tenant"))}


_LIMIT: Final = rf"(?:{_NO_LESS}|(?P<more>{_MORE}))? ?"
_CLAUSES: Final[tuple[tuple[str, re.Pattern[str], Callable[..., Any]], ...]] = (
    ("place", regex(rf"{_ALL}"), lambda _: {}),
    ("place", regex(rf"{_ROOM}(?:[,、和及 ]{_ROOM})*"), _rooms),
    ("place", regex(rf"{_BUILDINGS} ?{_ENTRANCE}"), _buildings),
    ("days", regex(rf"(?:{_OWES})? ?{_LIMIT}{_DAYS}{_OR_MORE}"), _days),
    ("sum", regex(rf"(?:{_OWES})?(?:金额|合计)? ?{_LIMIT}{_SUM}{_OR_MORE}"), _yuan),
    ("arrears", regex(_OWES), lambda _: {"only_arrears": True}),
    ("role", regex(r"(?P<role>业主|房主|租客|租户|承租人|家属|家人)们?"), _role),
    (
        "bound",
        regex(r"已绑定|绑定了?的|(?P<not>未绑定|没有?绑定)"),
        lambda m: {"is_bound": not m["not"]},
    ),
    ("plain", regex(r"(?:开了|用)?老年模式"), lambda _: {"is_plain": True}),
    ("people", regex(r"(?:住户|居民|用户|人家|各户|人)们?"), lambda _: {}),
)
"""What may be said of an audience, each once, in any order; the longer reading first."""


def split_audience(text: str) -> tuple[str, str]:
    """Part what was said in (audience, text); an audience that nobody named is "".

    An audience that runs on into the text (“3栋电梯明天检修”) stays in the text as well.
    """
    for head, rest in _partings(text):
        if rest and read_audience(head):
            return head, rest
    if read_audience(text):
        return text.strip(), ""
    begins = _BEGINS.search(fold(text))
    if begins is not None and begins.start() == 0 and read_audience(begins["to"]):
        return begins["to"].strip(), text.strip()
    return "", text.strip()


def _partings(text: str) -> list[tuple[str, str]]:
    """Return where a text may be parted: at its first blank or colon, else at a comma, the last
    first, since commas stand between the conditions of an audience too.
    """
    hard = _HARD.search(text)
    soft = list(_SOFT.finditer(text))
    cuts = [*([hard] if hard else []), *reversed(soft)]
    return [(text[: cut.start()].strip(), text[cut.end() :].strip(" ：:，,\n")) for cut in cuts]


def label(condition: Condition) -> str:
    """Say an audience as staff read it; what is said so is read as the same condition again."""
    return "，".join(
        part
        for part in (
            _where(condition),
            ROLES[condition.role] if condition.role else "",
            "" if condition.is_bound is None else BOUND[condition.is_bound],
            PLAIN if condition.is_plain else "",
            *_owing(condition),
        )
        if part
    )


def _where(condition: Condition) -> str:
    if condition.rooms:
        return "、".join(condition.rooms)
    places = "、".join(_ended(one, "栋", _TAIL) for one in condition.buildings)
    entrance = _ended(condition.entrance, "单元", "单元|门") if condition.entrance else ""
    return f"{places}{entrance}" or "全小区"


def _ended(name: str, tail: str, known: str) -> str:
    return name if regex(rf".*(?:{known})").fullmatch(name) else f"{name}{tail}"


def _owing(condition: Condition) -> list[str]:
    if not condition.only_arrears:
        return []
    days, fen = condition.min_days, condition.min_fen
    is_over = days > ROUND and (days - 1) % ROUND == 0
    age = f"超过{days - 1}天" if is_over else f"满{days}天"
    least = f"金额≥{fen // 100}元" if fen % 100 == 0 else f"金额≥{fen // 100}.{fen % 100:02d}元"
    if fen % 100 == 1:
        least = f"金额超过{fen // 100}元"
    return [f"欠费{age}" if days else "欠费", least if fen else ""]
