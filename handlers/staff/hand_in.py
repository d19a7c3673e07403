"""Taking a cashier's money over (接收交款 J…), and looking at a hand-in sheet (交款单 J…)."""

import unicodedata
from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.cash_words import slip_in
from handlers.staff.day_close import over_words, sheet_lines
from handlers.staff.office import COUNTERS, office, rest_of, without
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.lazy import regex
from storage.operations.cashier_days import receive_sheet
from storage.ports.chat import OutgoingMessage
from storage.queries.hand_ins import sheet_of

NAME: Final = "staff_hand_in"
SAID_AS: Final = WORDS["hand_in"]
RECEIVE: Final = SAID_AS[0]
_SHEET_NO: Final = regex(r"J[0-9]{10}(?![0-9])")


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Receive the sheet named, or show it. Raises UnknownSheet, SelfApproval."""
    staff = office(turn, *COUNTERS)
    rest = unicodedata.normalize("NFKC", rest_of(turn, SAID_AS)).upper()
    match = _SHEET_NO.search(rest)
    if match is None:
        return OutgoingMessage(NAME, f"哪一张？请写上编号，比如“{RECEIVE} J2611230001”。")
    if not turn.message.text.strip().startswith(RECEIVE):
        sheet = await deps.db.read(sheet_of, match.group(), community_ids=staff.community_ids)
        begun = f"交款单 {sheet.sheet_no}：{sheet.staff_name} {words.day(sheet.day_on)}"
    else:
        sheet = await deps.db.write(
            receive_sheet,
            match.group(),
            by=staff,
            now=turn.now,
            deposit_slip_no=slip_in(without(rest, match.group())),
        )
        begun = f"已接收 {sheet.staff_name} {words.day(sheet.day_on)}的交款单 {sheet.sheet_no}："
    return OutgoingMessage(
        NAME,
        words.lines(
            begun,
            *sheet_lines(sheet),
            f"实交现金 {words.money(sheet.handed_in_fen)}，{over_words(sheet.over_fen)}。",
            f"存款单 {sheet.deposit_slip_no}" if sheet.deposit_slip_no else "",
            f"接收人 {sheet.received_by}" if sheet.received_by else "还没有人接收。",
        ),
    )


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
