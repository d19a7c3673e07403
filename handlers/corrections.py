"""What a correction puts instead (“不对，是3单元”), and a flat that the talk goes on to."""

from functools import lru_cache
from typing import Final

from storage.lazy import regex

_THING: Final = (
    r"第?[0-9A-Za-z.零一二两三四五六七八九十百千-]{1,12}"
    r"(?:号楼|栋|幢|单元|室|号房|号|月份?|元|块钱?|吨|度|方|笔|个|套)?"
)
_CORRECTED: Final = regex(
    r"(?:[哦啊诶哎呀嗯额]{1,3}[，, ]?)?"
    r"(?:不对|不是|错了|不好意思|(?:我|刚才|刚刚)?(?:说|写|打|发|弄|搞|输)错了)"
    r"[了啊哦呀的]?[，,。.!！ ]{1,2}"
    rf"(?:应该)?(?:是|改成|换成)?(?P<meant>(?:{_THING}){{1,3}}|[水电]费|物业费|停车费|车位费|燃气费)"
    r"[的啊哦吧]?[。.!！]?"
)
_FLAT: Final = regex(r"那?(?:么)?(?P<flat>[0-9A-Za-z-]{3,12})(?:室|号房|那套|这套)?的?呢?[?？]?")
_PART: Final = regex(r"(?P<part>[0-9A-Za-z]{1,3}) ?(?P<kind>号楼|栋|幢|单元)")


@lru_cache(maxsize=512)
def meant(text: str) -> str:
    """Return what a correction says instead of the words before it; "" for any other text."""
    found = _CORRECTED.fullmatch(text.strip())
    return found["meant"].strip() if found else ""


@lru_cache(maxsize=512)
def flat_in(text: str) -> str:
    """Return the flat that a text names and says nothing else, as written; "" for other texts."""
    found = _FLAT.fullmatch(text.strip())
    return found["flat"] if found else ""


def put_right(unit: str, text: str) -> str:
    """Return a flat's code with the building or entrance of the text; "" where it names none."""
    found, places = _PART.fullmatch(text.strip()), unit.split("-")
    if found is None or len(places) != 3:
        return ""
    places[1 if found["kind"] == "单元" else 0] = found["part"]
    return "-".join(places)
