"""Rows of the bank for Ms Li's world: a transfer that is awaited, and what came."""

from dataclasses import replace
from datetime import timedelta

from bot.gateways.bank_transfer import code_of
from storage.operations.bank_rows import BankAccount, take_rows
from storage.operations.orders import OpenOrder, note_prepay, open_order
from storage.ports.bank import BankLine
from storage.ports.payments import Collection, TradeKind
from tests.factories import NOW
from tests.storage.operations.stage import Stage

ACCOUNT = BankAccount("1202026219900012345", "bank_transfer")
OWED = 25_060


def line(serial: str, fen: int, memo: str = "", name: str = "张三", **more) -> BankLine:
    made = BankLine(
        row_key=f"{ACCOUNT.account_no}:{serial}",
        booked_at=NOW + timedelta(hours=1),
        amount_fen=fen,
        balance_fen=None,
        payer_name=name,
        payer_account="6222020200012345678",
        memo=memo,
        serial=serial,
    )
    return replace(made, **more)


async def awaited(stage: Stage, bill_ids) -> OpenOrder:
    """Open a transfer, with its code on it."""
    ask = replace(
        stage.ask(bill_ids),
        gateway="bank_transfer",
        kind=TradeKind.NATIVE,
        merchant_id=ACCOUNT.account_no,
        app_id="",
        payer_id="",
    )
    order = await stage.db.write(open_order, ask, now=stage.now)
    code = Collection(prepay_id=code_of(order.order_no))
    await stage.db.write(note_prepay, order.order_no, code, now=stage.now)
    return order


async def take(stage: Stage, *lines: BankLine) -> dict[str, int]:
    taken = await stage.db.write(take_rows, lines, ACCOUNT, source="test", now=stage.now)
    return dict(taken.states)
