"""An owner removes family or a tenant from her flat (移除 姓名), after a confirmation."""

from handlers import words
from handlers.consent import says_yes
from handlers.deps import HandlerDeps
from handlers.turn import Intent, Turn
from storage.errors import NotAllowed
from storage.kinds import OccupancyRole
from storage.operations.bindings import remove_sharer
from storage.ports.chat import OutgoingMessage
from storage.queries.households import sharers


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Find who is meant and ask whether she is really to be removed. Raises NotAllowed."""
    home = turn.home
    if home.role is not OccupancyRole.OWNER:
        raise NotAllowed
    name = turn.understood.text.removeprefix("移除").strip(" ：:，,。")
    others = await deps.db.read(sharers, unit_id=home.unit_id, identity_id=turn.person.identity_id)
    found = [one for one in others if one.name == name and one.role is not OccupancyRole.OWNER]
    if not found:
        text = (
            f"{home.label} 没有找到要移除的家人或租客，没有改动。\n回复“我的房屋”查看还有谁绑定。"
        )
        return OutgoingMessage("remove_person", text)
    turn.memory.ask("remove_person", binding_id=found[0].binding_id)
    who = f"{words.mask_name(found[0].name)}（{words.role(found[0].role)}）"
    text = words.lines(
        f"要把{who}从 {home.label} 移除吗？",
        "移除后对方看不到这里的账单，也会收到通知。",
        "回复“确认”移除，回复“算了”保留。",
    )
    return OutgoingMessage("remove_person", text)


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the confirmation. Raises NotAllowed, NotBound."""
    if not says_yes(turn):
        return OutgoingMessage("remove_person", "回复“确认”移除，回复“算了”保留。")
    binding_id = turn.memory.facts["binding_id"]
    turn.memory.settle()
    label = await deps.db.write(
        remove_sharer,
        by_binding_id=turn.home.binding_id,
        binding_id=binding_id,
        now=turn.now,
    )
    text = (
        f"已从 {label} 移除，已通知对方和其他业主。\n以前的缴费链接也已失效，回复“缴费”获取新的。"
    )
    return OutgoingMessage("remove_person", text)


INTENT = Intent(name="remove_person", answer=answer, go_on=go_on, said_as=("移除",))
