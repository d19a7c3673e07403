"""Which units (房屋) a payer's free text names: whole, in part, or as bare digits.

The text is compared with the labels that a community really has. Labels and text are taken apart
by one and the same rule, so "3栋2单元501", "3-2-501" and "三栋二单元五零一" are one place.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final, TypeVar

from storage.frozen import dataclass
from storage.lazy import regex

_K = TypeVar("_K")
Parts = tuple[str, ...]
"""Building, entrance and room, or as many of them as a place has, without leading zeros."""

LEAST_DIGITS: Final = 4
"""Fewer bare digits say nothing of a place."""
MOST_PARTS: Final = 5
_NUMERALS: Final = "零〇一二两三四五六七八九十百"
_DIGITS: Final = {mark: value for value, mark in enumerate("零一二三四五六七八九")}
_DIGITS_TOO: Final = _DIGITS | {"两": 2, "〇": 0}
_SCALES: Final = {"十": 10, "百": 100}
_HYPHENS: Final = str.maketrans(dict.fromkeys("‐‑‒–—―−－~～_/", "-"))
_NUMERAL: Final = regex(f"(?<![0-9])[{_NUMERALS}]{{1,7}}(?![0-9])")
_TIMES: Final = regex(
    r"(?<![0-9])20[0-9]{2}[-.](?:0?[1-9]|1[0-2])(?:[-.][0-3]?[0-9])?(?![0-9])"
    r"|(?<![0-9])20[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-3][0-9])?(?![0-9])"
    r"|[0-9]+(?:\.[0-9]+)? ?(?:年度?|个?月份?|日|元|块|期|季度?|度|吨|平|㎡|%|点|时|分)"
    r"|[¥$] ?[0-9,]+(?:\.[0-9]+)?|[0-9]+\.[0-9]+"
)
_DOTTED: Final = regex(r"(?<![0-9.])([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{3,4})(?![0-9.])")
_BUILDING: Final = frozenset(("号楼", "栋楼", "栋", "幢", "座", "#楼", "#"))
_ENTRANCE: Final = frozenset(("单元", "单", "门", "梯"))
_FLOOR: Final = frozenset(("楼", "层"))
_ROOM: Final = frozenset(("室", "号房", "房间", "户", "房"))
_STEP: Final = regex(
    r"(?P<part>(?<![a-z0-9])[a-z]?[0-9]{1,5}(?![0-9])|(?<![a-z])[a-z](?=栋|幢|座|区|号楼|-[0-9]))"
    r" ?(?P<noun>号楼|栋楼|#楼|单元|号房|房间|栋|幢|座|区|排|单|门|梯|楼|层|室|户|房|号|#)?"
    r"(?P<gap>[ \-,]*(?:地下|车库|车位|商铺|铺)?[ \-]*)"
)


class Naming(StrEnum):
    """How a text names a unit."""

    WHOLE = "whole"
    DIGITS = "digits"
    """All of its digits without anything between them: "32501"."""
    PART = "part"
    """Building and room, entrance and room, or the room alone."""


@dataclass(frozen=True, slots=True)
class _Step:
    part: str
    noun: str
    is_tied: bool
    """Whether the next step follows at once, and is no word of its own."""


@dataclass(frozen=True, slots=True)
class UnitNames:
    """The units of one or more communities by all that they may be called; see `index`."""

    whole: Mapping[Parts, frozenset[int]]
    digits: Mapping[str, frozenset[int]]
    parts: Mapping[tuple[str, ...], frozenset[int]]
    odd: tuple[tuple[str, int], ...]
    """Labels that are not made of places, in plain letters: they must stand in the text."""

    def named_in(self, text: str) -> dict[int, Naming]:
        """Return the units that a text names, each by the most complete name it is given.

        Where a text names some units whole, units named only in part are not told.
        """
        plain = _plain(text)
        runs = list(_runs(plain))
        shown = [_without_floor(run) for run in runs if run]
        found = dict.fromkeys(self._whole(plain, runs), Naming.WHOLE)
        if found:
            return found
        found = {unit: Naming.PART for steps in shown for unit in self._in_part(steps)}
        for steps in shown:
            if len(steps) == 1 and len(steps[0].part) >= LEAST_DIGITS:
                found |= dict.fromkeys(self.digits.get(steps[0].part, ()), Naming.DIGITS)
        return found

    def _whole(self, plain: str, runs: list[list[_Step]]) -> Iterator[int]:
        for parts in _readings(runs):
            yield from self.whole.get(parts, ())
        for label, unit_id in self.odd:
            before, found, behind = plain.partition(label)
            if found and not (before[-1:] + behind[:1]).isdecimal():
                yield unit_id

    def _in_part(self, steps: list[_Step]) -> Iterator[int]:
        last = steps[-1]
        if len(steps) == 2:
            first = steps[0]
            if first.noun not in _ENTRANCE:
                yield from self.parts.get(("building", first.part, last.part), ())
            if first.noun not in _BUILDING:
                yield from self.parts.get(("entrance", first.part, last.part), ())
        if len(steps) == 1 and last.noun in (*_ROOM, "号"):
            yield from self.parts.get(("room", last.part), ())


def index(labels: Iterable[tuple[int, str]]) -> UnitNames:
    """Return the names of units from (unit id, label); a unit may have several labels."""
    whole: dict[Parts, set[int]] = {}
    digits: dict[str, set[int]] = {}
    parts: dict[tuple[str, ...], set[int]] = {}
    odd: list[tuple[str, int]] = []
    for unit_id, label in labels:
        plain = _plain(label)
        steps = [step for run in _runs(plain) for step in run]
        key = tuple(step.part for step in steps)
        if len(key) < 2 and not (key and key[0][0].isalpha() and len(key[0]) > 1):
            odd.append((plain, unit_id))
            continue
        whole.setdefault(key, set()).add(unit_id)
        for one in {"".join(key), "".join(regex("[0-9]+").findall(plain))}:
            digits.setdefault(one, set()).add(unit_id)
        for part in _part_keys(key):
            parts.setdefault(part, set()).add(unit_id)
    return UnitNames(_frozen(whole), _frozen(digits), _frozen(parts), tuple(odd))


def _frozen(found: Mapping[_K, set[int]]) -> dict[_K, frozenset[int]]:
    return {key: frozenset(units) for key, units in found.items()}


def _part_keys(key: Parts) -> Iterator[tuple[str, ...]]:
    yield ("room", key[-1])
    if len(key) >= 3:
        yield ("building", key[0], key[-1])
        yield ("entrance", key[-2], key[-1])


def _plain(text: str) -> str:
    """Return the text in half width and lower case, numerals as digits, without dates and sums."""
    folded = unicodedata.normalize("NFKC", text).lower().translate(_HYPHENS)
    digits = _NUMERAL.sub(lambda match: _number(match.group()), folded)
    dashed = _DOTTED.sub(r"\1-\2-\3", digits)
    return " ".join(_TIMES.sub(" ", dashed).split())


def _number(said: str) -> str:
    """Return a Chinese numeral in digits: 五零一 and 五百零一 are both 501."""
    if not set(said) & _SCALES.keys():
        return "".join(str(_DIGITS_TOO[mark]) for mark in said)
    total, digit = 0, 0
    for mark in said:
        if mark in _SCALES:
            total += (digit or 1) * _SCALES[mark]
            digit = 0
        else:
            digit = _DIGITS_TOO[mark]
    return str(total + digit)


def _runs(plain: str) -> Iterator[list[_Step]]:
    """Yield the places of a text as steps from the building down; [] where words part them."""
    run: list[_Step] = []
    end = 0
    for match in _STEP.finditer(plain):
        is_parted = plain[end : match.start()].strip(" ") != ""
        if run and (is_parted or not run[-1].is_tied):
            yield run
            run = []
        if is_parted:
            yield []
        noun, gap = match["noun"] or "", match["gap"]
        letters = match["part"].rstrip("0123456789")
        bare = match["part"][len(letters) :].lstrip("0") or "0" * bool(match["part"][-1:] == "0")
        is_tied = "-" in gap or (bool(noun) and noun not in _ROOM and "," not in gap)
        run.append(_Step(letters + bare, noun, is_tied))
        end = match.end()
    if run:
        yield run


def _without_floor(run: list[_Step]) -> list[_Step]:
    """Leave out a floor that the room's number says again: 3栋2单元5楼501."""
    kept: list[_Step] = []
    for at, step in enumerate(run):
        behind = run[at + 1].part if at + 1 < len(run) else ""
        is_floor = step.noun in _FLOOR and at > 0
        if is_floor and behind[:-2] == step.part:
            continue
        if is_floor and 0 < len(behind) <= 2:
            kept.append(_Step(step.part + behind.zfill(2), "", run[at + 1].is_tied))
            return kept
        kept.append(step)
    return kept


def _readings(runs: list[list[_Step]]) -> Iterator[Parts]:
    """Yield what may be the whole name of a place: a run, three steps of one, runs side by side."""
    parts = [tuple(step.part for step in _without_floor(run)) for run in runs]
    for at, one in enumerate(parts):
        for begin in range(len(one)):
            yield from (one[begin:end] for end in range(begin + 3, len(one) + 1))
        joined: Parts = ()
        for more in parts[at:]:
            joined += more
            if not more or len(joined) > MOST_PARTS:
                break
            yield joined
