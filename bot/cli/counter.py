"""`wuyebot cash`: take money over the counter, void, close the day, pay out; works without chat."""

import secrets
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Annotated, Final

import typer

from bot.cli.acting import (
    CommunityArgument,
    StaffOption,
    UnitArgument,
    community_or_exit,
    day_or_exit,
    person_or_exit,
    read_books,
    unit_or_exit,
    write_as,
    write_books,
)
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from bot.cli.printing import press_of
from handlers.staff.cash_words import CALLED
from storage.database import Database
from storage.errors import NotAnAmount
from storage.links import Links
from storage.money import from_yuan, yuan
from storage.operations.cashier_days import HandIn, close_day, receive_sheet
from storage.operations.offline import Recorded, Voided, take_money, void_voucher
from storage.operations.payouts import PaidOut, Payee, note_payout, request_payout
from storage.operations.refunds import RefundAskedFor
from storage.paying_kinds import CashMethod
from storage.periods import shanghai_day
from storage.queries.counter import CounterAsk, voucher_of
from storage.queries.hand_ins import Sheet, sheet_of, sheet_to_be

command = typer.Typer(add_completion=False, help="收银：收款、冲正、日结、付退款、收款台链接")

METHODS: Final = {
    "现金": CashMethod.CASH,
    "刷卡": CashMethod.POS,
    "支票": CashMethod.CHEQUE,
    "收款码": CashMethod.STATIC_QR,
}

VoucherArgument = Annotated[str, typer.Argument(help="凭证号，例如 V26112300001")]
SheetArgument = Annotated[str, typer.Argument(help="交款单号，例如 J2611230001")]


@command.command("take")
def take(
    community: CommunityArgument,
    unit: UnitArgument,
    amount: Annotated[str, typer.Argument(help="多少元")],
    staff: StaffOption,
    method: Annotated[str, typer.Option(help="现金、刷卡、支票、收款码")] = "现金",
    reference: Annotated[str, typer.Option(help="小票号；支票号和银行")] = "",
    on: Annotated[str, typer.Option(help="补录：真正收到的日子，默认今天")] = "",
    rounding: Annotated[str, typer.Option(help="抹零多少元")] = "0",
    keep: Annotated[bool, typer.Option("--keep", help="多的存为预存款")] = False,  # noqa: FBT002
    key: Annotated[str, typer.Option(help="这一笔的代号；同一个代号只入账一次")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Take money: the oldest bills first. Stop a running SQLite bot first, or use the page."""
    if method not in METHODS:
        fail(f"“{method}”看不懂；方式写 {'、'.join(METHODS)}。")
    now = datetime.now(UTC)
    ask = CounterAsk(
        unit_id=0,
        method=METHODS[method],
        amount_fen=_fen(amount),
        request_key=f"cli:{key or secrets.token_hex(12)}"[:80],
        reference=reference,
        day_on=day_or_exit(on, otherwise=shanghai_day(now)),
        rounding_fen=_fen(rounding),
        keeps_surplus=keep,
    )

    async def write(db: Database) -> Recorded:
        community_id = await community_or_exit(db, community)
        found = await unit_or_exit(db, community_id, unit)
        by = await person_or_exit(db, staff)
        return await db.write(take_money, replace(ask, unit_id=found.unit_id), by=by, now=now)

    taken = write_books(database_url(config, folder), write)
    typer.echo(
        f"{'已入账' if taken.is_new else '以前入过账'} {yuan(taken.amount_fen)} 元，"
        f"凭证 {taken.voucher_no}，收据 {taken.receipt_no}。"
    )


@command.command("void")
def void(
    voucher: VoucherArgument,
    reason: Annotated[str, typer.Argument(help="原因")],
    staff: StaffOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Take back what was written down wrongly: its own cashier, before her close."""
    done: Voided = write_as(
        database_url(config, folder),
        staff,
        lambda db, by, now: db.write(void_voucher, voucher, reason=reason, by=by, now=now),
    )
    typer.echo(
        f"已冲正 {done.voucher_no}，{yuan(done.amount_fen)} 元，收据 {done.receipt_no} 作废。"
    )


@command.command("close")
def close(
    community: CommunityArgument,
    handed_in: Annotated[str, typer.Argument(help="实交现金多少元")],
    staff: StaffOption,
    slip: Annotated[str, typer.Option(help="银行存款单号")] = "",
    note: Annotated[str, typer.Option(help="备注")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Close a cashier's day; nothing of it can be voided afterwards."""
    handed_in_fen = _fen(handed_in)

    async def write(db: Database) -> Sheet:
        community_id = await community_or_exit(db, community)
        hand_in = HandIn(community_id, handed_in_fen, slip, note)
        by = await person_or_exit(db, staff)
        return await db.write(close_day, hand_in, by=by, now=datetime.now(UTC))

    _print(write_books(database_url(config, folder), write))


@command.command("sheet")
def sheet(
    staff: StaffOption,
    number: Annotated[str, typer.Argument(help="交款单号；不写是还没有日结的")] = "",
    community: Annotated[str, typer.Option(help="小区名称，看没有日结的要写")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print a hand-in sheet, or what waits for the close."""

    async def read(db: Database) -> Sheet:
        by = await person_or_exit(db, staff)
        if number:
            return await db.read(sheet_of, number, community_ids=by.community_ids)
        community_id = await community_or_exit(db, community)
        today = shanghai_day(datetime.now(UTC))
        return await db.read(sheet_to_be, by=by, community_id=community_id, today=today)

    _print(read_books(database_url(config, folder), read))


@command.command("receive")
def receive(
    number: SheetArgument,
    staff: StaffOption,
    slip: Annotated[str, typer.Option(help="银行存款单号")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Take a colleague's money over."""
    received = write_as(
        database_url(config, folder),
        staff,
        lambda db, by, now: db.write(receive_sheet, number, by=by, now=now, deposit_slip_no=slip),
    )
    _print(received)


@command.command("refund")
def refund(
    voucher: VoucherArgument,
    amount: Annotated[str, typer.Argument(help="退多少元")],
    staff: StaffOption,
    reason: Annotated[str, typer.Option(help="原因")],
    name: Annotated[str, typer.Option(help="收款户名")],
    account: Annotated[str, typer.Option(help="收款账号")],
    bank: Annotated[str, typer.Option(help="开户银行")],
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Ask for a refund by transfer; a manager agrees in chat, then a second person pays."""
    amount_fen = _fen(amount)

    async def write(db: Database) -> str:
        by = await person_or_exit(db, staff)
        found = await db.read(voucher_of, voucher, community_ids=by.community_ids)
        key = f"cli:{voucher}:{amount_fen}"
        asked = RefundAskedFor(found.payment_id or 0, amount_fen, "asked", reason, key)
        payee = Payee(name, account, bank)
        return await db.write(request_payout, asked, payee, by=by, now=datetime.now(UTC))

    typer.echo(f"已申请退款 {write_books(database_url(config, folder), write)}，等经理审批。")


@command.command("paid-out")
def paid_out(
    refund_no: Annotated[str, typer.Argument(help="退款编号，例如 T261123000001")],
    staff: StaffOption,
    slip: Annotated[str, typer.Option(help="转账回单号")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Note that an agreed refund was handed over; not by who agreed to it."""
    paid: PaidOut = write_as(
        database_url(config, folder),
        staff,
        lambda db, by, now: db.write(note_payout, refund_no, reference=slip, by=by, now=now),
    )
    typer.echo(
        f"已登记退款 {paid.refund_no}：{CALLED[paid.method]} {yuan(paid.amount_fen)} 元，"
        f"凭证 {paid.voucher_no}。"
    )


@command.command("link")
def link(
    staff: StaffOption,
    day: Annotated[str, typer.Option(help="哪天有效，默认今天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print the counter's address for a cashier, of one day; needs no WeChat."""
    press = press_of(config, folder)

    async def read(db: Database) -> int:
        return (await person_or_exit(db, staff)).staff_id

    staff_id = read_books(press.database_url, read)
    on: date = day_or_exit(day, otherwise=shanghai_day(datetime.now(UTC)))
    typer.echo(Links(press.secret, press.base_url).counter_url(staff_id, day=on))


def _fen(text: str) -> int:
    try:
        return from_yuan(text)
    except NotAnAmount:
        fail(f"{text} 不是金额，写成 260.50 这样。")


def _print(one: Sheet) -> None:
    sums = one.sums
    typer.echo(f"交款单 {one.sheet_no or '（还没有日结）'} {one.community_name} {one.staff_name}")
    typer.echo(
        f"{one.day_on} 凭证 {one.counted} 笔，收据 {one.first_receipt_no or '无'}"
        f" 到 {one.last_receipt_no or '无'}"
    )
    for voucher in one.vouchers:
        gone = f"  冲正：{voucher.void_reason}" if voucher.voided_at else ""
        typer.echo(
            f"  {voucher.voucher_no} {voucher.unit_label} {CALLED[voucher.method]} "
            f"{yuan(voucher.amount_fen)} {voucher.receipt_no} {voucher.reference}{gone}".rstrip()
        )
    typer.echo(
        f"应交现金 {yuan(sums.cash_due_fen)}，刷卡 {yuan(sums.pos_fen)}，"
        f"支票 {yuan(sums.cheque_fen)}，收款码 {yuan(sums.static_qr_fen)}"
    )
    if one.sheet_no:
        typer.echo(
            f"实交现金 {yuan(one.handed_in_fen)}，差额 {yuan(one.over_fen)}，"
            f"存款单 {one.deposit_slip_no or '无'}，接收人 {one.received_by or '无'}"
        )
