"""What staff may ask for in chat (员工帮助)."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, office
from handlers.turn import Intent, Turn
from storage.kinds import StaffRole
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_help"
SAID_AS: Final = ("员工帮助", "工作人员帮助")
EVERYBODY: Final = (
    "今日：今天收款、退款和欠费的数字",
    "待审批：等着处理的退款、群发和绑定申请",
    "群发进度、群发报告 N0001：群发到了哪一步",
)
WRITERS: Final = (
    "群发 3栋 内容：先看预览，再确认",
    "取消群发 N0001、补发 N0001、改时间 N0001 明天10点",
    "同意群发 N0001、拒绝群发 N0001",
    "群公告 值班群 内容：发到工作群",
    "同意绑定 12、拒绝绑定 12",
)
MANAGERS: Final = ("同意 T…、拒绝 T… 原因：审批退款",)


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List the commands of the speaker's role."""
    staff = office(turn, *ANYBODY)
    mine = [*EVERYBODY]
    mine += WRITERS if staff.role is not StaffRole.CASHIER else ()
    mine += MANAGERS if staff.role is StaffRole.MANAGER else ()
    return OutgoingMessage(NAME, words.lines("工作人员可以这样说：", *mine))


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
