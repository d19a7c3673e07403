"""`wuyebot refund-terms`: what may be given back of which fee, and who agrees (退款政策)."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from bot.cli.acting import community_or_exit, day_or_exit, read_books, write_books
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from storage.database import Database
from storage.errors import NotAnAmount
from storage.money import from_yuan, yuan
from storage.operations.refund_terms import LONGEST_DAYS, MOST_PPM, set_refund_terms
from storage.periods import shanghai_day
from storage.queries.estate import fee_item_named
from storage.queries.refund_terms import ItemTerms, terms_of_community
from storage.rules.refunds import RefundTerms

command = typer.Typer(add_completion=False, help="退款政策")

CommunityArgument = Annotated[str, typer.Argument(help="小区名称")]


@command.command("set")
def set_(
    community: CommunityArgument,
    item: Annotated[str, typer.Argument(help="收费项目")],
    days: Annotated[int, typer.Option(help="缴费后几天内可以不审核，0 到 365")] = 30,
    automatic: Annotated[str, typer.Option("--yuan", help="多少元以内可以不审核")] = "0",
    fee: Annotated[str, typer.Option(help="由缴费人承担的平台手续费，百分之几，例如 0.6")] = "0",
    final: Annotated[bool, typer.Option("--final", help="住户不能申请退")] = False,  # noqa: FBT002
    clause: Annotated[str, typer.Option(help="依据；不退的必须写")] = "",
    since: Annotated[str, typer.Option("--from", help="从哪天起，默认今天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Set the terms of a fee from a day on. Stop a running SQLite bot first."""
    now = datetime.now(UTC)
    day = day_or_exit(since, otherwise=shanghai_day(now))
    if final and not clause.strip():
        fail("不退的费用要写依据：--clause “合同第几条”。")
    try:
        terms = RefundTerms(days, from_yuan(automatic), not final, _ppm(fee), clause.strip())
    except NotAnAmount:
        fail(f"{automatic} 不是金额，写成 200 或 200.50 这样。")

    async def work(db: Database) -> None:
        community_id = await community_or_exit(db, community)
        item_id = await db.read(fee_item_named, community_id, item)
        if item_id is None:
            fail(f"这个小区没有收费项目“{item}”。")
        await db.write(
            set_refund_terms,
            terms,
            community_id=community_id,
            fee_item_id=item_id,
            effective_on=day,
            now=now,
        )

    if not 0 <= days <= LONGEST_DAYS or terms.fee_ppm > MOST_PPM:
        fail("没有保存：天数应在 0 到 365 之间，手续费应在 0 到 10 之间。")
    write_books(database_url(config, folder), work)
    typer.echo(f"已登记，{item}从 {day} 起：{_told(terms)}")


@command.command("list")
def list_(
    community: CommunityArgument, config: ConfigOption = None, folder: FolderOption = None
) -> None:
    """Print the fees that have terms of their own."""

    async def work(db: Database) -> list[ItemTerms]:
        community_id = await community_or_exit(db, community)
        return await db.read(terms_of_community, community_id, shanghai_day(datetime.now(UTC)))

    found = read_books(database_url(config, folder), work)
    for one in found:
        typer.echo(f"{one.item_name}  {_told(one.terms)}")
    if not found:
        typer.echo("没有另外登记的收费项目，都按小区的规则（wuyebot community show）。")


def _ppm(percent: str) -> int:
    try:
        found = Decimal(percent) * 10_000
    except InvalidOperation:
        fail(f"{percent} 不是百分数，写成 0.6 这样。")
    if found != found.to_integral_value():
        fail(f"{percent} 太细了，最多四位小数。")
    return int(found)


def _told(terms: RefundTerms) -> str:
    if not terms.is_refundable:
        return f"住户不能申请退（{terms.clause}），物业可以退。"
    fee = f"，手续费 {Decimal(terms.fee_ppm) / 10_000:f}% 由缴费人承担" if terms.fee_ppm else ""
    return f"{terms.window_days} 天内、{yuan(terms.automatic_fen)} 元以内不用审核{fee}。"
