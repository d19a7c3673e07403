"""Sums of money in chat as whole fen: integer arithmetic only."""

import re
from collections.abc import Callable
from typing import Final

from handlers.understanding.numerals import parse_numeral
from storage.lazy import regex

MASK: Final = "某元"
_PLAIN: Final = regex(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?")
_CORE: Final = (
    r"(?P<n>[0-9]{1,3}(?:,[0-9]{3}){1,2}(?:\.[0-9]{1,2})?|[0-9]{1,9}(?:\.[0-9]{1,2})?)"
    r"(?![0-9]|[.,][0-9])"
)
_ALONE: Final = r"(?<![0-9.,a-z-])"
_YUAN: Final = (
    r"(?:元|圆|块钱?|rmb|yuan|cny|¥)(?![交付缴给结办算儿0-9一二三四五六七八九]|起|个?平|每|/)"
)
_VERB: Final = (
    r"(?:充值|预存|预交|预缴|多收|多扣|多出来?|多了|金额|差了|少了|卡上|账上|[交缴付充存退扣收转汇补罚]"
    r"|pay|paid|deposit|refund(?: me)?|top ?up)"
)
_ENGLISH_VERB: Final = r"(?<![a-z])(?:pay|paid|deposit|refund(?: me)?|top ?up|prepay|put|add)"
_NO_COUNT: Final = r"(?! ?(?:%|-|(?:month|day|year|bill|unit|ton|time|hour|week)s?(?![a-z])))"
_AFTER: Final = r"(?:的那笔?|了|我的|我|个|款|够|进|的|是|[:,])?(?:我|是)? ?"
_LOOSE: Final = r"(?![0-9个年月日天号栋幢#楼单度吨方%次笔套户点室分期位人:-]| ?[a-z])"
_SCALES: Final = {"百": 100, "千": 1_000, "万": 10_000, "w": 10_000}


def parse_yuan(text: str) -> int | None:
    """Return the fen of a plain number of yuan such as 1,234.50, or None; never a float."""
    match = _PLAIN.fullmatch(text.replace(",", ""))
    if match is None:
        return None
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


def _number(match: re.Match[str]) -> int | None:
    """1,234.50元, ¥500."""
    return parse_yuan(match["n"])


def _tenths(match: re.Match[str]) -> int | None:
    """3块5, 三块五."""
    yuan, tenth = parse_numeral(match["n"]), parse_numeral(match["t"])
    return None if yuan is None or tenth is None else yuan * 100 + tenth * 10


def _fraction(decimals: str, whole: int) -> int:
    """Return the part of a whole that the decimals say, rounded down."""
    return int(decimals) * whole // int("1" + "0" * len(decimals)) if decimals else 0


def _scaled(match: re.Match[str]) -> int | None:
    """1万2, 1.5万, 5百."""
    scale = _SCALES[match["s"]]
    decimals = match["d"] or ""
    fen = int(match["n"]) * scale * 100 + _fraction(decimals, scale * 100)
    tail = match["t"] or ""
    rest = int(tail) * (scale // 10 if len(tail) == 1 else 1) if tail else 0
    return fen + rest * 100


def _spoken(match: re.Match[str]) -> int | None:
    """两百五十块, 一万二."""
    yuan = parse_numeral(match["n"])
    return None if yuan is None else yuan * 100


_WORDS: Final = "(?P<n>[零一二两三四五六七八九十百千万]{1,12})"
_BIG: Final = (
    "(?P<n>[一二两三四五六七八九][十百千万][零一二三四五六七八九十百千]{0,8})"
    "(?![零一二三四五六七八九十百千万多几来])"
)
Reader = Callable[[re.Match[str]], int | None]
_READERS: Final[tuple[tuple[re.Pattern[str], Reader], ...]] = tuple(
    (regex(pattern), reader)
    for pattern, reader in (
        (
            rf"{_ALONE}(?P<n>[0-9]{{1,4}})(?:\.(?P<d>[0-9]{{1,4}}))?(?P<s>[万千百]|w(?![a-z]))"
            r"(?P<t>[0-9]{1,4})?(?![0-9多几]) ?(?:元|块钱?)?",
            _scaled,
        ),
        (rf"{_ALONE}(?P<n>[0-9]{{1,6}})[块元](?P<t>[1-9])(?![0-9个]|平)毛?", _tenths),
        (
            r"(?P<n>[一二两三四五六七八九十百千]{1,8})[块元](?P<t>[一二三四五六七八九])"
            r"(?![一二三四五六七八九十个平])毛?",
            _tenths,
        ),
        (rf"[¥$] ?{_CORE}(?: ?元)?", _number),
        (rf"{_ALONE}{_CORE} ?{_YUAN}", _number),
        (rf"{_WORDS}{_YUAN}", _spoken),
        (rf"(?P<v>{_VERB}{_AFTER}){_CORE}{_LOOSE}", _number),
        (rf"(?P<v>{_ENGLISH_VERB} ){_CORE}{_NO_COUNT}", _number),
        (
            rf"(?P<v>(?<![a-z])(?:top ?up|add) [a-z ]{{1,20}} (?:with|by) ){_CORE}{_NO_COUNT}",
            _number,
        ),
        (
            rf"(?P<v>(?<![a-z])(?:this|that|the) )(?!20[0-9]{{2}} ){_CORE}"
            r"(?= (?:charge|fee|refund|payment))",
            _number,
        ),
        (rf"(?P<v>(?<![a-z])(?:payment|transfer|refund|charge) of ){_CORE}{_NO_COUNT}", _number),
        (rf"(?P<v>[这那]笔 ?){_CORE}{_LOOSE}", _number),
        (
            rf"(?P<v>(?:费|金) ?){_CORE}"
            r"(?=$|是怎么|是哪|怎么|太|为什么|为何|不对|[,.]|[该能还]?(?:什么时候)?退)",
            _number,
        ),
        (rf"(?P<v>{_VERB}{_AFTER}){_BIG}{_LOOSE}", _spoken),
        (
            r"(?<![0-9零一二三四五六七八九十百千万几第])"
            r"(?P<n>[一二两三四五六七八九][百千](?:[零一二三四五六七八九十百千]{0,6}))"
            rf"(?![零一二三四五六七八九十百千万多几来平米斤岁毫立]){_LOOSE}",
            _spoken,
        ),
        (
            r"(?<![0-9.,a-z-])(?P<n>[0-9]{1,3}(?:,[0-9]{3}){1,2}\.[0-9]{2}|[0-9]{1,7}\.[0-9]{2})"
            r"(?![0-9]|[.,][0-9]| ?[度吨方平%])",
            _number,
        ),
    )
)


def take_amount(folded: str) -> tuple[int | None, str]:
    """Return the first sum of money in fen and the text with it masked."""
    if not _HINT.search(folded):
        return None, folded
    for pattern, reader in _READERS:
        match = pattern.search(folded)
        fen = reader(match) if match else None
        if match is not None and fen is not None:
            kept = match.groupdict().get("v") or ""
            return fen, folded[: match.start()] + kept + MASK + folded[match.end() :]
    return None, folded


_HINT: Final = regex(r"[0-9十百千万]|[一二两三四五六七八九][块元圆]")
