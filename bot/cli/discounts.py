"""`wuyebot discount`: what is taken off bills (优惠): granted, listed, reported, ended."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
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
from bot.cli.billing import month_or_exit
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from bot.cli.trials import NOT_DONE, UNCHANGED, ApplyOption, percent_or_exit, show_trials
from storage.audit import Actor
from storage.database import Database
from storage.errors import NotAnAmount
from storage.frozen import dataclass
from storage.kinds import DiscountReason
from storage.money import from_yuan, yuan
from storage.operations.assignments import end_discount, grant_discount
from storage.operations.tariffs import fee_item_ids
from storage.periods import shanghai_day
from storage.queries.discount_trials import BillTrial, try_discount, try_end
from storage.queries.discounts import (
    DiscountFact,
    GivenSum,
    GrantedDiscount,
    given_in,
    granted_discounts,
)
from storage.queries.estate import Unit, units_of
from storage.queries.tariffs import Vacancy, vacancies_of
from storage.rules.figures import figure

command = typer.Typer(add_completion=False, help="优惠：登记、查看、汇总、结束")

CommunityArgument = Annotated[str, typer.Argument(help="小区名称")]
ByOption = Annotated[str, typer.Option(help="经办同事的手机号")]

REASONS: Final = {
    "人群": DiscountReason.PERSON_GROUP,
    "一年": DiscountReason.YEAR_AHEAD,
    "券": DiscountReason.COUPON,
}
OFFERED: Final = "按月收费的账单不变；住户一次预存一年时，会按这个优惠送下一个月。"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was typed: names still, no keys."""

    community: str
    unit: str
    fee_item: str
    fact: DiscountFact


@command.command("grant")
def grant(
    community: CommunityArgument,
    name: Annotated[str, typer.Argument(help="账单上写的名字，例如 低保户优惠")],
    by: ByOption,
    reason: Annotated[str, typer.Option(help="人群、一年（交满一年才有）、券")] = "人群",
    percent: Annotated[str, typer.Option(help="少收百分之几，例如 10")] = "",
    amount: Annotated[str, typer.Option(help="每张账单少收多少元；和 --percent 只写一个")] = "",
    unit: Annotated[str, typer.Option(help="哪一户，例如 3-2-1201；不写是所有户")] = "",
    fee_item: Annotated[str, typer.Option("--fee", help="哪个收费项目；不写是所有项目")] = "",
    since: Annotated[str, typer.Option("--from", help="从哪天起的账单，默认今天")] = "",
    until: Annotated[str, typer.Option(help="到哪天（含当天），不写一直有")] = "",
    uses: Annotated[int, typer.Option(help="一共可以用在几张账单上，不写不限")] = 0,
    apply: ApplyOption = False,  # noqa: FBT002
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Show what a discount changes of the next bills; --apply grants it.

    Stop a running SQLite bot before --apply.
    """
    if reason not in REASONS or not name.strip() or bool(percent) == bool(amount) or uses < 0:
        fail(f"--reason 写 {'、'.join(REASONS)}；--percent 和 --amount 写一个；--uses 不小于0。")
    today = shanghai_day(datetime.now(UTC))
    fact = DiscountFact(
        REASONS[reason],
        name,
        day_or_exit(since, otherwise=today),
        percent=percent_or_exit(percent) if percent else None,
        amount_fen=_fen(amount) if amount else None,
        until_on=_day_after(until),
        uses_left=uses or None,
    )
    if fact.until_on is not None and fact.until_on <= fact.from_on:
        fail("--until 不能早于 --from。")
    asked = _Asked(community, unit, fee_item, fact)
    if apply:
        number = write_books(database_url(config, folder), lambda db: _grant(db, asked, by))
        typer.echo(f"已登记，编号 {number}。结束它：wuyebot discount end {community} {number}")
        return
    found = read_books(database_url(config, folder), lambda db: _try(db, asked, by, today))
    is_year = fact.reason == DiscountReason.YEAR_AHEAD
    show_trials(found, otherwise=OFFERED if is_year and not unit else UNCHANGED)
    typer.echo(NOT_DONE)


async def _grant(db: Database, asked: _Asked, by: str) -> int:
    community_id, fact = await _keyed(db, asked)
    actor, now = Actor(await staff_or_exit(db, by)), datetime.now(UTC)
    return await db.write(grant_discount, fact, community_id=community_id, actor=actor, now=now)


async def _try(db: Database, asked: _Asked, by: str, today: date) -> tuple[BillTrial, ...]:
    community_id, fact = await _keyed(db, asked)
    await staff_or_exit(db, by)
    return await db.read(try_discount, fact, community_id=community_id, today=today)


async def _keyed(db: Database, asked: _Asked) -> tuple[int, DiscountFact]:
    """Return the community's key, and the discount with those of its unit and fee."""
    community_id = await community_or_exit(db, asked.community)
    unit = await unit_or_exit(db, community_id, asked.unit) if asked.unit else None
    items = await db.read(fee_item_ids, community_id, {})
    if asked.fee_item and asked.fee_item not in items:
        fail(f"没有叫“{asked.fee_item}”的收费项目；有 {'、'.join(items)}。")
    fact = asked.fact
    return community_id, DiscountFact(
        fact.reason,
        fact.name,
        fact.from_on,
        fact.percent,
        fact.amount_fen,
        unit.unit_id if unit else None,
        items[asked.fee_item] if asked.fee_item else None,
        fact.until_on,
        fact.uses_left,
    )


@command.command("list")
def list_(
    community: CommunityArgument, config: ConfigOption = None, folder: FolderOption = None
) -> None:
    """Print what is taken off, with its number, and which flats stand empty."""

    async def read(
        db: Database,
    ) -> tuple[list[GrantedDiscount], list[Unit], dict[int, list[Vacancy]]]:
        community_id = await community_or_exit(db, community)
        found = await db.read(units_of, community_id)
        empty = await db.read(vacancies_of, [one.unit_id for one in found])
        return await db.read(granted_discounts, community_id), found, empty

    granted, found, empty = read_books(database_url(config, folder), read)
    for one in granted:
        typer.echo(_told(one))
    for unit in found:
        for days in empty.get(unit.unit_id, ()):
            typer.echo(f"空置  {unit.label} {_empty(days)}")
    if not granted and not empty:
        typer.echo("没有优惠，也没有登记空置的房屋。")


def _told(one: GrantedDiscount) -> str:
    reason = next((name for name, known in REASONS.items() if known == one.reason), "空置")
    off = f"{yuan(one.amount_fen)}元" if one.amount_fen is not None else ""
    off = off or f"{figure(one.percent or 0)}%"
    whom = f"{one.unit_label or '所有户'} {one.item_name or '所有项目'}"
    left = "" if one.uses_left is None else f"，还可以用{one.uses_left}次"
    days = _days(one.from_on, one.until_on)
    return f"{one.discount_id}  {one.name}（{reason}）少收{off}，{whom}，{days}{left}"


def _empty(one: Vacancy) -> str:
    until_on = None if one.days.ends_on == date.max else one.days.ends_on
    reason = f"，{one.reason}" if one.reason else ""
    return f"少收{figure(one.percent)}%，{_days(one.days.begins_on, until_on)}{reason}"


def _days(from_on: date, until_on: date | None) -> str:
    return f"{from_on} 起" + (f"，到 {until_on - timedelta(days=1)}" if until_on else "")


@command.command("report")
def report(
    community: CommunityArgument,
    month: Annotated[str, typer.Argument(help="账期，例如 2026-12")],
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print what was taken off a month's bills, name by name."""
    period = month_or_exit(month)

    async def read(db: Database) -> list[GivenSum]:
        return await db.read(given_in, await community_or_exit(db, community), period)

    found = read_books(database_url(config, folder), read)
    for one in found:
        typer.echo(f"{one.name}  {one.item_name}  {one.bill_count} 笔  {yuan(one.amount_fen)}元")
    typer.echo(f"{period} 的账单一共优惠 {yuan(sum(one.amount_fen for one in found))}元。")


@command.command("end")
def end(
    community: CommunityArgument,
    number: Annotated[int, typer.Argument(help="优惠编号，见 wuyebot discount list")],
    by: ByOption,
    until: Annotated[str, typer.Option(help="最后一天（含当天），默认昨天：从今天起没有")] = "",
    apply: ApplyOption = False,  # noqa: FBT002
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Show what ending a discount changes of the next bills; --apply ends it.

    Stop a running SQLite bot before --apply.
    """
    today = shanghai_day(datetime.now(UTC))
    until_on = _day_after(until) or today

    async def known(db: Database) -> int:
        community_id = await community_or_exit(db, community)
        granted: Sequence[GrantedDiscount] = await db.read(granted_discounts, community_id)
        if number not in [one.discount_id for one in granted]:
            fail(f"没有编号是 {number} 的优惠，或者已经用完；见 wuyebot discount list。")
        return community_id

    async def look(db: Database) -> tuple[BillTrial, ...]:
        community_id = await known(db)
        await staff_or_exit(db, by)
        return await db.read(
            try_end, number, community_id=community_id, until_on=until_on, today=today
        )

    async def write(db: Database) -> bool:
        await known(db)
        actor, now = Actor(await staff_or_exit(db, by)), datetime.now(UTC)
        return await db.write(
            end_discount, discount_id=number, until_on=until_on, actor=actor, now=now
        )

    if apply:
        is_new = write_books(database_url(config, folder), write)
        typer.echo(f"已登记，从 {until_on} 起没有了。" if is_new else "之前已经结束了。")
        return
    show_trials(read_books(database_url(config, folder), look), otherwise=UNCHANGED)
    typer.echo(NOT_DONE)


def _day_after(text: str) -> date | None:
    return day_or_exit(text, otherwise=date.max) + timedelta(days=1) if text else None


def _fen(text: str) -> int:
    try:
        return from_yuan(text)
    except NotAnAmount:
        fail(f"{text} 不是金额，写成 12.50 这样。")
