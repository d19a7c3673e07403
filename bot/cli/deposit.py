"""`wuyebot deposit`: ask for a deposit (押金), inspect, deduct with evidence, give it back."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from bot.cli.acting import (
    community_or_exit,
    day_or_exit,
    read_books,
    staff_or_exit,
    unit_or_exit,
    write_books,
)
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from storage.audit import Actor
from storage.charge_errors import UnknownDeposit
from storage.database import Database
from storage.errors import NotAnAmount
from storage.kinds import Account, Payer
from storage.money import from_yuan, yuan
from storage.operations.deposit_asks import DepositAsk, ask_for_deposit
from storage.operations.deposit_returns import OfflineReturn, return_by_refund, return_offline
from storage.operations.deposits import Inspection, inspect
from storage.operations.refunds import RefundView
from storage.operations.tariffs import fee_item_ids
from storage.periods import shanghai_day
from storage.queries.deposits import HeldDeposit, deposits_held
from storage.queries.liable import liable_on, stays_in

command = typer.Typer(add_completion=False, help="押金：收、验收、扣、退")

CommunityArgument = Annotated[str, typer.Argument(help="小区名称")]
BillArgument = Annotated[str, typer.Argument(help="押金账单号，见 wuyebot deposit show")]
StaffOption = Annotated[str, typer.Option("--staff", help="经办人的手机号")]

WAYS: Final = {"现金": Account.CASH, "转账": Account.BANK}


@command.command("show")
def show(
    community: CommunityArgument, config: ConfigOption = None, folder: FolderOption = None
) -> None:
    """Print the deposits that are held."""

    async def read(db: Database) -> list[HeldDeposit]:
        return await db.read(deposits_held, await community_or_exit(db, community))

    found = read_books(database_url(config, folder), read)
    for one in found:
        state = "已验收" if one.inspected_at else "未验收"
        less = f"，扣 {yuan(one.deducted_fen)}" if one.deducted_fen else ""
        typer.echo(
            f"{one.bill_no}  {one.unit_label} {one.purpose} {yuan(one.amount_fen)}元{less}，"
            f"还有 {yuan(one.left_fen)}元  {state}"
        )
    if not found:
        typer.echo("没有押金在账上。")


@command.command("ask")
def ask(
    community: CommunityArgument,
    fee_item: Annotated[str, typer.Argument(help="收费项目，例如 装修押金")],
    unit: Annotated[str, typer.Argument(help="房号，例如 3-2-1201")],
    amount: Annotated[str, typer.Argument(help="多少元")],
    staff: StaffOption,
    purpose: Annotated[str, typer.Option(help="为什么收")] = "装修",
    due: Annotated[str, typer.Option(help="应缴日，默认今天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Bill a deposit to a flat's owner. Stop a running SQLite bot first."""
    amount_fen, now = _fen(amount), datetime.now(UTC)
    due_on = day_or_exit(due, otherwise=shanghai_day(now))

    async def write(db: Database) -> str | None:
        community_id = await community_or_exit(db, community)
        found = await unit_or_exit(db, community_id, unit)
        items = await db.read(fee_item_ids, community_id, {})
        if fee_item not in items:
            raise UnknownDeposit(fee_item)
        stays = await db.read(stays_in, [found.unit_id])
        liable_id = liable_on(stays.get(found.unit_id, ()), Payer.OWNER, shanghai_day(now))
        asked = DepositAsk(found.unit_id, items[fee_item], amount_fen, due_on, purpose, liable_id)
        return await db.write(ask_for_deposit, asked, actor=await _actor(db, staff), now=now)

    bill_no = write_books(database_url(config, folder), write)
    typer.echo(f"已出押金账单 {bill_no}。" if bill_no else "这个月已经出过这笔押金账单了。")


@command.command("inspect")
def inspect_(
    bill_no: BillArgument,
    staff: StaffOption,
    deduct: Annotated[str, typer.Option(help="扣多少元，不扣不写")] = "0",
    evidence: Annotated[str, typer.Option(help="凭据：照片、记录放在哪里，看到什么")] = "",
    agreed: Annotated[str, typer.Option(help="住户怎么同意的，例如 业主签字")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Note what an inspection found; deducting needs evidence and the payer's consent."""

    async def write(db: Database) -> int:
        found = Inspection(bill_no, _fen(deduct), evidence, agreed)
        actor = await _actor(db, staff)
        return await db.write(inspect, found, actor=actor, now=datetime.now(UTC))

    left_fen = write_books(database_url(config, folder), write)
    typer.echo(f"已验收，还有 {yuan(left_fen)} 元可以退。")


@command.command("return")
def return_(
    bill_no: BillArgument,
    staff: StaffOption,
    way: Annotated[str, typer.Option(help="怎么退：原路、现金、转账")] = "原路",
    amount: Annotated[str, typer.Option(help="现金、转账退了多少元")] = "",
    voucher: Annotated[str, typer.Option(help="现金、转账的凭证号")] = "",
    reason: Annotated[str, typer.Option(help="原因")] = "验收合格",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Give a deposit back: the way it came (another manager approves), or note what was paid."""
    url = database_url(config, folder)
    if way == "原路":
        view = write_books(url, lambda db: _by_refund(db, bill_no, staff, reason))
        typer.echo(f"已申请原路退款 {view.refund_no}，{yuan(view.amount_fen)} 元，等经理审批。")
        return
    if way not in WAYS:
        fail(f"“{way}”看不懂；怎么退写 原路、{'、'.join(WAYS)}。")
    given = OfflineReturn(bill_no, _fen(amount or "0"), WAYS[way], voucher)

    async def write(db: Database) -> int:
        actor = await _actor(db, staff)
        return await db.write(return_offline, given, actor=actor, now=datetime.now(UTC))

    typer.echo(f"已登记，账上还有 {yuan(write_books(url, write))} 元押金。")


async def _by_refund(db: Database, bill_no: str, staff: str, reason: str) -> RefundView:
    actor, now = await _actor(db, staff), datetime.now(UTC)
    return await db.write(return_by_refund, bill_no, reason=reason, actor=actor, now=now)


def _fen(text: str) -> int:
    try:
        return from_yuan(text)
    except NotAnAmount:
        fail(f"{text} 不是金额，写成 1234.50 这样。")


async def _actor(db: Database, phone: str) -> Actor:
    return Actor(await staff_or_exit(db, phone))
