"""Which number somebody means a meter to show, however odd it is: the refusal names it."""

from decimal import Decimal
from typing import Final

from handlers.understanding.numerals import CHINESE_NUMERAL, parse_numeral
from storage.lazy import regex

_NUMBER: Final = regex(
    r"(?P<sign>[-−－负] ?)?(?<![0-9.])(?P<figures>[0-9][0-9,]*(?:\.[0-9]+)?(?:e[0-9]{1,3})?)"
    r"(?![0-9,.]*[0-9])(?! ?[次天个块元层户人点%月])"
    r"|(?<![a-z])(?P<none>nan|inf(?:inity)?)(?![a-z])"
)
_SPOKEN: Final = regex(rf"[是到走了:： ]*([{CHINESE_NUMERAL}]{{1,12}})(?:[吨度方个字]|立方)?")
_NAMED: Final = regex(r"(?:[水电气]表|读数|表数|度数|抄表|示数|走到|止码|底数|字数|reading|meter)")
_PLACE: Final = regex(r"[0-9]+(?:[栋幢座]|单元|号楼|月|日|号|年|室)|[0-9]+-[0-9]+-[0-9]+")


def number_said(folded: str, said_before: str = "") -> Decimal | None:
    """Return the number in a folded text, or the one said before; None where there is none.

    It may be negative, not finite, or far too large: whoever takes it refuses it by its name.
    """
    named = max((one.end() for one in _NAMED.finditer(folded)), default=0)
    text = _PLACE.sub("", folded[named:])
    match = _NUMBER.search(text) or _NUMBER.search(_PLACE.sub("", folded))
    if match is None:
        spoken = _SPOKEN.fullmatch(text)
        number = parse_numeral(spoken[1]) if spoken else None
        if number is not None:
            return Decimal(number)
        return Decimal(said_before) if said_before else None
    if match["none"]:
        return Decimal("NaN" if match["none"] == "nan" else "Infinity")
    value = Decimal(match["figures"].replace(",", ""))
    return -value if match["sign"] else value
