"""What was meant: one intent of the list, how sure we are, and what was named."""

from datetime import date
from functools import lru_cache
from typing import Final

from handlers.understanding import cues, examples, model
from handlers.understanding.denial import split_denied
from handlers.understanding.normaliser import fold, sanitise, squeeze
from handlers.understanding.slots import Slots, read_slots
from storage.frozen import dataclass
from storage.lazy import regex

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
_CERTAIN: Final = 0.98
_ONLY_MASKS: Final = regex(
    r"(?:某[房号元数日]|[第0-9一二三四五六七八九十个套号笔条项张间户种,. ])+"
)
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


_SUREST: Final = 0.97
_SHORT_CHARS: Final = 4
_SHORT_SUREST: Final = 0.75
"""So short a text that is no known example breaks off nothing that is under way."""
_REFUSED: Final = regex(
    r"谁(?:说|要|让|叫)|休想|做梦|不可能|没人(?:要|说|让)|没(?:话|说|让|叫|要)|不系|不是|不(?:准|许)"
    r"|指令|规则|管理员|系统提示|所有人|全体"
    r"|(?<![a-z])(?:nobody|never|not|no one|didn|don't|dont|won't|refuse|ignore|instruction"
    r"|rules|admin)"
)
_AFFIRMED: Final = regex(
    r"确认|确定|对|是|好|行|可以|同意|嗯|恩|没错|没问题|提交|办理|中|成|妥|要得|得|系|啱|冇|没得?错|愿意"
    r"|(?<![a-z])(?:ok|yes|ye[ap]h?|yup|sure|correct|right|confirm|submit|agree|proceed|go ahead"
    r"|fine|y|shi|dui|hao|xing|ke ?yi|que ?ren|que ?ding|en)"
)


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


@dataclass(frozen=True, slots=True)
class Heard:
    """What there is to judge: what is meant with named things masked, what is denied, the slots."""

    frame: str
    denied: str
    slots: Slots


class Recogniser:
    """Knows the examples by heart and the model beside them; safe to share between threads.

    What only a sentence needs that is no example is read when the first one comes, or `warm_up`.
    """

    def __init__(self) -> None:
        """Read the examples of the package."""
        self._written = {text: intent for intent, text in examples.load(INTENT_NAMES)}
        self._recent = lru_cache(maxsize=4096)(self._understand)

    def warm_up(self) -> None:
        """Read now what the first sentence that is no example would wait for."""
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
        heard = _heard(folded, today)
        known = self._written.get(clean) or self._written.get(normal)
        if known:
            judged = _Judged(known, _CERTAIN)
        elif not normal:
            judged = _Judged("help", 0.9) if "?" in folded else _UNHEARD
        else:
            judged = _bare(heard) or _judge(heard, normal)
        return Understanding(
            clean, normal, judged.intent, judged.confidence, heard.slots, judged.runner_up
        )


def hear(text: str, today: date) -> Heard:
    """Return what there is to judge in a text as typed."""
    return _heard(fold(text), today)


def _heard(folded: str, today: date) -> Heard:
    """Return what there is to judge in a folded text."""
    listened = _listened(folded)
    said = split_denied(listened)
    has_meant = len(squeeze(said.meant)) > bool(said.denied)
    slots, masked = read_slots(said.meant if has_meant else listened, today)
    frame = _frame(_core(masked)) if has_meant else ""
    return Heard(frame, squeeze(said.denied), slots)


def _judge(heard: Heard, normal: str) -> _Judged:
    """Return the intent of a text that is no known example."""
    shares = model.load().shares(heard.frame, heard.denied)
    for intent in _denied_intents(heard):
        del shares[intent]
    runner_up, first = sorted(shares, key=lambda intent: shares[intent])[-2:]
    confidence = min(round(shares[first], 3), _SUREST)
    if first in ACTING and _is_doubtful(first, heard, normal):
        confidence = min(confidence, MENU_BELOW - 0.05)
    elif len(normal) <= _SHORT_CHARS:
        confidence = min(confidence, _SHORT_SUREST)
    return _Judged(first, confidence, runner_up)


def _listened(folded: str) -> str:
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


def _is_doubtful(acting: str, heard: Heard, normal: str) -> bool:
    """Tell whether an intent that moves money or rights is to be asked about first."""
    if heard.denied or _ANGER.search(normal) or _REFUSED.search(normal):
        return True
    return acting == "confirm" and _AFFIRMED.search(normal) is None


def _bare(heard: Heard) -> _Judged | None:
    """Return the judgement of an answer that names a thing and asks nothing."""
    frame, slots = heard.frame, heard.slots
    if not frame or (slots.unit and slots.phone):
        return None
    if _ONLY_MASKS.fullmatch(frame) or _ONLY_ALL.fullmatch(frame):
        return _UNHEARD
    return _NAMED_ONLY.get(frame)


def _denied_intents(heard: Heard) -> frozenset[str]:
    """Return the intents that the denied words would have meant, and the other words do not."""
    if not heard.denied:
        return frozenset()
    return _cued(heard.denied) - _cued(heard.frame) - {"out_of_scope", "cancel"}


def _cued(text: str) -> frozenset[str]:
    """Return the intents that have a cue in a text."""
    return frozenset(cue.partition(" ")[0] for cue in cues.found(text))
