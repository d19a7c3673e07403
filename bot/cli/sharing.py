"""`wuyebot sharing`: draft a shared cost (公摊), publish its proof, bill it, or take it back."""

from datetime import UTC, date, datetime
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
from storage.audit import CLOCK, Actor
from storage.charge_errors import UnknownSharedCost
from storage.database import Database
from storage.errors import NotAnAmount
from storage.kinds import SharedCostState, ShareMethod
from storage.money import from_yuan, yuan
from storage.operations.sharing import (
    CostFact,
    cancel_cost,
    draft_cost,
    issue_cost,
    preview,
    publish_cost,
    set_factor,
    try_cost,
)
from storage.operations.tariffs import fee_item_ids
from storage.periods import BillingPeriod
from storage.queries.sharing import CostView, cost_of, costs_of, scope_named
from storage.rules.figures import figure
from storage.rules.sharing import SharingProof

command = typer.Typer(add_completion=False, help="公摊：起草、公示、出账、取消")

CommunityArgument = Annotated[str, typer.Argument(help="小区名称")]
CostArgument = Annotated[int, typer.Argument(help="公摊编号，见 wuyebot sharing show")]
ApplyOption = Annotated[bool, typer.Option("--apply", help="真的做；不写只看结果")]
StaffOption = Annotated[str, typer.Option("--staff", help="经办人的手机号")]

METHODS: Final = {
    "面积": ShareMethod.BY_AREA,
    "户": ShareMethod.BY_HOUSEHOLD,
    "份额": ShareMethod.BY_SHARE,
}
STATES: Final = {
    SharedCostState.DRAFT: "草稿",
    SharedCostState.PUBLISHED: "已公示",
    SharedCostState.ISSUED: "已出账",
    SharedCostState.CANCELLED: "已取消",
}
SHOWN: Final = 50
NOT_DONE: Final = "以上只是试算，没有改动；确认无误后加上 --apply。"


@command.command("show")
def show(
    community: CommunityArgument, config: ConfigOption = None, folder: FolderOption = None
) -> None:
    """Print the newest shared costs, each with where it stands."""

    async def read(db: Database) -> list[CostView]:
        return await db.read(costs_of, await community_or_exit(db, community), limit=SHOWN)

    found = read_books(database_url(config, folder), read)
    for one in found:
        typer.echo(_told(one))
    if not found:
        typer.echo("还没有公摊。")


def _told(one: CostView) -> str:
    return (
        f"{one.cost_id}  {one.period} {one.scope_label} {one.item_name} "
        f"{yuan(one.total_fen)}元  {STATES[one.state]}"
    )


@command.command("draft")
def draft(
    community: CommunityArgument,
    fee_item: Annotated[str, typer.Argument(help="收费项目，例如 电梯公摊")],
    period: Annotated[str, typer.Argument(help="账期，例如 2026-03")],
    total: Annotated[str, typer.Argument(help="一共多少元")],
    due: Annotated[str, typer.Option(help="应缴日，例如 2026-03-25")],
    scope: Annotated[str, typer.Option(help="全小区、3栋、3栋2单元")] = "全小区",
    by: Annotated[str, typer.Option(help="怎么摊：面积、户、份额")] = "面积",
    basis: Annotated[str, typer.Option(help="依据；不写用小区登记的")] = "",
    note: Annotated[str, typer.Option(help="说明，会公示")] = "",
    apply: ApplyOption = False,  # noqa: FBT002
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Show each unit's share; with --apply write the draft. Stop a running SQLite bot first."""
    if by not in METHODS:
        fail(f"“{by}”看不懂；怎么摊写 {'、'.join(METHODS)}。")
    said = (fee_item, _period(period), _fen(total), day_or_exit(due, otherwise=date.min))

    async def read(db: Database) -> SharingProof:
        community_id = await community_or_exit(db, community)
        fact = await _fact(db, community_id, said, (scope, METHODS[by], basis, note))
        return await db.read(try_cost, fact, community_id=community_id)

    async def write(db: Database) -> int:
        community_id = await community_or_exit(db, community)
        fact = await _fact(db, community_id, said, (scope, METHODS[by], basis, note))
        now = datetime.now(UTC)
        return await db.write(draft_cost, fact, community_id=community_id, actor=CLOCK, now=now)

    url = database_url(config, folder)
    _print(read_books(url, read))
    if not apply:
        typer.echo(NOT_DONE)
        return
    cost_id = write_books(url, write)
    typer.echo(f"已起草，编号 {cost_id}。下一步：wuyebot sharing publish {cost_id}")


async def _fact(
    db: Database,
    community_id: int,
    said: tuple[str, BillingPeriod, int, date],
    how: tuple[str, ShareMethod, str, str],
) -> CostFact:
    item, period, total_fen, due_on = said
    words, method, basis, note = how
    items = await db.read(fee_item_ids, community_id, {})
    if item not in items:
        raise UnknownSharedCost(item)
    scope = await db.read(scope_named, community_id, words)
    return CostFact(items[item], period, scope, method, total_fen, due_on, basis, note)


def _period(text: str) -> BillingPeriod:
    try:
        return BillingPeriod.parse(text)
    except ValueError:
        fail(f"{text} 不是账期，写成 2026-03 这样。")


def _fen(text: str) -> int:
    try:
        return from_yuan(text)
    except NotAnAmount:
        fail(f"{text} 不是金额，写成 1234.50 这样。")


def _print(proof: SharingProof) -> None:
    """Print a proof unit by unit: anyone can add it up."""
    typer.echo("房号,权重,精确到分前,应摊")
    for one in proof.shares:
        weight, exact = figure(one.weight), figure(one.exact_fen / 100)
        typer.echo(f"{one.key},{weight},{exact},{yuan(one.amount_fen)}")
    count = sum(one.amount_fen > 0 for one in proof.shares)
    typer.echo(
        f"{proof.scope_label} 合计 {yuan(proof.total_fen)} 元，{count} 户分摊，"
        f"权重合计 {figure(proof.weight_sum)}，尾差 {proof.spare_fen} 分。"
    )


@command.command("publish")
def publish(
    cost_id: CostArgument,
    apply: ApplyOption = False,  # noqa: FBT002
    staff: StaffOption = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Show the proof; with --apply publish it for all to see. Stop a running SQLite bot first."""
    url = database_url(config, folder)
    if not apply:
        _print(read_books(url, lambda db: db.read(preview, cost_id)))
        typer.echo(NOT_DONE)
        return

    async def write(db: Database) -> bool:
        actor, now = await _actor(db, staff), datetime.now(UTC)
        return await db.write(publish_cost, cost_id, actor=actor, now=now)

    is_new = write_books(url, write)
    said = "已公示，小区公示页可以看到。" if is_new else "之前已经公示过了。"
    typer.echo(f"{said}下一步：wuyebot sharing issue {cost_id}")


@command.command("issue")
def issue(
    cost_id: CostArgument,
    apply: ApplyOption = False,  # noqa: FBT002
    staff: StaffOption = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """With --apply bill each unit its published share. Stop a running SQLite bot first."""
    url = database_url(config, folder)
    if not apply:
        typer.echo(_told(read_books(url, lambda db: db.read(cost_of, cost_id))))
        typer.echo("还没有出账；确认公示无误后加上 --apply。")
        return

    async def write(db: Database) -> int:
        actor, now = await _actor(db, staff), datetime.now(UTC)
        return await db.write(issue_cost, cost_id, actor=actor, now=now)

    made = write_books(url, write)
    typer.echo(f"已出账 {made} 笔。" if made else "之前已经出过账了。")


@command.command("cancel")
def cancel(
    cost_id: CostArgument,
    reason: Annotated[str, typer.Option(help="原因")],
    staff: StaffOption = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Take a cost back that was not billed yet. Stop a running SQLite bot first."""

    async def write(db: Database) -> bool:
        actor, now = await _actor(db, staff), datetime.now(UTC)
        return await db.write(cancel_cost, cost_id, reason=reason, actor=actor, now=now)

    is_new = write_books(database_url(config, folder), write)
    typer.echo("已取消。" if is_new else "之前已经取消过了。")


@command.command("factor")
def factor(
    community: CommunityArgument,
    fee_item: Annotated[str, typer.Argument(help="收费项目，例如 电梯公摊")],
    unit: Annotated[str, typer.Argument(help="房号，例如 3-2-101")],
    percent: Annotated[int, typer.Argument(help="摊几成：0 不摊，100 全摊，150 一倍半；或者份额")],
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Say what a unit bears of its full weight. Stop a running SQLite bot first."""

    async def write(db: Database) -> None:
        community_id = await community_or_exit(db, community)
        found = await unit_or_exit(db, community_id, unit)
        items = await db.read(fee_item_ids, community_id, {})
        if fee_item not in items:
            raise UnknownSharedCost(fee_item)
        await db.write(
            set_factor,
            fee_item_id=items[fee_item],
            unit_id=found.unit_id,
            percent=percent,
            actor=CLOCK,
            now=datetime.now(UTC),
        )

    write_books(database_url(config, folder), write)
    typer.echo("已登记，从下一次公示起生效。")


async def _actor(db: Database, phone: str) -> Actor:
    return Actor(await staff_or_exit(db, phone)) if phone else CLOCK
