"""Taking back what was written down wrongly (冲正 V… 原因): its own cashier, before her close."""

import unicodedata
from typing import Final

from handlers import words
from handlers.deps import HandlerDeps
from handlers.staff.office import COUNTERS, office, rest_of, without
from handlers.staff.words import WORDS
from handlers.turn import Intent, Turn
from storage.lazy import regex
from storage.operations.offline import void_voucher
from storage.ports.chat import OutgoingMessage

NAME: Final = "staff_cash_void"
SAID_AS: Final = WORDS["cash_void"]
_VOUCHER_NO: Final = regex(r"V[0-9]{11}(?![0-9])")


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Void the voucher named, with the reason. Raises what `void_voucher` raises."""
    staff = office(turn, *COUNTERS)
    rest = rest_of(turn, SAID_AS)
    match = _VOUCHER_NO.search(unicodedata.normalize("NFKC", rest).upper())
    if match is None:
        return OutgoingMessage(
            NAME, "冲正哪一笔？请写上凭证号和原因，比如“冲正 V26112300001 金额输错”。"
        )
    reason = words.shorten(without(rest, match.group()), 80).rstrip("。.")
    done = await deps.db.write(void_voucher, match.group(), reason=reason, by=staff, now=turn.now)
    return OutgoingMessage(
        NAME,
        words.lines(
            f"已冲正 {done.voucher_no}：{words.money(done.amount_fen)}，"
            f"收据 {done.receipt_no} 作废。",
            "账单恢复为待缴，住户会收到说明；钱如果收了，请当面退还。",
        ),
    )


INTENT = Intent(name=NAME, answer=answer, said_as=SAID_AS)
