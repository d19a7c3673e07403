"""Differences (差异): what a platform or the books deny, listed and closed with a reason."""

from typing import Final

from handlers import causes, reconciling, words
from handlers.deps import HandlerDeps
from handlers.staff.office import COUNTERS, number, office, rest_of, without
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.errors import UnknownDifference
from storage.operations.differences import close_difference
from storage.ports.chat import OutgoingMessage
from storage.queries.differences import (
    BOOKS,
    Difference,
    DifferenceNote,
    count_differences,
    difference_of,
    history_of,
    open_differences,
)

NAME: Final = "staff_differences"
SAID_AS: Final = WORDS["differences"]
CLOSES: Final = SAID_AS[0]
MOST: Final = 10
REASON_CHARS: Final = 100
NONE: Final = "现在没有等着核对的差异。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List what is open, or tell the history of one; with 处理差异, close it with a reason."""
    office(turn, *COUNTERS)
    rest = rest_of(turn, SAID_AS)
    named = number(rest)
    if not turn.message.text.strip().startswith(CLOSES):
        return await (_list(turn, deps) if named is None else _history(turn, deps, named))
    if named is None:
        return OutgoingMessage(
            NAME, f"处理哪一件？请写上编号和原因，比如“{CLOSES} 12 已向平台核实”。"
        )
    reason = without(rest, str(named))
    if reason:
        return await _close(turn, deps, named, reason)
    found = await _found(turn, deps, named)
    turn.memory.ask(NAME, number=named)
    return OutgoingMessage(
        NAME,
        words.lines(_line(found), "核对的结果是什么？会留在记录里。", "先不处理，回复“取消”。"),
    )


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the reason."""
    named, said = int(turn.memory.facts["number"]), turn.message.text.strip()
    turn.memory.settle()
    if not said or said in ("取消", "算了", "先不处理"):
        return OutgoingMessage(NAME, f"好的，差异 {named} 没有改动。")
    return await _close(turn, deps, named, said)


async def _list(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    served = office(turn, *COUNTERS).community_ids
    found = await deps.db.read(open_differences, community_ids=served, limit=MOST)
    if not found:
        return OutgoingMessage(NAME, NONE)
    count = await deps.db.read(count_differences, served)
    more = f"还有 {count - len(found)} 件，处理了前面的再看。" if count > len(found) else ""
    return OutgoingMessage(
        NAME,
        words.lines(
            f"差异 {count} 件：",
            *map(_line, found),
            more,
            f"核对以后回复“{CLOSES} {found[0].number} 原因”。",
        ),
    )


async def _history(turn: Turn, deps: HandlerDeps, named: int) -> OutgoingMessage:
    served = office(turn, *COUNTERS).community_ids
    found = await deps.db.read(history_of, named, community_ids=served)
    if found is None:
        raise UnknownDifference
    one, notes = found
    state = "等着处理" if one.closed_at is None else f"{words.moment(one.closed_at)} 已了结"
    return OutgoingMessage(
        NAME,
        words.lines(
            _line(one),
            *(_note(note) for note in notes),
            f"现在{state}。" if one.closed_at is None else f"{state}。",
            f"核对以后回复“{CLOSES} {named} 原因”。" if one.closed_at is None else "",
        ),
    )


def _note(one: DifferenceNote) -> str:
    """Say a line of the history: when, what was done, by whom, and a person's own words."""
    who = f"{one.staff_name}：{one.note}" if one.staff_name else ""
    return f"{words.moment(one.noted_at)} {causes.ACTS.get(one.act, one.act)} {who}".rstrip()


async def _found(turn: Turn, deps: HandlerDeps, named: int) -> Difference:
    served = office(turn, *COUNTERS).community_ids
    found: Difference | None = await deps.db.read(difference_of, named, community_ids=served)
    if found is None:
        raise UnknownDifference
    return found


async def _close(turn: Turn, deps: HandlerDeps, named: int, reason: str) -> OutgoingMessage:
    staff = office(turn, *COUNTERS)
    kept = words.shorten(reason, REASON_CHARS).rstrip("。.")
    found = await deps.db.write(
        close_difference,
        named,
        staff_id=staff.staff_id,
        community_ids=staff.community_ids,
        reason=kept,
        now=turn.now,
    )
    return OutgoingMessage(
        NAME,
        words.lines(
            f"差异 {named} 已了结：{kept}。",
            "账上没有改动。" if found.kind != BOOKS else "夜里再核对，还对不上会再提醒。",
        ),
    )


def _line(one: Difference) -> str:
    """Say a difference on one line: number, place, what is wrong, both sums, since when."""
    cause = causes.DIFFERENCES.get(one.kind, causes.OTHER_DIFFERENCE)
    theirs, ours = causes.sides(one.kind)
    sums = [f"{theirs} {words.money(one.told_fen)}"] if one.told_fen else []
    sums += [f"{ours} {words.money(one.ours_fen)}"] if one.ours_fen and one.has_sums else []
    place = f"{one.unit_label} " if one.unit_label else ""
    said = f"；{'，'.join(sums)}" if sums else ""
    about = reconciling.about(one.reference, one.gateway, one.day_on)
    return f"{one.number} {place}{about}：{cause}{said}（{words.moment(one.opened_at)}）"


INTENT = Intent(name=NAME, answer=answer, go_on=go_on, said_as=SAID_AS)
