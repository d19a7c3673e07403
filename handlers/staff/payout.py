"""Noting that a refund was handed over (已付退款 T…): the second person's word."""

from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.cash_words import CALLED, slip_in
from handlers.staff.office import COUNTERS, office, refund_no, rest_of, without
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.operations.payouts import note_payout
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_payout"
SAID_AS: Final = WORDS["payout"]


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Book the refund named as paid out. Raises what `note_payout` raises."""
    staff = office(turn, *COUNTERS)
    rest = rest_of(turn, SAID_AS)
    named = refund_no(rest)
    if not named:
        return OutgoingMessage(
            NAME,
            "付了哪一笔退款？请写上编号，比如“已付退款 T261123000001”，转账的再写“回单号 号码”。",
        )
    slip = slip_in(without(rest, named))
    paid = await deps.db.write(note_payout, named, reference=slip, by=staff, now=turn.now)
    return OutgoingMessage(
        NAME,
        words.lines(
            f"已登记退款 {paid.refund_no}：{paid.unit_label}，{CALLED[paid.method]} "
            f"{words.money(paid.amount_fen)}，凭证 {paid.voucher_no}。",
            "住户会收到通知，对应的账单恢复为待缴。",
        ),
    )


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
