"""Claiming money that waits (认领 12 3-2-501): a look at what it pays, then a yes."""

from typing import Final

from handlers import words
from handlers.consent import says_yes
from handlers.deps import HandlerDeps
from handlers.staff.office import COUNTERS, number, office, rest_of
from handlers.staff.suspense import told
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.audit import Actor
from storage.operations.suspense import assign_row
from storage.ports.chat import OutgoingMessage
from storage.queries.bank_rows import plan_of_row, waiting_row
from storage.queries.households import units_named

NAME: Final = "staff_suspense_assign"
SAID_AS: Final = WORDS["suspense_assign"]
HOW: Final = "请写编号和房号，比如“认领 12 3-2-501”。\n回复“挂账”可以看编号。"
WHICH: Final = "没有找到这一户，没有改动。\n请写全房号，比如“认领 {row} 3-2-1201”。"


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Show what the money would pay; nothing is written down before it is confirmed."""
    staff = office(turn, *COUNTERS)
    said = rest_of(turn, SAID_AS)
    row_id = number(said.split(" ")[0] if " " in said else said)
    if row_id is None:
        return OutgoingMessage(NAME, HOW)
    row = await deps.db.read(waiting_row, row_id, staff.community_ids)
    named = said.partition(" ")[2].strip()
    found = await deps.db.read(units_named, named, said=named) if named else []
    ids = [one.unit_id for one in found if one.community_id in staff.community_ids]
    if not named and row.suggested_unit_id is not None:
        ids = [row.suggested_unit_id]
    if len(ids) != 1:
        return OutgoingMessage(NAME, WHICH.format(row=row_id))
    plan = await deps.db.read(plan_of_row, row_id, ids[0])
    turn.memory.ask(NAME, row_id=row_id, unit_id=ids[0])
    text = words.lines(
        told(row),
        f"认给 {plan.unit_label}，请核对：",
        *(
            f"{words.period(one.period)} {one.item_name} {words.money(one.fen)}"
            for one in plan.lines
        ),
        f"转入预存 {words.money(plan.surplus_fen)}" if plan.surplus_fen else "",
        "回复“确认”入账，住户会收到收据；不对就回复“算了”。",
    )
    return OutgoingMessage(NAME, text)


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Book it on a yes; anything else books nothing."""
    staff = office(turn, *COUNTERS)
    facts = dict(turn.memory.facts)
    turn.memory.settle()
    if not says_yes(turn):
        return OutgoingMessage(NAME, "好的，没有入账，这笔款还挂着。")
    done = await deps.db.write(
        assign_row,
        facts["row_id"],
        facts["unit_id"],
        actor=Actor(staff_id=staff.staff_id),
        now=turn.now,
    )
    text = f"已认领：{done.unit_label} {words.money(done.amount_fen)}，收据 {done.receipt_no}。"
    return OutgoingMessage(NAME, f"{text}\n住户会收到收据。")


INTENT = Intent(name=NAME, answer=answer, go_on=go_on, said_as=SAID_AS)
