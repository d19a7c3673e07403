"""`wuyebot contentment`: how residents rated what was done for them in a month."""

from typing import Annotated, Final

import typer

from bot.cli.acting import community_or_exit, read_books
from bot.cli.billing import month_or_exit
from bot.cli.places import ConfigOption, FolderOption, database_url
from handlers.contentment import lines
from storage.database import Database
from storage.periods import DaySpan
from storage.queries.contentment import buildings_rated, contentment, low_words

LOW: Final = 20


def command(
    community: Annotated[str, typer.Argument(help="小区名称")],
    month: Annotated[str, typer.Argument(help="月份，例如 2026-12")],
    building: Annotated[str, typer.Option(help="只看一栋楼，例如 3")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print a month's ratings by topic and building; too few of a building are not shown."""
    during = DaySpan.of(month_or_exit(month))

    async def look(db: Database) -> list[str]:
        served = [await community_or_exit(db, community)]
        found = await db.read(contentment, community_ids=served, during=during, building=building)
        if building:
            return lines(found, (), ())
        rated = await db.read(buildings_rated, community_ids=served, during=during)
        low = await db.read(low_words, community_ids=served, during=during, limit=LOW)
        return lines(found, rated, low)

    for line in read_books(database_url(config, folder), look) or ["没有可以显示的打分。"]:
        typer.echo(line)
