"""Few and simple words for who asks for them (老年模式), until she asks for the usual again."""

from dataclasses import replace
from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.lazy import regex
from storage.operations.conversations import set_plain_speech
from storage.ports.chat import OutgoingMessage

NAME: Final = "plain_speech"
_MODE: Final = r"(?:老年|老人|长辈|長輩|敬老|关怀|關懷|大字)(?:模式|版)"
_ON: Final = regex(
    rf"(?:请|请帮我|帮我|我要|我想|给我)?(?:打开|开启|开|切换到?|换成|换到|用|进入|转)?{_MODE}"
    r"|(?:请|麻烦)?(?:把)?字(?:能不能|可以)?(?:再|调|弄|放)*大(?:一)?[点些](?:儿)?"
    r"|字太小(?:了)?|字太小(?:了)?[,，]?看不[清见](?:楚)?|我?看不[清见](?:楚)?字"
    r"|(?:请|你)?(?:能不能|可以)?[说讲講說](?:得|的|话)?(?:再)?[简簡][单單](?:一)?[点些點](?:儿)?"
)
_OFF: Final = regex(
    rf"(?:退出|关闭|关掉|关|取消|不要|不用){_MODE}"
    r"|(?:打开|开启|切换到?|换成|换到|恢复|回到|用)?(?:普通|正常|标准|標準)(?:模式|版)"
)
_ENDINGS: Final = " 吧吗嘛啊呀了。.!！?？，,"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Speak in the way asked for from now on; the words say which."""
    is_plain = _is_on(turn.understood.text)
    await deps.db.write(set_plain_speech, turn.person.identity_id, is_plain=is_plain)
    turn.person = replace(turn.person, is_plain=is_plain)
    if not is_plain:
        return OutgoingMessage(NAME, "好的，已换回普通模式。\n要再换，回复“老年模式”。")
    text = words.lines(
        "好的，我说简单点。",
        "字的大小要在微信里调：",
        "我 → 设置 → 关怀模式。",
        "要办事，回复“帮助”。",
    )
    return OutgoingMessage(NAME, text)


def speaks_of_it(text: str) -> bool:
    """Tell whether a text asks for simple words, or for the usual ones again."""
    return _is_on(text) or _OFF.fullmatch(text.strip(_ENDINGS)) is not None


def _is_on(text: str) -> bool:
    return _ON.fullmatch(text.strip(_ENDINGS)) is not None


INTENT = Intent(name=NAME, answer=answer, said_like=speaks_of_it)
