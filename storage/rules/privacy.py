"""What a text for many may not name: a household together with money, a phone, an identity number.

A reader of a notice learns nothing of another's debts (个人信息保护). The rule looks for a room
near money, in any of the usual spellings; a room alone or a debt alone may stand in a notice.
"""

import unicodedata
from typing import Final

from storage.lazy import regex

_NUMERAL: Final = "0-9零〇一二三四五六七八九十百两"
_ROOM: Final = regex(
    rf"[{_NUMERAL}a-z]{{1,3}} ?(?:栋|幢|座|号楼|#) ?(?:[{_NUMERAL}]{{1,3}} ?(?:单元|门) ?)?"
    rf"[{_NUMERAL}]{{3,6}} ?(?:室|号|户)?(?![0-9]|元|块|月|年|点|人|户)"
    rf"|(?<![0-9-])[0-9a-z]{{1,3}}[-/][0-9]{{1,2}}[-/][0-9]{{3,4}}(?![0-9-])"
    rf"|(?<![0-9.-])[0-9]{{1,2}}-[0-9]{{3,4}}(?![0-9-])"
    rf"|[{_NUMERAL}]{{3,6}} ?(?:室|号房|房间)"
    rf"|(?:车位|商铺) ?[a-z]?[0-9]?-?[0-9]{{1,4}}"
)
_BARE_ROOM: Final = regex(
    r"(?<![0-9.¥-])(?<![0-9]:)[0-9]{3,4}"
    r"(?![0-9.-]|:[0-9]| ?(?:元|块|年|月|日|点|度|吨|户|人|号楼|栋|平|米|%))"
)
_DEBT: Final = regex(
    r"欠|拖缴|未[缴交]|没[缴交有]{1,2}[清齐费]?|逾期|催[缴费]|待缴|滞纳|违约金|补缴|应[缴收]"
)
_SUM: Final = regex(r"[¥$] ?[0-9]|[0-9,.]+ ?(?:元|块钱?)|[一二三四五六七八九十百千万两]+元")
_MOBILE: Final = regex(r"(?<![0-9])(?:\+?86)?1[3-9][0-9]{9}(?![0-9])")
_IDENTITY_NO: Final = regex(r"(?<![0-9])[1-9][0-9]{5}(?:18|19|20)[0-9]{9}[0-9x](?![0-9])")
_BETWEEN_DIGITS: Final = regex(r"(?<=[0-9])[ \-.·_](?=[0-9])")
_HYPHENS: Final = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-"))
NEAR: Final = 12
"""How far a bare number may stand from a debt and still be taken for a room."""


def private_part(text: str) -> str | None:
    """Return the part of a text for many that tells of one household, or None where none does."""
    plain = unicodedata.normalize("NFKC", text).translate(_HYPHENS).lower()
    joined = _BETWEEN_DIGITS.sub("", plain)
    for pattern in (_IDENTITY_NO, _MOBILE):
        found = pattern.search(joined)
        if found:
            return found.group()
    return _room_with_money(plain)


def _room_with_money(plain: str) -> str | None:
    debt, total = _DEBT.search(plain), _SUM.search(plain)
    money = debt or total
    if money is None:
        return None
    room = _ROOM.search(plain)
    if room:
        return f"{room.group().strip()}…{money.group()}"
    for one in _DEBT.finditer(plain):
        bare = _BARE_ROOM.search(plain[max(one.start() - NEAR, 0) : one.end() + NEAR])
        if bare:
            return f"{bare.group()}…{one.group()}"
    return None
