"""`wuyebot waiver`: principal asked for no more (减免): asked with its paper, decided, reported."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from typer import Argument, Option

from bot.cli.acting import (
    BillArgument,
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
from storage.database import Database
from storage.errors import NotAnAmount, UnknownBill
from storage.money import from_yuan, yuan
from storage.operations.bill_waivers import (
    WaiverAsk,
    approve_waiver,
    ask_waiver,
    decline_waiver,
)
from storage.paying_kinds import WaiverKind, WaiverState
from storage.periods import shanghai_day
from storage.queries.counter import bills_at_counter
from storage.queries.waivers import (
    WaiverView,
    attachment_of,
    waiver_of,
    waivers_between,
    waivers_waiting,
)

command = typer.Typer(add_completion=False, help="减免：申请、审批、报表")

KINDS: Final = {
    "困难": WaiverKind.HARDSHIP,
    "服务": WaiverKind.QUALITY,
    "空置": WaiverKind.VACANCY,
    "调解": WaiverKind.COURT,
    "其他": WaiverKind.OTHER,
}
CALLED: Final = {kind: name for name, kind in KINDS.items()} | {WaiverKind.ROUNDING: "抹零"}
STATES: Final = {
    WaiverState.ASKED: "待审批",
    WaiverState.APPROVED: "已减免",
    WaiverState.DECLINED: "未通过",
}

WaiverArgument = Annotated[str, Argument(help="减免编号，例如 JM261100001")]


@command.command("ask")
def ask(
    community: CommunityArgument,
    unit: UnitArgument,
    bill: BillArgument,
    amount: Annotated[str, Argument(help="减免多少元")],
    kind: Annotated[str, Argument(help="困难、服务、空置、调解、其他")],
    reason: Annotated[str, Option(help="原因")],
    attachment: Annotated[Path, Option(help="证明材料的文件")],
    staff: StaffOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Ask for a waiver; managers decide in chat or here. Stop a running SQLite bot first."""
    if kind not in KINDS:
        fail(f"“{kind}”看不懂；类型写 {'、'.join(KINDS)}。")
    try:
        paper, amount_fen = attachment.read_bytes(), from_yuan(amount)
    except OSError as trouble:
        fail(f"{attachment} 读不了：{trouble.strerror}")
    except NotAnAmount:
        fail(f"{amount} 不是金额，写成 260.50 这样。")
    now = datetime.now(UTC)

    async def write(db: Database) -> WaiverView:
        community_id = await community_or_exit(db, community)
        found = await unit_or_exit(db, community_id, unit)
        by = await person_or_exit(db, staff)
        bills = await db.read(bills_at_counter, found.unit_id, today=shanghai_day(now))
        meant = next((one.bill_id for one in bills if one.bill_no == bill), None)
        if meant is None:
            raise UnknownBill
        asked = WaiverAsk(meant, KINDS[kind], amount_fen, reason, attachment.name, paper)
        return await db.write(ask_waiver, asked, by=by, now=now)

    done = write_books(database_url(config, folder), write)
    typer.echo(f"已申请减免 {done.waiver_no}，要 {done.approvals_needed} 位经理同意。")


@command.command("approve")
def approve(
    number: WaiverArgument,
    staff: StaffOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Agree to a waiver; a large one needs a second manager."""
    done = write_as(
        database_url(config, folder),
        staff,
        lambda db, by, now: db.write(approve_waiver, number, by=by, now=now),
    )
    _tell(done)


@command.command("decline")
def decline(
    number: WaiverArgument,
    reason: Annotated[str, Argument(help="原因")],
    staff: StaffOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Decline a waiver with a reason."""
    done = write_as(
        database_url(config, folder),
        staff,
        lambda db, by, now: db.write(decline_waiver, number, reason=reason, by=by, now=now),
    )
    _tell(done)


@command.command("show")
def show(
    community: CommunityArgument,
    since: Annotated[str, Option("--from", help="从哪天，默认本月1日")] = "",
    until: Annotated[str, Option("--to", help="到哪天，默认今天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print what waits, what was waived between two days (抹零 too), and the sum of each kind."""
    today = shanghai_day(datetime.now(UTC))
    first_on = day_or_exit(since, otherwise=today.replace(day=1))
    last_on = day_or_exit(until, otherwise=today)

    async def read(db: Database) -> tuple[list[WaiverView], list[WaiverView]]:
        served = (await community_or_exit(db, community),)
        waiting = await db.read(waivers_waiting, community_ids=served)
        made = await db.read(
            waivers_between, community_ids=served, first_on=first_on, last_on=last_on
        )
        return waiting, made

    waiting, made = read_books(database_url(config, folder), read)
    for one in [*waiting, *made]:
        _tell(one)
    sums: dict[str, int] = {}
    for one in made:
        sums[CALLED[one.kind]] = sums.get(CALLED[one.kind], 0) + one.amount_fen
    told = "，".join(f"{name} {yuan(fen)} 元" for name, fen in sums.items()) or "没有减免"
    typer.echo(f"{first_on} 到 {last_on}：{told}。")


@command.command("paper")
def paper(
    number: WaiverArgument,
    into: Annotated[Path, Argument(help="写到哪个文件")],
    staff: StaffOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Write the paper behind a waiver to a file, for whoever decides on it."""

    async def read(db: Database) -> tuple[str, bytes]:
        served = (await person_or_exit(db, staff)).community_ids
        await db.read(waiver_of, number, community_ids=served)
        return await db.read(attachment_of, number, community_ids=served)

    name, found = read_books(database_url(config, folder), read)
    into.write_bytes(found)
    typer.echo(f"{name} 已写到 {into}。")


def _tell(one: WaiverView) -> None:
    waits = f"（{one.approvals}/{one.approvals_needed}）" if one.state is WaiverState.ASKED else ""
    typer.echo(
        f"{one.waiver_no}  {one.unit_label} {one.item_name} {one.period} {CALLED[one.kind]} "
        f"{yuan(one.amount_fen)} 元  {STATES[one.state]}{waits}  {one.reason}"
    )
