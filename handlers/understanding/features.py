"""What the model looks at in an utterance: runs of letters and syllables, pairs, cue words."""

import re
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Final

from handlers.understanding import cues
from storage.lazy import regex

_TOKEN: Final = regex(r"[a-z]+(?:'[a-z]+)?|[0-9]+|[^a-z0-9 ]")
_EDGE: Final = 40
_LONGEST: Final = 3
_OF_WORD: Final = 3
_PAIRED: Final = 20
"""Of a text with more different letters no pairs are told: they would drown the rest."""


class Syllables:
    """Chinese letters and pinyin as syllables without tone: 费, 废 and "fei" are one."""

    def __init__(self, table: dict[str, str]) -> None:
        """Take syllable → the letters read so; a syllable is written as the first of them."""
        self._of_letter = {
            ord(letter): letters[0] for letters in table.values() for letter in letters
        }
        self._of_pinyin = {syllable: letters[0] for syllable, letters in table.items()}
        spelled = "|".join(sorted(table, key=len, reverse=True))
        self._pinyin = re.compile(f"(?:{spelled})+")
        self._one = re.compile(spelled)

    def of(self, tokens: Iterable[str]) -> Iterator[str]:
        """Yield each token as it sounds; what is neither Chinese nor pinyin stays."""
        for token in tokens:
            if len(token) == 1:
                yield token.translate(self._of_letter)
            elif self._pinyin.fullmatch(token):
                yield from (self._of_pinyin[one] for one in self._one.findall(token))
            else:
                yield token


def read(frame: str, denied: str, syllables: Syllables) -> Iterator[str]:
    """Yield the features of what is meant (its frame) and of what is denied; some come twice."""
    tokens = _tokens(frame)
    yield from _runs(tokens, "")
    yield from _runs(tuple(syllables.of(tokens)), "~")
    yield from _pairs(tokens)
    for token in tokens:
        for start in range(len(token) - _OF_WORD + 1):
            yield f"_{token[start : start + _OF_WORD]}"
    for cue in cues.found(frame):
        yield f"!{cue}"
    if denied:
        yield from _runs(_tokens(denied), "-")


def _tokens(text: str) -> tuple[str, ...]:
    """Return letters, words and numbers (as 0): all, or the start and the end of a long text."""
    tokens = tuple("0" if one.isdecimal() else one for one in _TOKEN.findall(text))
    return tokens if len(tokens) <= 2 * _EDGE else tokens[:_EDGE] + tokens[-_EDGE:]


def _pairs(tokens: tuple[str, ...]) -> Iterator[str]:
    """Yield every two tokens of a short text, wherever they stand: 钱…退 is 退…钱."""
    different = sorted(set(tokens))
    if len(different) <= _PAIRED:
        yield from (f"{one}&{other}" for one, other in combinations(different, 2))


def _runs(tokens: tuple[str, ...], mark: str) -> Iterator[str]:
    """Yield every run of one to three tokens, with the edges of the text."""
    padded = ("^", *tokens, "$") if tokens else ()
    for length in range(1, _LONGEST + 1):
        for start in range(len(padded) - length + 1):
            yield mark + " ".join(padded[start : start + length])
