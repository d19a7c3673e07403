"""A human answers (转人工): the community's stewards hear of it in the same write."""

from handlers import words
from handlers.deps import HandlerDeps
from handlers.intents.contact import told
from handlers.turn import Intent, Turn
from storage.operations.conversations import hand_over
from storage.ports.chat import OutgoingMessage
from storage.queries.households import Office, offices
from storage.queries.residents import contact


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Hand the talk over; where the community is not clear, tell whom to call."""
    office = await _office(turn, deps)
    if office is None:
        found = await deps.db.read(offices, limit=5)
        blocks = [told(one.contact) for one in found]
        text = words.lines(
            "还不知道您是哪个小区的，请直接联系物业：",
            *blocks,
            "绑定房屋后，可以在这里请管家回复。",
        )
        return OutgoingMessage("human", text)
    home = turn.person.home
    heard = await deps.db.write(
        hand_over,
        identity_id=turn.person.identity_id,
        community_id=office.community_id,
        unit_label=home.label if home is not None else "",
        said=turn.understood.text,
        now=turn.now,
    )
    contacted = office.contact
    call = f"急事请打电话 {contacted.phone}。" if contacted.phone else ""
    if not heard:
        when = f"（上班时间 {contacted.duty_hours}）" if contacted.duty_hours else ""
        ring = f"请打电话 {contacted.phone} 联系物业{when}。" if contacted.phone else ""
        text = words.lines("现在没有管家在线，没有转过去。", ring or "请到物业前台找工作人员。")
        return OutgoingMessage("human", text)
    hours = f"上班时间 {contacted.duty_hours}，会尽快回复您。" if contacted.duty_hours else ""
    text = words.lines("已经转给管家。", hours or "管家会尽快回复您。", call)
    return OutgoingMessage("human", text)


async def _office(turn: Turn, deps: HandlerDeps) -> Office | None:
    home = turn.person.home or next(iter(turn.person.homes), None)
    if home is not None:
        return Office(home.community_id, await deps.db.read(contact, home.community_id))
    found = await deps.db.read(offices, limit=2)
    return found[0] if len(found) == 1 else None


INTENT = Intent(name="human", answer=answer)
