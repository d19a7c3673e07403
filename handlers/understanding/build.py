"""Learns the model anew from the examples: `python -m handlers.understanding.build`.

The same examples make the same model. What it needs (scikit-learn, pypinyin) is needed here only.
"""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy
from pypinyin import lazy_pinyin
from scipy.sparse import csr_matrix
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from handlers.understanding import examples, features, model
from handlers.understanding.features import Syllables
from handlers.understanding.recogniser import INTENT_NAMES, Heard, hear

COST: Final = 0.3
"""How dear a wrong example is; chosen by measuring, as are the lengths of runs in `features`."""
_LARGEST: Final = 127
_FOLDS: Final = 5
_SHARPNESS: Final = tuple(step / 4 for step in range(4, 41))
_LETTERS: Final = range(0x4E00, 0x9FA6)


def build() -> bytes:
    """Return the model's file: a line of JSON, then the weights row by row."""
    labelled = [(intent, hear(text, examples.DAY)) for intent, text in examples.load(INTENT_NAMES)]
    labels = numpy.array([INTENT_NAMES.index(intent) for intent, _ in labelled])
    syllables = syllable_table()
    rows = _rows((heard for _, heard in labelled), Syllables(syllables))
    learnt = _learn(rows, labels)
    step = float(numpy.abs(learnt.coef_).max()) / _LARGEST
    header = {
        "intents": INTENT_NAMES,
        "offsets": [round(float(offset), 4) for offset in learnt.intercept_],
        "step": round(step, 7),
        "sharpness": _sharpness(rows, labels),
        "syllables": syllables,
    }
    weights = numpy.rint(learnt.coef_.T / step).astype(numpy.int8)
    return json.dumps(header, ensure_ascii=False).encode() + b"\n" + bytes(weights.data)


def syllable_table() -> dict[str, str]:
    """Return the letters of each syllable without tone, as far as GB 2312 has them."""
    table: dict[str, str] = {}
    for letter in map(chr, _LETTERS):
        (syllable,) = lazy_pinyin(letter)
        if syllable.isascii() and letter.encode("gb2312", "ignore"):
            table[syllable] = table.get(syllable, "") + letter
    return dict(sorted(table.items()))


def _rows(heard: Iterable[Heard], syllables: Syllables) -> Any:  # noqa: ANN401 - a sparse matrix
    """Return one row for each text: the buckets of its features, all of one length."""
    ends, places, values = [0], [], []
    for one in heard:
        found = sorted(model.buckets(features.read(one.frame, one.denied, syllables)))
        places += found
        values += [model.LENGTH / math.sqrt(len(found))] * len(found)
        ends.append(len(places))
    index = (numpy.array(places, numpy.int32), numpy.array(ends, numpy.int32))
    return csr_matrix((numpy.array(values), *index), shape=(len(ends) - 1, model.BUCKETS))


def _learn(rows: Any, labels: Any) -> Any:  # noqa: ANN401 - untyped library
    return LinearSVC(C=COST, random_state=0).fit(rows, labels)


def _sharpness(rows: Any, labels: Any) -> float:  # noqa: ANN401 - untyped library
    """Return the sharpness under which shares are chances, seen on examples not learnt from."""
    margins = numpy.empty((len(labels), len(INTENT_NAMES)))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    for taken, left in folds.split(labels, labels):
        margins[left] = _learn(rows[taken], labels[taken]).decision_function(rows[left])
    return min(_SHARPNESS, key=lambda sharp: _surprise(margins * sharp, labels))


def _surprise(raised: Any, labels: Sequence[int]) -> float:  # noqa: ANN401 - untyped library
    """Return the mean surprise (log loss) at the true labels."""
    shifted = raised - raised.max(axis=1, keepdims=True)
    logs = shifted - numpy.log(numpy.exp(shifted).sum(axis=1, keepdims=True))
    return -float(logs[numpy.arange(len(labels)), labels].mean())


if __name__ == "__main__":
    model.FILE.write_bytes(build())
