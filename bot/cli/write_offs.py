"""`wuyebot write-off`: debts that nobody pays any more (坏账核销): asked, decided, taken back."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from typer import Argument, Option

from bot.cli.acting import (
    BillArgument,
    CommunityArgument,
    StaffOption,
    UnitArgument,
    bill_or_exit,
    community_or_exit,
    day_or_exit,
    person_or_exit,
    read_books,
    unit_or_exit,
    write_as,
    write_books,
)
from bot.cli.places import ConfigOption, FolderOption, database_url
from storage.database import Database
from storage.frozen import dataclass
from storage.money import yuan
from storage.operations.write_offs import (
    WriteOffAsk,
    approve_write_off,
    ask_write_off,
    decline_write_off,
    reverse_write_off,
)
from storage.paying_kinds import WriteOffState
from storage.periods import shanghai_day
from storage.queries.write_offs import (
    MonthOfBadDebt,
    WriteOffView,
    bad_debt_by_month,
    write_offs_standing,
    write_offs_waiting,
)

command = typer.Typer(add_completion=False, help="坏账核销：申请、审批、收回、报表")

STATES: Final = {
    WriteOffState.ASKED: "待审批",
    WriteOffState.APPROVED: "已核销",
    WriteOffState.DECLINED: "未通过",
    WriteOffState.REVERSED: "已收回",
}

NumberArgument = Annotated[str, Argument(help="核销编号，例如 HX261100001")]
ReasonArgument = Annotated[str, Argument(help="原因")]


@command.command("ask")
def ask(
    community: CommunityArgument,
    unit: UnitArgument,
    bill: BillArgument,
    reason: Annotated[str, Option(help="为什么收不回")],
    evidence: Annotated[str, Option(help="证据：判决书号、退回的催告函、公告等")],
    staff: StaffOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Ask to write off all that is open of a bill. Stop a running SQLite bot first."""
    now = datetime.now(UTC)

    async def write(db: Database) -> WriteOffView:
        community_id = await community_or_exit(db, community)
        found = await unit_or_exit(db, community_id, unit)
        by = await person_or_exit(db, staff)
        asked = WriteOffAsk(await bill_or_exit(db, found.unit_id, bill), reason, evidence)
        return await db.write(ask_write_off, asked, by=by, now=now)

    done = write_books(database_url(config, folder), write)
    typer.echo(f"已申请核销 {done.write_off_no} {yuan(done.amount_fen)} 元，要另一位经理同意。")


@command.command("approve")
def approve(
    number: NumberArgument,
    staff: StaffOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Agree to a write-off: the debt is dunned no more, and is bad debt from today."""
    done = write_as(
        database_url(config, folder),
        staff,
        lambda db, by, now: db.write(approve_write_off, number, by=by, now=now),
    )
    _tell(done)


@command.command("decline")
def decline(
    number: NumberArgument,
    reason: ReasonArgument,
    staff: StaffOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Decline a write-off with a reason."""
    done = write_as(
        database_url(config, folder),
        staff,
        lambda db, by, now: db.write(decline_write_off, number, reason=reason, by=by, now=now),
    )
    _tell(done)


@command.command("reverse")
def reverse(
    number: NumberArgument,
    reason: ReasonArgument,
    staff: StaffOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Ask again for what was written off, for instance because somebody comes to pay it."""
    done = write_as(
        database_url(config, folder),
        staff,
        lambda db, by, now: db.write(reverse_write_off, number, reason=reason, by=by, now=now),
    )
    _tell(done)


@dataclass(frozen=True, slots=True)
class _Report:
    waiting: list[WriteOffView]
    standing: list[WriteOffView]
    months: list[MonthOfBadDebt]


@command.command("show")
def show(
    community: CommunityArgument,
    since: Annotated[str, Option("--from", help="从哪天，默认今年1月1日")] = "",
    until: Annotated[str, Option("--to", help="到哪天，默认今天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print what waits, what is written off now, and the sums by month and fee item."""
    today = shanghai_day(datetime.now(UTC))
    first_on = day_or_exit(since, otherwise=today.replace(month=1, day=1))
    last_on = day_or_exit(until, otherwise=today)

    async def read(db: Database) -> _Report:
        community_id = await community_or_exit(db, community)
        served = (community_id,)
        days = {"first_on": first_on, "last_on": last_on}
        return _Report(
            await db.read(write_offs_waiting, community_ids=served),
            await db.read(write_offs_standing, community_ids=served),
            await db.read(bad_debt_by_month, community_id=community_id, **days),
        )

    found = read_books(database_url(config, folder), read)
    for one in [*found.waiting, *found.standing]:
        _tell(one)
    typer.echo(f"{first_on} 到 {last_on}：{'' if found.months else '没有核销。'}")
    for month in found.months:
        typer.echo(
            f"{month.month} {month.item_name}  核销 {yuan(month.written_off_fen)} 元，"
            f"收回 {yuan(month.brought_back_fen)} 元"
        )


def _tell(one: WriteOffView) -> None:
    why = one.reversal_reason or one.decline_reason or f"{one.reason}（{one.evidence}）"
    typer.echo(
        f"{one.write_off_no}  {one.unit_label} {one.item_name} {one.period} {one.bill_no} "
        f"{yuan(one.amount_fen)} 元  {STATES[one.state]}  {why}"
    )
