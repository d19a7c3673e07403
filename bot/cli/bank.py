"""`wuyebot bank`: statement files in, what waits to be claimed, and claiming it (银行流水)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.acting import community_or_exit, read_books, staff_or_exit, unit_or_exit, write_books
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from bot.spreadsheets.bank_statements import BankStatement, read_statement
from handlers.staff.suspense import told
from storage.audit import Actor
from storage.database import Database
from storage.money import yuan
from storage.operations.bank_payouts import pay_to_another
from storage.operations.bank_rows import BankAccount, TakenRows, take_rows
from storage.operations.payouts import Payee
from storage.operations.suspense import Assigned, assign_row, dismiss_row
from storage.ports.bank import BankLine
from storage.queries.bank_rows import WaitingRow, balance_before, waiting_rows
from storage.queries.estate import all_communities
from storage.queries.residents import staff_member

command = typer.Typer(add_completion=False, help="银行流水")

RowArgument = Annotated[int, typer.Argument(help="挂账编号，见 wuyebot bank list")]
ByOption = Annotated[str, typer.Option("--by", help="经办人的手机号")]
STATES = {
    "matched": "自动销账",
    "suggested": "待确认",
    "suspense": "挂账",
    "settlement": "支付平台划付",
    "payout": "退款付出",
    "returned": "退汇",
    "other": "其他",
}


@command.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="网银下载的流水：csv、xls、xlsx")],
    account: Annotated[str, typer.Option("--account", help="账号；文件里没有写全时要填")] = "",
    gateway: Annotated[str, typer.Option(help="配置里的名称")] = "bank_transfer",
    apply: Annotated[bool, typer.Option("--apply", help="正式入账")] = False,  # noqa: FBT002
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print what a statement file holds; --apply books what is sure. Stop a SQLite bot first."""
    statement = read_statement(file, account_no=account)
    for problem in statement.problems:
        typer.echo(f"! {problem}")
    if statement.problems:
        fail(f"没有入账任何内容：{len(statement.problems)} 处有问题，请改正后重试。")
    number = account or statement.account_no
    if not number or "*" in number:
        fail("文件里没有完整的账号，请加 --account 账号。")
    incoming = sum(one.amount_fen for one in statement.rows if one.amount_fen > 0)
    days = f"{statement.first_on} 到 {statement.last_on}"
    typer.echo(f"{days}，{len(statement.rows)} 笔，收入合计 {yuan(incoming)} 元。")
    _compare(database_url(config, folder), statement, number)
    if not apply:
        typer.echo("预览，尚未入账；加 --apply 正式入账。")
        return
    lines = _lines(statement)

    async def work(db: Database) -> TakenRows:
        held = BankAccount(number, gateway)
        return await db.write(take_rows, lines, held, source=file.name, now=datetime.now(UTC))

    taken = write_books(database_url(config, folder), work)
    for state, count in taken.states:
        typer.echo(f"{STATES.get(state, state)} {count} 笔")
    typer.echo(f"新增 {taken.new} 笔，之前入过 {taken.repeated} 笔。")


def _compare(url: str, statement: BankStatement, account_no: str) -> None:
    """Say where the file does not begin with what the books knew last of the account."""
    opening, first_on = statement.opening_fen, statement.first_on
    if opening is None or first_on is None:
        return

    async def work(db: Database) -> int | None:
        return await db.read(balance_before, account_no, first_on)

    known = read_books(url, work)
    if known is not None and known != opening:
        typer.echo(
            f"! 期初余额 {yuan(opening)} 元，之前的流水最后是 {yuan(known)} 元：中间可能少了流水。"
        )


def _lines(statement: BankStatement) -> tuple[BankLine, ...]:
    return tuple(
        BankLine(
            row_key=one.line_key,
            booked_at=one.booked_at,
            amount_fen=one.amount_fen,
            balance_fen=one.balance_fen,
            payer_name=one.counterparty_name,
            payer_account=one.counterparty_account,
            memo=one.memo,
            serial=one.serial,
        )
        for one in statement.rows
    )


@command.command("list")
def list_(config: ConfigOption = None, folder: FolderOption = None) -> None:
    """Print the money that nobody has claimed."""

    async def work(db: Database) -> list[WaitingRow]:
        ids = [one.community_id for one in await db.read(all_communities)]
        return await db.read(waiting_rows, ids, limit=1000)

    found = read_books(database_url(config, folder), work)
    for one in found:
        typer.echo(told(one))
    if not found:
        typer.echo("没有挂账。")


@command.command("assign")
def assign(
    row: RowArgument,
    community: Annotated[str, typer.Argument(help="小区名称")],
    unit: Annotated[str, typer.Argument(help="房号，例如 3-2-1201")],
    by: ByOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Say for which unit a row was paid. Stop a running SQLite bot first."""

    async def work(db: Database) -> Assigned:
        community_id = await community_or_exit(db, community)
        found = await unit_or_exit(db, community_id, unit)
        actor = Actor(await staff_or_exit(db, by))
        now = datetime.now(UTC)
        return await db.write(assign_row, row, found.unit_id, actor=actor, now=now)

    done = write_books(database_url(config, folder), work)
    typer.echo(f"已认领：{done.unit_label} {yuan(done.amount_fen)} 元，收据 {done.receipt_no}。")


@command.command("dismiss")
def dismiss(
    row: RowArgument,
    reason: Annotated[str, typer.Argument(help="原因")],
    by: ByOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Say that a row is no resident's money. Stop a running SQLite bot first."""
    if not reason.strip():
        fail("请写明原因。")

    async def work(db: Database) -> None:
        actor = Actor(await staff_or_exit(db, by))
        await db.write(dismiss_row, row, reason.strip(), actor=actor, now=datetime.now(UTC))

    write_books(database_url(config, folder), work)
    typer.echo(f"{row}号已转出挂账。")


@command.command("another-account")
def another_account(
    refund: Annotated[str, typer.Argument(help="被银行退汇的退款编号，例如 T261123000001")],
    name: Annotated[str, typer.Option(help="收款户名")],
    account: Annotated[str, typer.Option(help="收款账号")],
    bank: Annotated[str, typer.Option(help="开户银行")],
    by: ByOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Ask to pay a returned refund to another account; a manager agrees, a second person pays."""

    async def work(db: Database) -> str:
        person = await db.read(staff_member, await staff_or_exit(db, by))
        if person is None:
            fail(f"没有手机号是 {by} 的在职人员；先用 wuyebot staff add 登记。")
        payee = Payee(name, account, bank)
        return await db.write(pay_to_another, refund, payee, by=person, now=datetime.now(UTC))

    number = write_books(database_url(config, folder), work)
    typer.echo(f"已换账号，新的退款编号 {number}，等经理审批。")
