"""What staff may ask for in chat (员工帮助)."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import ANYBODY, COUNTERS, office
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.kinds import StaffRole
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_help"
SAID_AS: Final = WORDS["help"]
EVERYBODY: Final = (
    "后台：在电脑或手机上看今日、房屋与住户和工单",
    "今日：今天收款、退款和欠费的数字",
    "待审批：等着处理的退款、群发和绑定申请",
    "群发进度、群发报告 N0001：群发到了哪一步",
    "收缴率、上个月收缴率：收了多少，还差多少",
    "3栋还有谁没交：这一栋欠费的住户",
    "送达 3-2-1201：给这一户的消息收到没有，为什么",
    "代退款 R… 100 原因：替住户申请退款，先看再确认",
    "工单：等着办的报修、投诉和异议；工单 G…：一件的经过",
    "接单 G…、备注 G… 内容（只给同事看）",
    "回复 G… 给住户的话、结单 G… 结果",
    "回复 12 给住户的话、结束 12：住户找人工的时候",
    "满意度、满意度 3栋 本月：住户打了几分，哪里没做好",
    "催缴记录 3-2-1201：催过什么、约了哪天、违约金多少",
)
WRITERS: Final = (
    "派单 G… 小周：交给同事",
    "群发 3栋 内容：先看预览，再确认",
    "取消群发 N0001、补发 N0001、改时间 N0001 明天10点",
    "暂停群发 N0001、继续群发 N0001",
    "同意群发 N0001、拒绝群发 N0001",
    "群公告 值班群 内容：发到工作群",
    "同意绑定 12、拒绝绑定 12",
    "暂停催缴 3-2-1201 到12月1日 原因、恢复催缴 3-2-1201",
)
COUNTING: Final = (
    "对账：昨天的平台账单对得怎么样；差异 12：这件差异的经过",
    "差异：平台和账上对不上的钱；处理差异 12 原因：核对以后了结",
    "收现金 3-2-1201 260.50：先看收哪几笔，再确认；收刷卡、收支票、收扫码一样",
    "可以加“补录11月20日”“单号 000123”“抹零”“预存”；输错了“冲正 V… 原因”",
    "日结、日结 实交 1234.50：交款单；同事“接收交款 J…”",
    "已付退款 T…：审批过的现金、转账退款付了以后登记",
    "收款台：在电脑上收款、打印收据",
    "挂账：到账了不知道是谁的钱；认领 12 3-2-1201、不认领 12 原因",
    "未出账、未出账 2026-11：哪些费用没能出账，为什么",
)
MANAGERS: Final = ("同意 T…、拒绝 T… 原因：审批退款", "同意减免 JM…、拒绝减免 JM… 原因：审批减免")


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List the commands of the speaker's role."""
    staff = office(turn, *ANYBODY)
    mine = [*EVERYBODY]
    mine += WRITERS if staff.role is not StaffRole.CASHIER else ()
    mine += COUNTING if staff.role in COUNTERS else ()
    mine += MANAGERS if staff.role is StaffRole.MANAGER else ()
    return OutgoingMessage(NAME, words.lines("工作人员可以这样说：", *mine))


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
