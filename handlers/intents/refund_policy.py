"""How refunds work (退款规定), before anybody asks for one."""

from handlers import words
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.ports.chat import OutgoingMessage
from storage.queries.policies import Policy, policy_on


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Tell what can go back, who agrees, how long it takes and how to begin."""
    home = turn.person.home
    policy = (
        await deps.db.read(policy_on, home.community_id, turn.today) if home is not None else None
    )
    text = words.lines(
        "重复缴、多缴、房号缴错，都可以申请退款；其他情况由物业经理审核。",
        _who_agrees(policy),
        "钱原路退回付款账户：零钱一般当天到，银行卡一般1到3个工作日，不收手续费。",
        "退款以后，用这笔钱缴的账单要重新缴。",
        "要退款，请回复“退款”；查进度，请回复“退款进度”。",
    )
    return OutgoingMessage("refund_policy", text)


def _who_agrees(policy: Policy | None) -> str:
    if policy is None or policy.refund_automatic_fen == 0:
        return "每笔申请都由物业经理审核。" if policy is not None else ""
    return (
        f"前三种在缴费后{policy.refund_window_days}天内、"
        f"{words.money(policy.refund_automatic_fen)}以内的不用等审核。"
    )


INTENT = Intent(name="refund_policy", answer=answer)
