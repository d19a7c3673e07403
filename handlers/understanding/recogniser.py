"""What was meant: one intent of the list, how sure we are, and what was named."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from functools import cached_property, lru_cache
from typing import Final

from handlers.understanding import cues, examples
from handlers.understanding.denial import split_denied
from handlers.understanding.normaliser import fold, sanitise, squeeze
from handlers.understanding.slots import Slots, read_slots
from storage.frozen import dataclass
from storage.lazy import load, regex

INTENT_NAMES: Final[tuple[str, ...]] = (
    "bind",
    "unbind",
    "my_units",
    "unpaid",
    "bill_detail",
    "history",
    "tariff",
    "due_date",
    "pay",
    "payment_status",
    "balance",
    "prepay",
    "receipt",
    "invoice",
    "refund_request",
    "refund_status",
    "refund_policy",
    "dispute",
    "feedback",
    "repair",
    "notices",
    "contact",
    "human",
    "mute",
    "unmute",
    "report",
    "meter",
    "help",
    "greeting",
    "thanks",
    "goodbye",
    "confirm",
    "cancel",
    "out_of_scope",
)
ACTING: Final = frozenset({"pay", "prepay", "refund_request", "bind", "unbind", "confirm"})
MENU_BELOW: Final = 0.5
PLAIN: Final = frozenset(
    (
        "账单",
        "查账单",
        "缴费",
        "缴费记录",
        "我的房屋",
        "绑定",
        "绑定房屋",
        "找人工",
        "人工",
        "帮助",
        "菜单",
    )
)
"""Examples that people type most, and that name nothing: nothing is looked for in them."""
NOTHING_NAMED: Final = Slots()

_FRAME_CHARS: Final = 120
_HEARD_CHARS: Final = 600
_CACHED_CHARS: Final = 40
_NEIGHBOURS: Final = 12
_CERTAIN: Final = 0.98
_ONLY_MASKS: Final = regex(r"(?:某[房号元数日]|[第0-9一二三四五六七八九十个套号,. ])+")
_ONLY_ALL: Final = regex(r"(?:全部|所有|都要|全都要|统统)(?:的|吧)?")
_OPENING: Final = regex(
    r"^(?:你好|hello(?: there)?|hi(?: there)?|hey|嗨|哈喽|早上好|上午好|中午好|下午好|晚上好|早"
    r"|在吗|亲|物业|喂|请问|请问一下|麻烦|那个|嗯|额|我?想?(?:问|咨询|了解|请教)一?下"
    r"|我?就?想?(?:问问|知道)|打扰了|不好意思|师傅|同志|please|excuse me|[啊呀哦,.!~ ])+"
)
_CLOSING_CHARS: Final = 24
_CLOSING: Final = regex(
    r"(?:(?:谢谢|多谢|感谢|辛苦|麻烦)(?:你们?)?[了啦啊哈]?|thanks?(?: you)?|thx|please|急"
    r"|[,!.?~ ])+$"
)
_ACKNOWLEDGED: Final = regex(r"[好的嗯行哦啊ok ]*|知道了|明白了?|可以了?|是的|没事了?|不用了?")
_ANGER: Final = regex(
    r"他妈|妈的|操|tmd|nmd|狗屁|狗日|滚|王八|混蛋|骗(?!保)|做梦|[这太真]么?烂|垃圾(?!费)|黑心|无耻|不要脸"
    r"|抢钱|抢劫|吸血|恶心|气死|傻|(?<![a-z])sb(?![a-z])|脑残|12345|曝光|律师|起诉|法院|强盗|土匪"
    r"|流氓|有病|神经病|去死|fuck|shit|damn|scam|thie[fv]|ridiculous"
)


_LATIN: Final = regex(r"[a-z]{2,}")
_DROPPED: Final = regex(r"不.{0,6}了|先不|不想|不要")
_FLOOR: Final = 0.55
_NEAR: Final = 45.0
_NEAR_WEIGHT: Final = 1.6
_PAIR_WEIGHT: Final = 0.8
_SMOOTH: Final = 0.3
_TEMPERATURE: Final = 3.0
_FAINT: Final = 0.02
_SURE: Final = 1.6
_LEAD: Final = 0.35


@dataclass(frozen=True, slots=True)
class Understanding:
    """One utterance understood; below a confidence of 0.5 nothing is to be done, only offered."""

    text: str
    normal: str
    intent: str
    confidence: float
    slots: Slots
    runner_up: str | None


@dataclass(frozen=True, slots=True)
class _Judged:
    """An intent with its confidence and the next best."""

    intent: str
    confidence: float
    runner_up: str | None = None


_UNHEARD: Final = _Judged("out_of_scope", 0.0)
_NAMED_ONLY: Final = {
    **dict.fromkeys(
        (
            "某月",
            "某月呢",
            "那某月呢",
            "某月的",
            "某月的呢",
            "那某月的呢",
            "那某费呢",
            "某费呢",
            "那某月某费呢",
        ),
        _Judged("bill_detail", 0.55),
    ),
    **dict.fromkeys(("某月某费", "某月的某费"), _Judged("bill_detail", 0.8)),
    "某费": _Judged("unpaid", 0.7),
}


class Recogniser:
    """Knows the examples by heart; safe to share between threads.

    What only a sentence needs that is no example is learnt when the first one comes, or `warm_up`.
    """

    def __init__(self) -> None:
        """Read the examples of the package."""
        self._examples = tuple(examples.load(INTENT_NAMES))
        self._written = {text: intent for intent, text in reversed(self._examples)}
        self._recent = lru_cache(maxsize=4096)(self._understand)

    def warm_up(self) -> None:
        """Learn now what the first sentence that is no example would wait for."""
        self._understand("你好，3栋2单元1201的物业费上个月为什么是128元？", examples.DAY)

    def understand(self, text: str, *, today: date) -> Understanding:
        """Return what the text means on that Shanghai day; never raises for any text."""
        if len(text) <= _CACHED_CHARS:
            return self._recent(text, today)
        return self._understand(text, today)

    def _understand(self, text: str, today: date) -> Understanding:
        """Return what the text means, without memory."""
        clean = sanitise(text)
        folded = fold(clean)
        normal = squeeze(folded)
        if normal in PLAIN:
            plain = self._written[normal]
            return Understanding(clean, normal, plain, _CERTAIN, NOTHING_NAMED, None)
        heard = _heard(folded)
        said = split_denied(heard)
        has_meant = len(squeeze(said.meant)) > bool(said.denied)
        slots, masked = read_slots(said.meant if has_meant else heard, today)
        known = self._example(normal)
        if known:
            judged = _Judged(known, _CERTAIN)
        elif not normal:
            judged = _Judged("help", 0.9) if "?" in folded else _UNHEARD
        else:
            judged = self._judge(_core(masked) if has_meant else "", slots, said.denied, normal)
        return Understanding(
            clean, normal, judged.intent, judged.confidence, slots, judged.runner_up
        )

    def _judge(self, core: str, slots: Slots, denied: str, normal: str) -> _Judged:
        """Return the intent of a masked text that is no known example."""
        frame = _frame(core)
        bare = _bare(frame, slots, denied)
        if bare:
            return bare
        scores = self._scores(frame)
        for intent in _denied_intents(denied):
            scores.pop(intent, None)
        ranked = sorted(scores.items(), key=lambda pair: -pair[1])
        if not ranked or ranked[0][1] < _FLOOR:
            return _Judged("out_of_scope", 0.3, ranked[0][0] if ranked else None)
        (first, best), *rest = ranked
        runner_up, second = rest[0] if rest else (None, 0.0)
        confidence = _confidence(best, second)
        if first in ACTING and (denied or _ANGER.search(normal)):
            confidence = min(confidence, MENU_BELOW - 0.05)
        return _Judged(first, confidence, runner_up)

    def _example(self, normal: str) -> str | None:
        """Return the intent of an example. No two intents share a form: the written one will do."""
        return self._written.get(normal) or self._exact.get(normal)

    @cached_property
    def _exact(self) -> dict[str, str]:
        return {squeeze(folded): intent for intent, folded in reversed(self._folded)}

    @cached_property
    def _folded(self) -> tuple[tuple[str, str], ...]:
        return tuple((intent, fold(text)) for intent, text in self._examples)

    @cached_property
    def _model(self) -> "_Model":
        return _Model(self._folded)

    def _scores(self, frame: str) -> dict[str, float]:
        """Return the evidence for each intent: cue words, nearest example, letter pairs."""
        scores: defaultdict[str, float] = defaultdict(float, cues.weigh(frame))
        seen: set[str] = set()
        model = self._model
        for ratio, place in model.nearest(frame):
            intent = model.labels[place]
            if intent not in seen:
                seen.add(intent)
                scores[intent] += _NEAR_WEIGHT * (ratio - _NEAR) / (100 - _NEAR)
        for intent, share in model.pairs.shares(frame).items():
            scores[intent] += _PAIR_WEIGHT * share
        return scores


class _Model:
    """The examples without what is named in them, to measure likeness on."""

    def __init__(self, labelled: Iterable[tuple[str, str]]) -> None:
        """Learn frames and letter pairs of (intent, folded text)."""
        self.labels: list[str] = []
        self._frames: list[str] = []
        for intent, folded in labelled:
            frame = _frame(_core(read_slots(split_denied(folded).meant, examples.DAY)[1]))
            if frame:
                self.labels.append(intent)
                self._frames.append(frame)
        self.pairs = _PairModel(zip(self.labels, self._frames, strict=True))
        self._extract = load("rapidfuzz.process").extract
        self._ratio = load("rapidfuzz.fuzz").ratio

    def nearest(self, frame: str) -> Iterator[tuple[float, int]]:
        """Yield likeness (0 to 100) and place of the most alike examples, the best first."""
        for _, ratio, place in self._extract(
            frame, self._frames, scorer=self._ratio, limit=_NEIGHBOURS, score_cutoff=_NEAR
        ):
            yield ratio, place


class _PairModel:
    """Naive Bayes over single letters and pairs of letters."""

    def __init__(self, labelled: Iterable[tuple[str, str]]) -> None:
        """Count the letters and pairs of each intent."""
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for intent, frame in labelled:
            counts[intent].update(_grams(frame))
        vocabulary = len(set().union(*counts.values()))
        self._unseen = {
            intent: -math.log(sum(count.values()) + _SMOOTH * vocabulary)
            for intent, count in counts.items()
        }
        self._gain: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
        for intent, count in counts.items():
            for gram, times in count.items():
                self._gain[gram].append((intent, math.log1p(times / _SMOOTH)))

    def shares(self, frame: str) -> dict[str, float]:
        """Return how the belief is shared among the likelier intents, summing to one or less."""
        grams = [gram for gram in _grams(frame) if gram in self._gain]
        if not grams:
            return {}
        logs = {intent: unseen * len(grams) for intent, unseen in self._unseen.items()}
        for gram in grams:
            for intent, gain in self._gain[gram]:
                logs[intent] += gain
        top = max(logs.values())
        weights = {i: math.exp((log - top) / _TEMPERATURE) for i, log in logs.items()}
        total = sum(weights.values())
        return {i: weight / total for i, weight in weights.items() if weight / total > _FAINT}


def _grams(frame: str) -> set[str]:
    """Return letters, pairs and (for Latin script) words of a frame."""
    padded = f"^{frame}$"
    pairs = {padded[i : i + 2] for i in range(len(padded) - 1)}
    return pairs | {mark for mark in frame if mark > "\u3000"} | set(_LATIN.findall(frame))


def _heard(folded: str) -> str:
    """Return what is listened to: all of it, or the start and the end of a very long text."""
    if len(folded) <= _HEARD_CHARS:
        return folded
    return f"{folded[: _HEARD_CHARS // 2]} . {folded[-_HEARD_CHARS // 2 :]}"


def _core(masked: str) -> str:
    """Return a masked text without greeting and thanks, unless nothing else is left."""
    opened = _OPENING.sub("", masked, count=1)
    cut = max(0, len(opened) - _CLOSING_CHARS)
    inner = opened[:cut] + _CLOSING.sub("", opened[cut:], count=1)
    return masked if _ACKNOWLEDGED.fullmatch(squeeze(inner)) else inner


def _frame(masked: str) -> str:
    """Return what similarity is measured on: the start and the end of a long text."""
    frame = squeeze(masked)
    if len(frame) <= _FRAME_CHARS:
        return frame
    half = _FRAME_CHARS // 2
    return f"{frame[:half]} {frame[-half:]}"


def _bare(frame: str, slots: Slots, denied: str) -> _Judged | None:
    """Return the judgement of an answer that names a thing and asks nothing."""
    if not frame or (denied and _CLOSING.fullmatch(frame)):
        return _refused(denied)
    if slots.unit and slots.phone:
        return None
    if _ONLY_MASKS.fullmatch(frame) or _ONLY_ALL.fullmatch(frame):
        return _UNHEARD
    return _NAMED_ONLY.get(frame)


def _refused(denied: str) -> _Judged:
    """Return the judgement when all that was said is what is not wanted."""
    return _Judged("cancel", 0.6) if _DROPPED.search(denied) else _Judged("out_of_scope", 0.3)


def _denied_intents(denied: str) -> set[str]:
    """Return the intents that the denied words would have meant."""
    return set(cues.weigh(squeeze(denied))) - {"out_of_scope"} if denied else set()


def _confidence(best: float, second: float) -> float:
    """Return how sure a best score is, from its height and its lead."""
    lead = (best - second) / best
    return round(min(0.97, min(1.0, best / _SURE) * (0.4 + 0.6 * min(1.0, lead / _LEAD))), 3)
