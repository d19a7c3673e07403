"""`wuyebot late-fee`: the terms of late fees, what they come to, and waivers."""

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
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
from storage.audit import CLOCK
from storage.charge_errors import InputRefused
from storage.database import Database
from storage.errors import NotAnAmount
from storage.kinds import LateFeeMode, LateFeeStart
from storage.money import from_yuan, yuan
from storage.operations.late_fee_corrections import waive_late_fee
from storage.operations.late_fee_terms import set_late_fee
from storage.periods import shanghai_day
from storage.queries.late_fees import Terms, UnitLateFee, late_fee_of_unit, terms_of
from storage.rules.figures import figure
from storage.rules.late_fees import PPM, LateFeePolicy

command = typer.Typer(add_completion=False, help="违约金")

CommunityArgument = Annotated[str, typer.Argument(help="小区名称")]

MODES: Final = {
    "不收": LateFeeMode.OFF,
    "只算不收": LateFeeMode.CALCULATED,
    "收": LateFeeMode.CHARGED,
}
STARTS: Final = {
    "宽限期后": LateFeeStart.AFTER_GRACE,
    "应缴日后": LateFeeStart.AFTER_DUE,
}
CAPPED_AT: Final = Decimal(30)
"""Percent of the principal; courts lower what is above it, so the operator is warned."""


@command.command("set")
def set_(
    community: CommunityArgument,
    mode: Annotated[str, typer.Argument(help="不收、只算不收、收")],
    rate: Annotated[str, typer.Option(help="每天百分之几，例如 0.05（万分之五）")] = "0",
    grace: Annotated[int, typer.Option(help="宽限几天")] = 0,
    start: Annotated[
        str, typer.Option(help="过了宽限期从哪天起算：宽限期后、应缴日后")
    ] = "宽限期后",
    cap: Annotated[str, typer.Option(help="最多是本金的百分之几，不写为不封顶")] = "",
    clause: Annotated[str, typer.Option(help="合同的哪一条；要收就必须写")] = "",
    since: Annotated[str, typer.Option("--from", help="从哪天起，默认今天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Set the terms from a day on. Stop a running SQLite bot first."""
    if mode not in MODES or start not in STARTS:
        fail(f"方式写 {'、'.join(MODES)}；起算写 {'、'.join(STARTS)}。")
    try:
        policy = LateFeePolicy(
            effective_on=day_or_exit(since, otherwise=shanghai_day(datetime.now(UTC))),
            mode=MODES[mode],
            rate_ppm=_ppm(rate),
            grace_days=grace,
            cap_percent=_percent(cap) if cap else None,
            start=STARTS[start],
        )
    except InputRefused:
        fail("没有登记：比例、宽限天数（最多366）或者封顶超出范围。")

    async def write(db: Database) -> None:
        await db.write(
            set_late_fee,
            Terms(policy, clause),
            community_id=await community_or_exit(db, community),
            actor=CLOCK,
            now=datetime.now(UTC),
        )

    write_books(database_url(config, folder), write)
    typer.echo(f"已登记，从 {policy.effective_on} 起生效：{_told(Terms(policy, clause))}。")
    if policy.mode == LateFeeMode.CHARGED and (cap == "" or _percent(cap) > CAPPED_AT):
        typer.echo("提醒：违约金过高时法院可能调低，常见的上限是本金的30%以内。")


def _percent(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        fail(f"{text} 不是百分数，写成 0.05 这样。")
    if not found.is_finite() or found < 0:
        fail(f"{text} 不是百分数，写成 0.05 这样。")
    return found


def _ppm(text: str) -> int:
    exact = _percent(text) * PPM / 100
    if exact != int(exact):
        fail(f"{text} 太细，最多四位小数。")
    return int(exact)


def _told(one: Terms) -> str:
    policy = one.policy
    name = next(name for name, mode in MODES.items() if mode == policy.mode)
    if policy.mode == LateFeeMode.OFF:
        return name
    start = next(name for name, start in STARTS.items() if start == policy.start)
    cap = "不封顶" if policy.cap_percent is None else f"最多为本金的{figure(policy.cap_percent)}%"
    rate = figure(Decimal(policy.rate_ppm) * 100 / PPM)
    told = f"{name}，每天{rate}%，宽限{policy.grace_days}天，从{start}算，{cap}"
    return f"{told}，依据“{one.clause}”" if one.clause else told


@command.command("show")
def show(
    community: CommunityArgument,
    unit: Annotated[str, typer.Argument(help="房号，例如 3-2-1201；不写只看规则")] = "",
    on: Annotated[str, typer.Option(help="截至哪天，默认今天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print the terms, and what a flat's late bills come to up to a day."""
    day = day_or_exit(on, otherwise=shanghai_day(datetime.now(UTC)))

    async def read(db: Database) -> tuple[tuple[Terms, ...], UnitLateFee | None]:
        community_id = await community_or_exit(db, community)
        terms = await db.read(terms_of, community_id)
        if not unit:
            return terms, None
        found = await unit_or_exit(db, community_id, unit)
        return terms, await db.read(late_fee_of_unit, found.unit_id, as_of=day)

    terms, found = read_books(database_url(config, folder), read)
    for one in terms:
        typer.echo(f"{one.policy.effective_on} 起：{_told(one)}")
    if not terms:
        typer.echo("没有登记违约金规则，不收。")
    if unit and found is not None:
        _show_unit(found, day)


def _show_unit(found: UnitLateFee, day: date) -> None:
    for late in found.bills:
        of = late.principal
        typer.echo(f"{of.bill_no} {of.period} {of.item_name} {late.late_fee.explanation['sum']}")
    typer.echo(
        f"截至 {day} 的违约金 {yuan(found.calculated_fen)} 元，"
        f"应收 {yuan(found.owed_fen)} 元，其中已出账 {yuan(found.charged_fen)} 元。"
    )


@command.command("waive")
def waive(
    bill_no: Annotated[str, typer.Argument(help="账单号：欠费的账单，或者违约金账单")],
    amount: Annotated[str, typer.Argument(help="减免多少元")],
    reason: Annotated[str, typer.Option(help="原因")],
    asked_by: Annotated[str, typer.Option(help="提出人的手机号")],
    approved_by: Annotated[str, typer.Option(help="批准的经理的手机号，不能是提出人")],
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Waive late fee with a reason and two people. Stop a running SQLite bot first."""
    try:
        amount_fen = from_yuan(amount)
    except NotAnAmount:
        fail(f"{amount} 不是金额，写成 12.50 这样。")
    if not reason.strip():
        fail("请写原因：--reason。")

    async def write(db: Database) -> int:
        return await db.write(
            waive_late_fee,
            bill_no=bill_no,
            amount_fen=amount_fen,
            reason=reason,
            asked_by=await staff_or_exit(db, asked_by),
            approved_by=await staff_or_exit(db, approved_by),
            now=datetime.now(UTC),
        )

    waived_fen = write_books(database_url(config, folder), write)
    typer.echo(f"已减免违约金 {yuan(waived_fen)} 元。")
