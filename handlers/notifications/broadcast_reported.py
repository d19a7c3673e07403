"""A broadcast has finished; who started it reads the figures."""

from handlers import words
from handlers.notification import Notification, Telling, fields
from storage.events import BroadcastReported
from storage.ports.chat import OutgoingMessage


def say(event: BroadcastReported, told: Telling) -> OutgoingMessage:
    """Tell staff how many heard, how many will, and what to do about the rest."""
    parts = [f"已送达 {event.reached}"]
    parts += [f"等住户下次发消息时送达 {event.waiting}"] if event.waiting else []
    parts += [f"没有送达 {event.failed}"] if event.failed else []
    parts += [f"没有发送 {event.skipped}"] if event.skipped else []
    following = f"回复“群发报告 {event.broadcast_no}”查看明细"
    if event.failed:
        following += f"，回复“补发 {event.broadcast_no}”再发一次"
    return OutgoingMessage(
        kind="broadcast_reported",
        text=words.lines(
            f"群发 {event.broadcast_no} 已经发完：{'，'.join(parts)}。", f"{following}。"
        ),
        fields=fields(
            number=event.broadcast_no,
            state="群发已完成",
            text=f"送达{event.reached} 失败{event.failed}",
            time=f"{told.today}",
        ),
    )


NOTIFICATION = Notification(BroadcastReported, say)
