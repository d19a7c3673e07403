"""`wuyebot bills`: what a month would bill, issuing it, and correcting a bill."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from bot.cli.acting import community_or_exit, read_books, staff_or_exit, write_books
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from storage.audit import Actor
from storage.database import Database
from storage.money import yuan
from storage.operations.bills import announce
from storage.operations.corrections import Correction, correct_bill
from storage.operations.issuing import IssueReport, issue_bills
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.corrections import bill_numbered
from storage.queries.dues import DueBills, Missing, bills_due
from storage.queries.pricing import SkipReason

command = typer.Typer(add_completion=False, help="出账")

CommunityArgument = Annotated[str, typer.Argument(help="小区名称")]
MonthArgument = Annotated[str, typer.Argument(help="月份，例如 2026-12")]

REASONS: Final = {
    SkipReason.AREA_MISSING: "没有面积",
    SkipReason.READING_MISSING: "没有读数",
    SkipReason.READING_LOWER: "读数比上次小",
    SkipReason.HEADS_MISSING: "没有人数",
    SkipReason.INPUT_MISSING: "缺少计费资料",
    SkipReason.INPUT_REFUSED: "计费资料不对",
    SkipReason.TARIFF_GAP: "有几天没有收费标准",
    SkipReason.TARIFF_OVERLAPS: "收费标准重叠",
    SkipReason.FORMULA_FAILS: "公式算不出来",
    SkipReason.AMOUNT_ZERO: "金额是零，不用出账",
    SkipReason.NOT_OVER: "后收的费用，还没有到日子",
    SkipReason.PERIOD_TAKEN: "同一账期已有别的日期的账单",
    SkipReason.PERIOD_CLOSED: "账期已结账",
    SkipReason.PARTY_CHANGED: "已出的账单里有几天换了交费人，请更正或按约定处理",
}


@command.command("preview")
def preview(
    community: CommunityArgument,
    month: MonthArgument,
    shown: Annotated[int, typer.Option("--rows", help="列出前几笔账单")] = 10,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print what a month would bill, by fee, and each unit that misses something."""
    period = month_or_exit(month)

    async def look(db: Database) -> DueBills:
        return await db.read(
            bills_due,
            community_id=await community_or_exit(db, community),
            period=period,
            today=shanghai_day(datetime.now(UTC)),
        )

    due = read_books(database_url(config, folder), look)
    counts: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for bill in due.new:
        counts[bill.scheme.item_name] += 1
        totals[bill.scheme.item_name] += bill.priced.amount_fen
    for name in sorted(counts):
        typer.echo(f"{name}  {counts[name]} 笔  {yuan(totals[name])}元")
    for bill in due.new[: max(shown, 0)]:
        told = json.loads(bill.priced.explanation)["sum"]
        typer.echo(f"  {bill.unit_label} {bill.scheme.item_name} {told}")
    _print_missing(due.missing)
    typer.echo(f"预览：将出账 {len(due.new)} 笔，已有 {due.repeated} 笔；尚未写入。")


@command.command("issue")
def issue(
    community: CommunityArgument,
    month: MonthArgument,
    tell: Annotated[bool, typer.Option("--tell", help="出账后通知住户")] = False,  # noqa: FBT002
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Issue a month's bills, each once. Stop a running SQLite bot first."""
    period, now = month_or_exit(month), datetime.now(UTC)

    async def work(db: Database) -> tuple[IssueReport, int]:
        community_id = await community_or_exit(db, community)
        made = await db.write(issue_bills, community_id=community_id, period=period, now=now)
        if not tell:
            return made, 0
        told = await db.write(announce, community_id=community_id, period=period, now=now)
        return made, told

    made, told = write_books(database_url(config, folder), work)
    _print_missing(made.missing)
    total = yuan(sum(made.totals.values()))
    typer.echo(f"已出账 {made.issued} 笔，共 {total}元；原来就有 {made.repeated} 笔。")
    if told:
        typer.echo(f"已通知 {told} 人。")


@command.command("correct")
def correct(
    bill_no: Annotated[str, typer.Argument(help="账单号，例如 B2026-11-000001")],
    reason: Annotated[str, typer.Option(help="为什么更正，会留在账上")],
    by: Annotated[str, typer.Option(help="经办同事的手机号")],
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Void a bill and make it anew from what is known now. Stop a running SQLite bot first."""
    if not reason.strip():
        fail("请写明更正的原因：--reason。")

    async def work(db: Database) -> Correction:
        staff_id = await staff_or_exit(db, by)
        bill_id = await db.read(bill_numbered, bill_no)
        return await db.write(
            correct_bill,
            bill_id=bill_id,
            reason=reason,
            actor=Actor(staff_id=staff_id),
            now=datetime.now(UTC),
        )

    made = write_books(database_url(config, folder), work)
    typer.echo(
        f"{made.bill_no}（{yuan(made.amount_fen)}元）已作废；"
        f"新账单 {made.new_no}（{yuan(made.new_amount_fen)}元）。"
    )
    for bill_no, amount_fen in made.others:
        typer.echo(f"另有几天是别的交费人的，新账单 {bill_no}（{yuan(amount_fen)}元）。")
    if made.is_after_close:
        typer.echo("原账单的月份已结账，数字不动；差额记在这个月。")


def month_or_exit(said: str) -> BillingPeriod:
    """Read a month, or end."""
    try:
        return BillingPeriod.parse(said)
    except ValueError:
        fail(f"{said} 不是月份，写成 2026-12 这样。")


def _print_missing(missing: Iterable[Missing]) -> None:
    for one in missing:
        detail = f"（{one.detail}）" if one.detail and one.reason not in _PLAIN else ""
        typer.echo(f"! {one.unit_label} {one.item_name} {one.period} {REASONS[one.reason]}{detail}")


_PLAIN: Final = (SkipReason.AREA_MISSING, SkipReason.READING_MISSING, SkipReason.HEADS_MISSING)
