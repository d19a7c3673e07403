"""`wuyebot dunning`: the plan, holds, debts by age, and written demands."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
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
from bot.web.letters import render_letter
from storage.audit import CLOCK, Actor
from storage.database import Database
from storage.errors import NotAnAmount, Refusal
from storage.kinds import HoldKind, Tone
from storage.money import from_yuan, yuan
from storage.operations.dunning import (
    LEAST_TERM_DAYS,
    MOST_TERM_DAYS,
    Letter,
    approve_letter,
    deliver_letter,
    set_plan,
)
from storage.operations.holds import NewHold, end_hold, place_hold
from storage.periods import shanghai_day
from storage.queries.dunning import Ageing, DueLetter, ageing, letters_due, plan_on
from storage.queries.holds import holds_on
from storage.rules.dunning import DunningStep, Route

command = typer.Typer(add_completion=False, help="催缴")

CommunityArgument = Annotated[str, typer.Argument(help="小区名称")]
UnitArgument = Annotated[str, typer.Argument(help="房号，例如 3-2-1201")]

ROUTES: Final = {"提醒": Route.CHAT, "上门": Route.TASK, "催告函": Route.LETTER}
TONES: Final = {"温和": Tone.KIND, "平实": Tone.PLAIN, "郑重": Tone.FIRM}
KINDS: Final = {
    "争议": HoldKind.DISPUTE,
    "困难": HoldKind.HARDSHIP,
    "物业": HoldKind.OFFICE,
}
BUCKETS: Final = (
    *("未到期或逾期30天以内", "逾期31到90天", "逾期91天到1年", "逾期1到2年"),
    *("逾期2到3年", "逾期3年以上"),
)
UNFIT: Final = {
    "count": "至少一步，最多12步",
    "days": "天数在 -60 到 1095 之间",
    "twice": "同一天只能有一步",
    "minimum": "最低金额不能小于0",
    "letter": "催告函只能在应缴日以后",
}
STEP: Final = "天数:方式:语气:最低元"


@command.command("plan", context_settings={"ignore_unknown_options": True})
def plan(
    community: CommunityArgument,
    steps: Annotated[
        list[str] | None, typer.Argument(help=f"{STEP}，例如 30:上门:平实:100；不写只看")
    ] = None,
    since: Annotated[str, typer.Option("--from", help="从哪天起，默认今天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Show the plan, or set it from a day on. Stop a running SQLite bot before setting."""
    url = database_url(config, folder)
    day = day_or_exit(since, otherwise=shanghai_day(datetime.now(UTC)))
    chosen = [_step(one) for one in steps or ()]

    async def write(db: Database) -> None:
        await db.write(
            set_plan,
            chosen,
            community_id=await community_or_exit(db, community),
            effective_on=day,
            actor=CLOCK,
            now=datetime.now(UTC),
        )

    async def read(db: Database) -> tuple[DunningStep, ...]:
        return await db.read(plan_on, await community_or_exit(db, community), day)

    if chosen:
        try:
            write_books(url, write)
        except ValueError as unfit:
            fail(f"没有改动：{UNFIT.get(str(unfit), str(unfit))}。")
    typer.echo(f"{day} 起的催缴计划：")
    for one in read_books(url, read):
        typer.echo(_told(one))


def _step(said: str) -> DunningStep:
    days, route, tone, least = (*said.split(":"), "", "", "")[:4]
    try:
        return DunningStep(
            int(days),
            ROUTES[route or "提醒"],
            TONES[tone or "平实"],
            from_yuan(least) if least else 0,
        )
    except (ValueError, KeyError, NotAnAmount):
        fail(f"{said} 看不懂，写成 {STEP}；方式有 {'、'.join(ROUTES)}，语气有 {'、'.join(TONES)}。")


def _told(one: DunningStep) -> str:
    days = one.days_from_due
    when = "应缴日当天" if not days else f"应缴日{'前' if days < 0 else '后'}{abs(days)}天"
    route = next(name for name, known in ROUTES.items() if known == one.route)
    tone = next(name for name, known in TONES.items() if known == one.tone)
    least = f"，{yuan(one.minimum_fen)} 元以上" if one.minimum_fen else ""
    return f"{when}：{route}，{tone}{least}"


@command.command("hold")
def hold(
    community: CommunityArgument,
    unit: UnitArgument,
    until: Annotated[str, typer.Option(help="到哪天（含当天），例如 2026-12-01")],
    reason: Annotated[str, typer.Option(help="原因")],
    by: Annotated[str, typer.Option(help="经办人的手机号")],
    kind: Annotated[str, typer.Option(help="争议（违约金也不算）、困难、物业")] = "物业",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Stop reminding a flat up to a day. Stop a running SQLite bot first."""
    today = shanghai_day(datetime.now(UTC))
    last_on = day_or_exit(until, otherwise=today)
    if kind not in KINDS or not reason.strip() or last_on < today:
        fail(f"--kind 写 {'、'.join(KINDS)}；--reason 不能空；--until 不能是过去。")

    async def write(db: Database) -> str:
        found = await unit_or_exit(db, await community_or_exit(db, community), unit)
        new = NewHold(found.unit_id, KINDS[kind], reason, last_on + timedelta(days=1))
        actor = Actor(staff_id=await staff_or_exit(db, by))
        await db.write(place_hold, new, actor=actor, now=datetime.now(UTC))
        return found.label

    label = write_books(database_url(config, folder), write)
    typer.echo(f"{label} 已暂停催缴，到 {last_on}（含当天）。")


@command.command("resume")
def resume(
    community: CommunityArgument,
    unit: UnitArgument,
    by: Annotated[str, typer.Option(help="经办人的手机号")],
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Let reminders go on. Stop a running SQLite bot first."""

    async def write(db: Database) -> tuple[str, int]:
        found = await unit_or_exit(db, await community_or_exit(db, community), unit)
        actor, now = Actor(staff_id=await staff_or_exit(db, by)), datetime.now(UTC)
        held = await db.read(holds_on, found.unit_id, shanghai_day(now))
        for one in held:
            await db.write(end_hold, one.hold_id, actor=actor, now=now)
        return found.label, len(held)

    label, count = write_books(database_url(config, folder), write)
    typer.echo(f"{label} 已恢复催缴。" if count else f"{label} 没有暂停催缴。")


@command.command("ageing")
def ageing_(
    community: CommunityArgument,
    on: Annotated[str, typer.Option(help="截至哪天，默认今天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print open bills by age, and the debts that are nearing three years."""
    day = day_or_exit(on, otherwise=shanghai_day(datetime.now(UTC)))

    async def read(db: Database) -> Ageing:
        return await db.read(ageing, await community_or_exit(db, community), as_of=day)

    found = read_books(database_url(config, folder), read)
    for name, fen in zip(BUCKETS, found.buckets_fen, strict=True):
        typer.echo(f"{name}  {yuan(fen)} 元")
    if found.old:
        typer.echo("快满三年（诉讼时效）的欠费，请在期限前书面催告并保留送达证据：")
    for one in found.old:
        typer.echo(
            f"{one.limit_on}  {one.unit_label} {one.bill_no} {one.item_name} "
            f"{yuan(one.open_fen)} 元，应缴日 {one.due_on}"
        )
    if found.old:
        typer.echo(f"确实收不回的，用 wuyebot write-off ask {community} 房号 账单号 申请坏账核销。")


@command.command("letters")
def letters(
    community: CommunityArgument, config: ConfigOption = None, folder: FolderOption = None
) -> None:
    """Print which households have come to a letter of the plan and wait for approval."""

    async def read(db: Database) -> list[DueLetter]:
        return await db.read(letters_due, await community_or_exit(db, community))

    found = read_books(database_url(config, folder), read)
    for one in found:
        since = shanghai_day(one.since)
        typer.echo(f"{one.unit_code} {one.unit_label} {yuan(one.amount_fen)} 元，{since} 起")
    if not found:
        typer.echo("没有等着批准的催告函。")


@command.command("letter")
def letter(
    community: CommunityArgument,
    unit: UnitArgument,
    out: Annotated[Path, typer.Option(help="写到哪个 HTML 文件")],
    approved_by: Annotated[str, typer.Option(help="批准的经理的手机号")],
    days: Annotated[int, typer.Option(help="给几天时间缴清")] = 15,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Approve a written demand and write the page to print. Stop a running SQLite bot first."""

    async def write(db: Database) -> Letter:
        found = await unit_or_exit(db, await community_or_exit(db, community), unit)
        return await db.write(
            approve_letter,
            found.unit_id,
            term_days=days,
            approved_by=await staff_or_exit(db, approved_by),
            now=datetime.now(UTC),
        )

    try:
        made = write_books(database_url(config, folder), write)
    except ValueError:
        fail(f"期限要在 {LEAST_TERM_DAYS} 到 {MOST_TERM_DAYS} 天之间。")
    out.write_text(render_letter(made), encoding="utf-8")
    typer.echo(
        f"催告函 {made.letter_no}：{made.unit_label}，{yuan(made.total_fen)} 元，"
        f"期限 {made.term_on}，已写到 {out}。"
    )
    typer.echo(f"送达以后登记：wuyebot dunning delivered {made.letter_no} --evidence …")


@command.command("delivered")
def delivered(
    letter_no: Annotated[str, typer.Argument(help="催告函编号，例如 L2026-00001")],
    evidence: Annotated[str, typer.Option(help="怎么送达的：挂号信单号、当面签收、照片存放处")],
    by: Annotated[str, typer.Option(help="经办人的手机号")],
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Keep how a letter arrived. Stop a running SQLite bot first."""
    if not evidence.strip():
        fail("请写送达证据：--evidence。")

    async def write(db: Database) -> None:
        actor = Actor(staff_id=await staff_or_exit(db, by))
        try:
            await db.write(
                deliver_letter, letter_no, evidence=evidence, actor=actor, now=datetime.now(UTC)
            )
        except Refusal:
            fail(f"没有批准过编号是 {letter_no} 的催告函。")

    write_books(database_url(config, folder), write)
    typer.echo(f"已登记 {letter_no} 的送达证据。")
