"""Charts as inline SVG: one dark colour that survives greyscale, and words for screen readers.

Nothing of them is styled inline, so the pages' policy lets them be; their letters are text that
the browser draws, so that no font is needed here. A table with the same numbers stands beside each.
"""

from collections.abc import Sequence
from itertools import count
from typing import Any, Final
from xml.etree import ElementTree as ET

from storage.lazy import load

INK: Final = "#14653c"
SOFT: Final = "#6a6357"
LINE: Final = "#cfc6b3"
GROUND: Final = "#fffdf8"
WIDTH: Final = 420
ROW_HEIGHT: Final = 34
LETTER: Final = 15
MOST: Final = 60
"""A chart of more rows is none: their table tells more."""
_SVG: Final = "http://www.w3.org/2000/svg"
_NUMBERS: Final = count(1)

Points = Sequence[tuple[str, int]]
"""(label, whole number)."""


def bars(title: str, points: Points, unit: str = "") -> str:
    """Draw lying bars, the first row on top; "" where there is nothing to see."""
    if not _is_shown(points):
        return ""
    leather = _leather()
    chart = leather.Chart()
    rows = [(value, f"{label} {value:,}{unit}") for label, value in points]
    chart.add_bars(rows, fill_color=INK)
    low, top = min(0, *(value for _, value in points)), 100 if unit == "%" else _top(points)
    chart.add_x_scale(low, top)
    chart.add_x_axis(ticks=[*([low] if low else []), 0, top / 2, top], tick_formatter=_short)
    return _told(
        chart.to_svg(width=WIDTH, height=90 + ROW_HEIGHT * len(points)), title, points, unit
    )


def _is_shown(points: Points) -> bool:
    return 1 <= len(points) <= MOST and any(value for _, value in points)


def _top(points: Points) -> int:
    """Return a round number above all: 1, 2 or 5 with zeros behind it."""
    most = max(2, *(value for _, value in points))
    zeros = int("1" + "0" * (len(str(most)) - 1))
    return next(step * zeros for step in (1, 2, 5, 10) if step * zeros >= most)


def _short(value: Any, _place: int, _count: int) -> str:  # noqa: ANN401 - leather's number
    """Say a tick so that it is narrow: 12万 for 120000."""
    number = float(value)
    return f"{number / 10_000:g}万" if abs(number) >= 10_000 else f"{number:g}"


def _leather() -> Any:  # noqa: ANN401 - a module
    theme: Any = load("leather.theme")
    theme.background_color, theme.tick_color, theme.zero_color = GROUND, LINE, SOFT
    theme.label_color, theme.tick_font_family = "#26231d", "sans-serif"
    theme.tick_font_size = theme.tick_font_char_height = LETTER
    theme.tick_font_char_width = LETTER * 3 // 4
    theme.margin = 0.04
    return load("leather")


def _told(svg: str, title: str, points: Points, unit: str) -> str:
    """Return a drawing that scales with its page, named and described for who cannot see it."""
    root = load("defusedxml.ElementTree").fromstring(svg)
    ET.register_namespace("", _SVG)
    width, height = root.attrib.pop("width"), root.attrib.pop("height")
    number = next(_NUMBERS)
    names = {"title": f"chart{number}t", "desc": f"chart{number}d"}
    root.attrib |= {
        "viewBox": f"0 0 {width} {height}",
        "role": "img",
        "class": "chart",
        "aria-labelledby": " ".join(names.values()),
    }
    said = "；".join(f"{label} {value:,}{unit}" for label, value in points)
    for place, (tag, text) in enumerate((("title", title), ("desc", said))):
        one = ET.Element(f"{{{_SVG}}}{tag}", {"id": names[tag]})
        one.text = text
        root.insert(place, one)
    return ET.tostring(root, encoding="unicode")
