"""The stored model is what the command makes of the stored examples, and it is small."""

import json

import pytest

from handlers.understanding import build, features, model
from handlers.understanding.recogniser import INTENT_NAMES


def parts(stored: bytes):
    header, _, weights = stored.partition(b"\n")
    return json.loads(header), memoryview(weights).cast("b").tolist()


@pytest.mark.timeout(120)
def test_the_stored_model_is_what_the_command_makes_of_the_stored_examples():
    kept, kept_weights = parts(model.FILE.read_bytes())
    made, made_weights = parts(build.build())

    # Another processor may round the last digit of a sum otherwise; no weight moves further.
    steps = [abs(one - other) for one, other in zip(kept_weights, made_weights, strict=True)]
    assert max(steps) <= 1
    assert sum(steps) <= len(steps) / 1_000
    assert made["intents"] == list(INTENT_NAMES)
    assert made["syllables"] == kept["syllables"]
    assert made["sharpness"] == kept["sharpness"]
    assert made["offsets"] == pytest.approx(kept["offsets"], abs=0.001)
    assert made["step"] == pytest.approx(kept["step"], rel=0.001)


def test_the_model_is_small_enough_to_be_read_at_every_start():
    assert model.FILE.stat().st_size < 4_000_000


def test_the_shares_of_all_intents_sum_to_one():
    for frame, denied in (("我欠多少", ""), ("", "不退了"), ("", "")):
        shares = model.load().shares(frame, denied)

        assert set(shares) == set(INTENT_NAMES)
        assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("one", "other"), [("绞费", "缴费"), ("jiao fei", "缴费"), ("jiaofei", "缴费")]
)
def test_what_sounds_alike_is_one_to_the_model(one, other):
    syllables = model.load().syllables

    def sounds(text):
        return [feature for feature in features.read(text, "", syllables) if feature[0] == "~"]

    assert sounds(one) == sounds(other)


def test_two_words_of_a_short_text_are_a_pair_whatever_stands_between():
    syllables = model.load().syllables

    def pairs(text):
        return {one for one in features.read(text, "", syllables) if "&" in one}

    assert pairs("钱退") == pairs("退钱")
    assert pairs("退钱") < pairs("把钱都退")
    assert pairs("一二三四五六七八九十甲乙丙丁戊己庚辛壬癸子") == set()
