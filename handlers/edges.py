"""What is said at the edges of a talk: a welcome, a picture, words we do not understand."""

from typing import Final

from handlers import english, words
from handlers.turn import Turn
from storage.ports.chat import IncomingKind, OutgoingMessage

CANCELLED: Final = OutgoingMessage(
    "cancel", "好的，已取消，什么都没有改动。\n还需要什么，直接告诉我就行。"
)
CANCELLED_PLAINLY: Final = OutgoingMessage("cancel", "好的，不办了。\n什么都没有改。")
UNSPOKEN: Final = {
    IncomingKind.IMAGE: "图片收到了，不过我看不懂图片，请打字告诉我要办什么。\n"
    "是付款截图，回复“我已经付款”；要给管家看，回复“人工”。",
    IncomingKind.LOCATION: "位置收到了，不过这里用不上。\n请打字告诉我要办什么，或者回复“帮助”。",
    IncomingKind.OTHER: "这种消息我看不懂。\n请打字告诉我要办什么，或者回复“帮助”。",
    IncomingKind.VOICE: "抱歉，这段语音没听清。\n请再说一遍，或者打字告诉我。",
}
FAULT: Final = (
    "抱歉，系统出了故障，刚才这一步没能完成。\n"
    "请过几分钟再试；还是不行，请回复“人工”，并告诉管家编号 {trace}。"
)


def welcome(turn: Turn) -> OutgoingMessage:
    """Welcome a follower: how to bind, or, where she is bound already, what can be asked."""
    if turn.person.homes:
        text = words.lines("您好，欢迎回来！可以回复序号：", words.menu())
        return OutgoingMessage("greeting", text)
    text = words.lines(
        "您好，欢迎使用物业缴费服务！",
        "在这里可以查账单、缴物业费、看收据、申请退款。",
        "先绑定您的房屋，请回复“绑定 房号 姓名 手机号”，",
        "例如：绑定 3-2-1201 李秀英 13800001234。",
        "也可以只回复“绑定”，一步一步来。",
    )
    return OutgoingMessage("greeting", text)


def unspoken(turn: Turn) -> OutgoingMessage:
    """Ask for words; a picture is kept until they come: it may be that of a payment."""
    if turn.message.kind is IncomingKind.IMAGE:
        turn.memory.keep_picture(turn.message.media_id, turn.now)
    return OutgoingMessage("help", UNSPOKEN[turn.message.kind])


def not_understood(turn: Turn, misses: int) -> OutgoingMessage:
    """Show the menu after something that was not understood; twice in a row, offer a human."""
    if turn.is_english:
        return english.not_understood()
    if turn.is_plain:
        text = words.lines("没听懂。要办哪件事？", words.menu(), "回复前面的数字就行。")
        return OutgoingMessage("help", text)
    lead = "抱歉，没听明白您的意思。您可以回复序号："
    if misses >= 2:
        lead = "抱歉，还是没听明白。回复“人工”，请管家来回复您；也可以回复序号："
    return OutgoingMessage("help", words.lines(lead, words.menu()))


def not_hers(turn: Turn, unit_text: str) -> OutgoingMessage:
    """Say that a flat is not among hers; alike whether it exists or not."""
    hers = "、".join(one.label for one in turn.person.homes)
    text = words.lines(
        f"您没有绑定 {words.shorten(unit_text)}，只能查自己绑定的房屋：{hers}。",
        "要绑定别的房屋，回复“绑定”。",
    )
    return OutgoingMessage("my_units", text)
