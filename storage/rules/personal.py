"""Which words of a text for many stand for what is each reader's own (变量)."""

from typing import Final

from storage.lazy import regex

VARIABLES: Final = ("{姓名}", "{房号}", "{金额}")
_BRACED: Final = regex(r"\{[^{}\n]{0,12}\}")
_FULL_WIDTH: Final = str.maketrans("｛｝", "{}")


def with_plain_braces(text: str) -> str:
    """Return a text whose braces are those that mark a variable, however they were typed."""
    return text.translate(_FULL_WIDTH)


def variables_in(text: str) -> tuple[str, ...]:
    """Return what a text has in braces, each once, known or not."""
    return tuple(dict.fromkeys(_BRACED.findall(text)))
