"""Writing to many (群发): text → audience → preview with counts → confirm, or a time."""

from contextlib import suppress
from typing import Any, Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.personal_words import NAME as NAME_MARK
from handlers.personal_words import ROOM, SUM
from handlers.staff import audience as spoken
from handlers.staff.categories import BY_WORD, category_of
from handlers.staff.moments import read_moment
from handlers.staff.office import SENDERS, number, office, rest_of
from handlers.staff.preview import people, preview_words
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.errors import AudienceEmpty, CommunitySilent, UnknownAudience
from storage.kinds import BroadcastState
from storage.operations import notices
from storage.operations.broadcast_previews import send_to_writer
from storage.operations.notices import Writing
from storage.ports.chat import OutgoingMessage
from storage.queries.audiences import Audience, preview, resolve
from storage.queries.desk import communities_served
from storage.queries.group_tasks import group_limits
from storage.queries.notices import BroadcastView, find_broadcast
from storage.queries.policies import policy_on

NAME: Final = "staff_broadcast"
SAID_AS: Final = WORDS["broadcast"]
YES: Final = frozenset(("确认", "确定", "确认发送", "发送", "确认群发"))
TRY: Final = frozenset(("预览", "试发", "发给我看看", "先发给我"))
NO: Final = frozenset(("取消", "放弃", "算了", "不发", "不发了", "取消群发"))


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Begin a broadcast with whatever of it was said. Raises NotAllowed."""
    staff = office(turn, *SENDERS)
    served = await deps.db.read(communities_served, staff.community_ids)
    rest, community_id = rest_of(turn, SAID_AS), served[0][0] if len(served) == 1 else 0
    for key, name in served:
        if rest.startswith(name):
            rest, community_id = rest.removeprefix(name).strip(" ：:，,\n"), key
    to, text = spoken.split_audience(rest)
    return await _next(turn, deps, {"text": text, "to": to, "community_id": community_id})


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the text, the audience, the community, or the word that lets it go."""
    office(turn, *SENDERS)
    known = dict(turn.memory.facts)
    step, said = known.pop("step", ""), turn.message.text.strip()
    if step != "confirm" and said in NO:
        turn.memory.settle()
        return OutgoingMessage(NAME, "好的，不发了，什么都没有改动。")
    if step == "confirm":
        return await _decide(turn, deps, str(known["broadcast_no"]), said)
    if step == "text":
        known["text"] = said
    elif step == "audience":
        if spoken.read_audience(said) is None:
            raise UnknownAudience(said)
        known["to"] = said
    elif step == "community":
        known["community_id"] = await _community_said(turn, deps, said)
    return await _next(turn, deps, known)


async def _community_said(turn: Turn, deps: HandlerDeps, said: str) -> int:
    staff = office(turn, *SENDERS)
    served = await deps.db.read(communities_served, staff.community_ids)
    picked = number(said) or 0
    if 1 <= picked <= len(served):
        return served[picked - 1][0]
    return next((key for key, name in served if name == said), 0)


async def _next(turn: Turn, deps: HandlerDeps, known: dict[str, Any]) -> OutgoingMessage:
    """Ask for what is missing, or show the preview."""
    if not known["text"]:
        turn.memory.ask(NAME, step="text", **known)
        to = f"发给{known['to']}，" if known["to"] else ""
        return OutgoingMessage(
            NAME,
            f"好的，{to}请把要群发的内容发给我，最多 {notices.MAX_CHARS} 个字。\n"
            f"可以写 {NAME_MARK}、{ROOM}、{SUM}，住户各自看到自己的。\n"
            "不发了，回复“取消”。",
        )
    if not known["to"]:
        turn.memory.ask(NAME, step="audience", **known)
        return OutgoingMessage(
            NAME,
            "要发给谁？可以说“全小区”“3栋2单元”“3-2-501、3-2-502”，"
            "或者“3栋，业主，欠费超过60天，金额≥500元”。\n"
            "不发了，回复“取消”。",
        )
    if not known["community_id"]:
        served = await _served_with(turn, deps, known["to"])
        if len(served) == 1:
            return await _draft(turn, deps, known | {"community_id": served[0][0]})
        turn.memory.ask(NAME, step="community", **known)
        names = words.numbered([name for _, name in served])
        return OutgoingMessage(NAME, words.lines("您负责几个小区，这条发给哪个？", names))
    return await _draft(turn, deps, known)


async def _served_with(turn: Turn, deps: HandlerDeps, to: str) -> list[tuple[int, str]]:
    """Return the speaker's communities that have the buildings named; all where none has."""
    staff = office(turn, *SENDERS)
    served = await deps.db.read(communities_served, staff.community_ids)
    said = spoken.read_audience(to)
    if said is None or not (said.buildings or said.rooms):
        return served
    fitting = []
    for key, name in served:
        with suppress(UnknownAudience):
            await deps.db.read(resolve, said, key, words=to)
            fitting.append((key, name))
    return fitting or served


async def _draft(turn: Turn, deps: HandlerDeps, known: dict[str, Any]) -> OutgoingMessage:
    """Write the draft down. A refusal leaves the talk where its cause can be put right."""
    again = {key: known[key] for key in ("text", "to", "community_id")}
    turn.memory.ask(NAME, step="audience", **again)
    said = spoken.read_audience(known["to"])
    if said is None:
        raise UnknownAudience(known["to"])
    audience = await deps.db.read(resolve, said, known["community_id"], words=known["to"])
    category = category_of(known["text"])
    counts = await deps.db.read(preview, audience, category=category, now=turn.now)
    if not counts.recipients:
        raise AudienceEmpty
    turn.memory.ask(NAME, step="text", **again)
    writing = Writing(audience, spoken.label(audience.condition), category, known["text"])
    try:
        return await offer(turn, deps, writing)
    except CommunitySilent:
        turn.memory.settle()
        raise


async def offer(turn: Turn, deps: HandlerDeps, writing: Writing) -> OutgoingMessage:
    """Write a draft and show its preview; what is said next decides on it."""
    staff = office(turn, *SENDERS)
    view = await deps.db.write(notices.draft, writing, by=staff, now=turn.now)
    return await _show(turn, deps, view, writing.audience)


async def _show(
    turn: Turn, deps: HandlerDeps, view: BroadcastView, audience: Audience
) -> OutgoingMessage:
    counts = await deps.db.read(preview, audience, category=view.category, now=turn.now)
    policy = await deps.db.read(policy_on, view.community_id, turn.today)
    turn.memory.ask(
        NAME,
        step="confirm",
        broadcast_no=view.broadcast_no,
        audience=audience.dump(),
        category=view.category,
    )
    limits = None
    if audience.group:
        limits = await deps.db.read(group_limits, audience.group, now=turn.now)
    return OutgoingMessage(NAME, preview_words(view, counts, policy, turn.now, limits))


async def _decide(turn: Turn, deps: HandlerDeps, broadcast_no: str, said: str) -> OutgoingMessage:
    staff = office(turn, *SENDERS)
    plain = said.strip(' 。.!！“”"')
    send_at = read_moment(plain, now=turn.now)
    if plain in YES or send_at is not None:
        view = await deps.db.write(
            notices.confirm, broadcast_no, by=staff, now=turn.now, send_at=send_at
        )
        turn.memory.settle()
        return OutgoingMessage(NAME, _confirmed(view, is_later=send_at is not None))
    if plain in NO:
        await deps.db.write(notices.cancel, broadcast_no, by=staff, now=turn.now)
        turn.memory.settle()
        return OutgoingMessage(NAME, f"好的，群发 {broadcast_no} 已取消，没有发送。")
    if plain in TRY:
        phones = await deps.db.write(send_to_writer, broadcast_no, by=staff, now=turn.now)
        sent = "已经发到您自己的手机上" if phones else "没有找到您的手机，没有发"
        return OutgoingMessage(
            NAME, f"{sent}，住户还没有收到。\n看过以后回复“确认”发送，“取消”放弃。"
        )
    if plain in BY_WORD:
        audience = Audience.load(turn.memory.facts["audience"])
        category = BY_WORD[plain]
        view = await deps.db.write(notices.set_category, broadcast_no, category, by=staff)
        return await _show(turn, deps, view, audience)
    view = await deps.db.read(find_broadcast, broadcast_no, community_ids=staff.community_ids)
    return OutgoingMessage(
        NAME,
        f"群发 {view.broadcast_no} 还没有发送。\n"
        "回复“确认”发送，“取消”放弃，或者说一个时间，比如“明天9点发”。",
    )


def _confirmed(view: BroadcastView, *, is_later: bool) -> str:
    when = f"定在{words.moment(view.send_at)} 发送" if is_later and view.send_at else "已开始发送"
    if view.state is BroadcastState.AWAITING_APPROVAL:
        return words.lines(
            f"群发 {view.broadcast_no} 要发给 {view.recipient_count} 人，人数较多，"
            "需要另一位同事同意后才发送。",
            "已经通知了同事；回复“群发进度”查看。",
        )
    reached = people(view.audience_label, view.recipient_count)
    return words.lines(
        f"群发 {view.broadcast_no} {when}，共 {reached}。",
        f"回复“群发进度”查看，回复“取消群发 {view.broadcast_no}”停止。",
    )


INTENT = Intent(name=NAME, answer=answer, go_on=go_on, said_as=SAID_AS)
