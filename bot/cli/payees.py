"""`wuyebot payee`: who collects which fee: merchant, bank account, invoices (收款主体)."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from bot.cli.acting import community_or_exit, day_or_exit, read_books, write_books
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from storage.database import Database
from storage.operations.payees import PayeeFacts, choose_payee, make_default, write_payee
from storage.periods import shanghai_day
from storage.queries.estate import fee_item_named
from storage.queries.payees import Payee, all_payees

command = typer.Typer(add_completion=False, help="收款主体")

NameArgument = Annotated[str, typer.Argument(help="公司全称")]


@command.command("add")
def add(
    name: NameArgument,
    tax_no: Annotated[str, typer.Option(help="纳税人识别号")] = "",
    address: Annotated[str, typer.Option(help="地址")] = "",
    phone: Annotated[str, typer.Option(help="电话")] = "",
    bank: Annotated[str, typer.Option(help="开户行")] = "",
    account: Annotated[str, typer.Option(help="银行账号")] = "",
    gateways: Annotated[str, typer.Option(help="替它收款的支付方式，逗号分开；默认全部")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Write a payee down, or change what is known of it. Stop a running SQLite bot first."""
    named = tuple(filter(None, map(str.strip, gateways.replace("，", ",").split(","))))
    facts = PayeeFacts(name, tax_no, address, phone, bank, account, named)
    if not name.strip():
        fail("没有写公司全称。")

    async def work(db: Database) -> int:
        return await db.write(write_payee, facts, now=datetime.now(UTC))

    write_books(database_url(config, folder), work)
    typer.echo(f"已登记 {name.strip()}。")


@command.command("choose")
def choose(
    name: NameArgument,
    community: Annotated[str, typer.Argument(help="小区名称，写“其余”就是没有另外指定的小区")],
    item: Annotated[str, typer.Option(help="收费项目，不写就是这个小区的全部")] = "",
    since: Annotated[str, typer.Option("--from", help="从哪天起，默认今天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Say which fees a payee collects from a day on. Stop a running SQLite bot first."""
    now = datetime.now(UTC)
    day = day_or_exit(since, otherwise=shanghai_day(now))

    async def work(db: Database) -> None:
        payee = await _payee_or_exit(db, name)
        if community == "其余":
            await db.write(make_default, payee.payee_id, now=now)
            return
        community_id = await community_or_exit(db, community)
        item_id = await _item_or_exit(db, community_id, item) if item else None
        await db.write(
            choose_payee,
            payee.payee_id,
            community_id=community_id,
            fee_item_id=item_id,
            effective_on=day,
            now=now,
        )

    write_books(database_url(config, folder), work)
    typer.echo(f"从 {day} 起，{community}{item or '的费用'}由 {name} 收取。")


@command.command("list")
def list_(config: ConfigOption = None, folder: FolderOption = None) -> None:
    """Print every payee."""

    async def work(db: Database) -> list[Payee]:
        return await db.read(all_payees)

    for one in read_books(database_url(config, folder), work):
        ways = "、".join(one.gateways) or "全部支付方式"
        account = f"{one.bank_name} {one.bank_account}".strip() or "没有登记账号"
        typer.echo(f"{one.name}  {account}  {ways}")


async def _payee_or_exit(db: Database, name: str) -> Payee:
    known = {one.name: one for one in await db.read(all_payees)}
    if name.strip() not in known:
        fail(f"没有叫“{name}”的收款主体；先用 wuyebot payee add 登记。")
    return known[name.strip()]


async def _item_or_exit(db: Database, community_id: int, name: str) -> int:
    found = await db.read(fee_item_named, community_id, name)
    if found is None:
        fail(f"这个小区没有收费项目“{name}”。")
    return found
