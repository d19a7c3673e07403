"""`wuyebot tax-invoice`: applications for invoices, the bureau's sheets, issued files (发票)."""

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli.acting import (
    community_or_exit,
    day_or_exit,
    read_books,
    staff_or_exit,
    write_books,
)
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from bot.spreadsheets.reading import read_workbook
from bot.spreadsheets.tax_invoices import read_results, write_batch
from storage.audit import Actor
from storage.database import Database
from storage.lazy import regex
from storage.money import yuan
from storage.operations.tax_batches import export_batch
from storage.operations.tax_codes import set_tax_code
from storage.operations.tax_invoices import (
    FILE_LIMIT,
    BureauNumber,
    decline_tax_invoice,
    keep_file,
    note_all_issued,
    note_issued,
)
from storage.paying_kinds import TaxInvoiceState
from storage.periods import shanghai_day
from storage.queries.estate import all_communities, fee_item_named
from storage.queries.tax_invoices import TaxInvoiceView, tax_invoices_by_key, tax_invoices_in

command = typer.Typer(add_completion=False, help="发票")

CommunityArgument = Annotated[str, typer.Argument(help="小区名称")]
NumberArgument = Annotated[str, typer.Argument(help="申请编号，例如 F26112300001")]
ByOption = Annotated[str, typer.Option("--by", help="经办人的手机号")]

STATES: Final = {
    TaxInvoiceState.APPLIED: "待开",
    TaxInvoiceState.EXPORTED: "已导出",
    TaxInvoiceState.ISSUED: "已开",
    TaxInvoiceState.DECLINED: "已驳回",
    TaxInvoiceState.REDDENED: "已红冲",
}
WAITING: Final = (TaxInvoiceState.APPLIED, TaxInvoiceState.EXPORTED)
_CODE: Final = regex("[0-9]{19}")


@command.command("list")
def list_(config: ConfigOption = None, folder: FolderOption = None) -> None:
    """Print every application that waits, red letters too."""

    async def work(db: Database) -> list[TaxInvoiceView]:
        ids = [one.community_id for one in await db.read(all_communities)]
        return await db.read(tax_invoices_in, ids, WAITING)

    found = read_books(database_url(config, folder), work)
    for one in found:
        red = "红冲 " if one.is_red else ""
        typer.echo(
            f"{one.application_no}  {red}{STATES[one.state]}  {one.community_name} {one.unit_label}"
            f"  {one.title} {one.tax_no}  {yuan(one.amount_fen)} 元"
        )
    if not found:
        typer.echo("没有等着开的发票。")


@command.command("code")
def code(
    community: CommunityArgument,
    item: Annotated[str, typer.Argument(help="收费项目")],
    tax_code: Annotated[str, typer.Argument(help="税收分类编码，19 位")],
    rate: Annotated[str, typer.Argument(help="税率，百分之几，例如 6")],
    since: Annotated[str, typer.Option("--from", help="从哪天起，默认今天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Give a fee its tax code and rate from a day on. Stop a running SQLite bot first."""
    now = datetime.now(UTC)
    day = day_or_exit(since, otherwise=shanghai_day(now))
    if _CODE.fullmatch(tax_code) is None:
        fail(f"{tax_code} 不是税收分类编码，应是 19 位数字。")
    rate_e4 = _rate(rate)

    async def work(db: Database) -> None:
        community_id = await community_or_exit(db, community)
        item_id = await db.read(fee_item_named, community_id, item)
        if item_id is None:
            fail(f"这个小区没有收费项目“{item}”。")
        await db.write(set_tax_code, item_id, tax_code, rate_e4, effective_on=day, now=now)

    write_books(database_url(config, folder), work)
    typer.echo(f"已登记，{item}从 {day} 起：编码 {tax_code}，税率 {rate}%。")


@command.command("export")
def export(
    community: CommunityArgument,
    file: Annotated[Path, typer.Argument(help="写到哪个 .xlsx 文件")],
    by: ByOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Write what waits into the sheet for the bureau's bulk issue. Stop a running SQLite bot."""
    now = datetime.now(UTC)

    async def work(db: Database) -> tuple[str, int]:
        community_id = await community_or_exit(db, community)
        actor = Actor(await staff_or_exit(db, by))
        batch_no, keys = await db.write(export_batch, community_id, actor=actor, now=now)
        if keys:
            write_batch(file, batch_no, await db.read(tax_invoices_by_key, keys))
        return batch_no, len(keys)

    batch_no, count = write_books(database_url(config, folder), work)
    typer.echo(f"批次 {batch_no}：{count} 张，已写到 {file}。" if count else "没有等着开的发票。")


@command.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="税务系统导出的开票结果 .xlsx")],
    by: ByOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Take the bureau's results in, all of them or none. Stop a running SQLite bot first."""
    taken = read_results(read_workbook(file))
    if taken.problems:
        for problem in taken.problems:
            typer.echo(f"! {problem}")
        fail(f"没有登记任何内容：{len(taken.problems)} 处有问题，请改正后重试。")

    async def work(db: Database) -> int:
        actor, now = Actor(await staff_or_exit(db, by)), datetime.now(UTC)
        return await db.write(note_all_issued, taken.rows, actor=actor, now=now)

    count = write_books(database_url(config, folder), work)
    typer.echo(
        f"已登记 {count} 张，其余之前登记过。"
        if count < len(taken.rows)
        else f"已登记 {count} 张。"
    )


@command.command("issued")
def issued(
    application_no: NumberArgument,
    number: Annotated[str, typer.Argument(help="发票号码")],
    by: ByOption,
    on: Annotated[str, typer.Option("--on", help="开票日期，默认今天")] = "",
    file: Annotated[Path | None, typer.Option("--file", help="票面文件 PDF、OFD 或 XML")] = None,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Write down one issued invoice or red letter, with its file. Stop a running SQLite bot."""
    now = datetime.now(UTC)
    given = BureauNumber(application_no.upper(), number, _day(on, now))
    content = _content(file) if file is not None else b""

    async def work(db: Database) -> None:
        actor = Actor(await staff_or_exit(db, by))
        await db.write(note_issued, given, actor=actor, now=now)
        if file is not None:
            await db.write(
                keep_file, given.application_no, file.name, content, actor=actor, now=now
            )

    write_books(database_url(config, folder), work)
    typer.echo(f"{given.application_no} 已登记，住户会收到通知。")


@command.command("decline")
def decline(
    application_no: NumberArgument,
    reason: Annotated[str, typer.Argument(help="住户会看到的原因")],
    by: ByOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Decline an application with a reason. Stop a running SQLite bot first."""
    if not reason.strip():
        fail("请写明原因，住户会看到。")

    async def work(db: Database) -> None:
        actor = Actor(await staff_or_exit(db, by))
        now = datetime.now(UTC)
        await db.write(decline_tax_invoice, application_no, reason.strip(), actor=actor, now=now)

    write_books(database_url(config, folder), work)
    typer.echo(f"{application_no} 已驳回，住户会收到原因。")


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(FILE_LIMIT + 1)
    except OSError as trouble:
        fail(f"{file} 读不了：{trouble.strerror}。")


def _day(text: str, now: datetime) -> date:
    return day_or_exit(text, otherwise=shanghai_day(now))


def _rate(percent: str) -> int:
    try:
        rate = Decimal(percent.rstrip("%")) * 100
    except InvalidOperation:
        fail(f"{percent} 不是税率，写成 6 这样。")
    if not 0 <= rate <= 1700 or rate != rate.to_integral_value():
        fail(f"{percent} 不是税率，应在 0 到 17 之间。")
    return int(rate)
