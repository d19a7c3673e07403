"""`wuyebot handover`: a unit changes hands (过户、更名、退租); without --apply it only looks."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli.handover_words import done_lines, plan_lines, words_of
from bot.cli.places import ConfigOption, FolderOption, fail
from bot.cli.printing import Press, press_of
from bot.web.clearances import letter
from storage.audit import Actor
from storage.database import Database, open_database, open_reader
from storage.errors import Refusal, StorageUnavailable
from storage.frozen import dataclass
from storage.links import ClearanceLink, Links
from storage.money import yuan
from storage.operations.handover import (
    Decision,
    HandedOverUnit,
    HandoverAsk,
    Successor,
    hand_over,
    plan_handover,
)
from storage.periods import shanghai_day
from storage.queries.clearances import Clearance, clearance_of
from storage.queries.estate import community_named, find_unit
from storage.queries.handovers import HandoverKind, former_party
from storage.queries.staff import staff_by_phone

command = typer.Typer(add_completion=False, help="过户、更名、退租和结清证明")


class Kind(StrEnum):
    """Why a unit changes hands, as staff say it."""

    SALE = "过户"
    RENAME = "更名"
    MOVE_OUT = "退租"


_KINDS: Final = {
    Kind.SALE: HandoverKind.SALE,
    Kind.RENAME: HandoverKind.RENAME,
    Kind.MOVE_OUT: HandoverKind.MOVE_OUT,
}
CommunityArgument = Annotated[str, typer.Argument(help="小区名称")]
UnitArgument = Annotated[str, typer.Argument(help="房号，例如 3-2-1201")]


@dataclass(frozen=True, slots=True)
class Hands:
    """Who asks and who agrees, by their phones."""

    by: str
    approved_by: str


@command.command("do")
def do(
    kind: Annotated[Kind, typer.Argument(help="过户、更名或退租")],
    community: CommunityArgument,
    unit: UnitArgument,
    on: Annotated[str, typer.Option(help="新业主（租户）的第一天，例如 2026-11-23")],
    to: Annotated[str, typer.Option(help="新业主（租户）姓名；退租没有接手的人可以不写")] = "",
    phone: Annotated[str, typer.Option(help="新业主（租户）电话")] = "",
    stays: Annotated[
        list[str] | None, typer.Option(help="留给原业主（租户）的单号或车位，可写多次")
    ] = None,
    takes: Annotated[
        list[str] | None, typer.Option(help="由新业主承接的单号或车位，可写多次")
    ] = None,
    parts: Annotated[list[str] | None, typer.Option(help="按天分给双方的账单号，可写多次")] = None,
    reading: Annotated[
        list[str] | None, typer.Option(help="交接那天的读数，表号=读数，可写多次")
    ] = None,
    consent: Annotated[str, typer.Option(help="双方签字的单据编号；有承接的必须写")] = "",
    by: Annotated[str, typer.Option(help="经办人的手机号")] = "",
    approved_by: Annotated[str, typer.Option(help="同意的经理的手机号，不能是经办人自己")] = "",
    apply: Annotated[bool, typer.Option("--apply", help="正式办理")] = False,  # noqa: FBT002
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Show what lies on the table; --apply does all of it. Stop a running SQLite bot for that."""
    ask = HandoverAsk(
        unit_id=0,
        kind=_KINDS[kind],
        handed_on=_day(on),
        successor=Successor(to.strip(), phone.strip()) if to.strip() else None,
        decisions=_decisions(stays or [], takes or [], parts or []),
        consent=consent.strip(),
        readings=dict(_reading(one) for one in reading or []),
    )
    press = press_of(config, folder)
    try:
        if apply:
            done = asyncio.run(_apply(press, (community, unit), ask, Hands(by, approved_by)))
            for line in done_lines(done):
                typer.echo(line)
        else:
            for line in asyncio.run(_look(press, (community, unit), ask)):
                typer.echo(line)
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    except Refusal as refusal:
        fail(words_of(refusal))


@command.command("certificate")
def certificate(
    community: CommunityArgument,
    unit: UnitArgument,
    name: Annotated[str, typer.Argument(help="已经离开的业主或租户姓名")],
    out: Annotated[Path, typer.Option(help="写到哪个 HTML 文件")],
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print a letter of clearance, only for who owes nothing; its code proves it."""
    press = press_of(config, folder)
    try:
        link, found = asyncio.run(_clearance(press, (community, unit), name))
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    if not found.is_clear:
        owed = f"还欠 {yuan(found.open_fen)} 元" if found.open_fen else "还有费用没有出账"
        names = f"（{'、'.join(found.unbilled)}）" if found.unbilled else ""
        fail(f"{name} {owed}{names}，不能开结清证明。")
    links = Links(press.secret, press.base_url)
    today = shanghai_day(datetime.now(UTC))
    out.write_text(letter(found, link, links, printed_on=today), encoding="utf-8")
    typer.echo(f"已写到 {out}。用浏览器打开，选 A5 纸打印并盖章。")


async def _look(press: Press, place: tuple[str, str], ask: HandoverAsk) -> Sequence[str]:
    async with open_reader(press.database_url) as db:
        meant = await _meant(db, place, ask)
        plan = await db.read(plan_handover, meant, now=datetime.now(UTC))
    return plan_lines(plan, meant)


async def _apply(
    press: Press, place: tuple[str, str], ask: HandoverAsk, hands: Hands
) -> HandedOverUnit:
    async with open_database(press.database_url) as db:
        by = await db.read(staff_by_phone, hands.by)
        approver = await db.read(staff_by_phone, hands.approved_by)
        if by is None or approver is None:
            fail("请用 --by 和 --approved-by 写明在职的经办人和经理的手机号。")
        return await db.write(
            hand_over,
            await _meant(db, place, ask),
            actor=Actor(by),
            approver_id=approver,
            now=datetime.now(UTC),
        )


async def _clearance(
    press: Press, place: tuple[str, str], name: str
) -> tuple[ClearanceLink, Clearance]:
    async with open_reader(press.database_url) as db:
        unit_id = await _unit_id(db, place)
        resident_id = await db.read(former_party, unit_id, name.strip())
        if resident_id is None:
            fail(f"{place[1]} 没有已经离开的业主或租户叫“{name}”。")
        found = await db.read(clearance_of, unit_id, resident_id, now=datetime.now(UTC))
    if found is None:
        fail(f"{name} 还没有离开 {place[1]}，不能开结清证明。")
    return ClearanceLink(unit_id, resident_id), found


async def _meant(db: Database, place: tuple[str, str], ask: HandoverAsk) -> HandoverAsk:
    """Return what is asked, of the unit that is named."""
    return HandoverAsk(
        await _unit_id(db, place),
        ask.kind,
        ask.handed_on,
        ask.successor,
        ask.decisions,
        ask.consent,
        ask.readings,
    )


async def _unit_id(db: Database, place: tuple[str, str]) -> int:
    community = await db.read(community_named, place[0])
    if community is None:
        fail(f"没有叫“{place[0]}”的小区。")
    unit = await db.read(find_unit, community.community_id, place[1])
    if unit is None:
        fail(f"{place[0]} 没有 {place[1]} 这个房号；请写成 3-2-1201 这样。")
    return unit.unit_id


def _decisions(
    stays: Sequence[str], takes: Sequence[str], parts: Sequence[str]
) -> dict[str, Decision]:
    """Return what was decided about what, or end where one was named twice."""
    found = dict.fromkeys(stays, Decision.STAYS)
    found |= dict.fromkeys(takes, Decision.TAKEN_OVER)
    found |= dict.fromkeys(parts, Decision.PARTED)
    if len(found) < len(stays) + len(takes) + len(parts):
        fail("同一个单号写了两次，请只选一种：--stays、--takes 或 --parts。")
    return found


def _day(said: str) -> date:
    try:
        return date.fromisoformat(said)
    except ValueError:
        fail(f"{said!r} 不是日期，写成 2026-11-23 这样。")


def _reading(said: str) -> tuple[str, Decimal]:
    meter_no, sign, figure = said.partition("=")
    try:
        value = Decimal(figure.strip())
    except InvalidOperation:
        value = Decimal(-1)
    if not sign or not value.is_finite() or value < 0:
        fail(f"{said!r} 看不懂，写成 表号=读数，例如 W001=123.4。")
    return meter_no.strip(), value
