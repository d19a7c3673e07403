"""`wuyebot parking`: the list of number plates for the barrier (道闸白名单)."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli.acting import community_or_exit, day_or_exit, read_books
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from bot.spreadsheets.writing import Cell, write_parts
from storage.database import Database
from storage.periods import shanghai_day
from storage.queries.parking import Plate, plates_of

HEADERS: Final = ("车位", "收费项目", "车牌号", "有效期至")
NO_END: Final = "长期"
UNPAID: Final = "未缴"


def command(
    community: Annotated[str, typer.Argument(help="小区名称")],
    file: Annotated[Path, typer.Argument(help="写到哪个 .xlsx 文件")],
    on: Annotated[str, typer.Option(help="哪天的名单，默认今天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Write which plates may pass the barrier and up to which day; beside a running bot, too."""
    if file.suffix.lower() != ".xlsx":
        fail(f"{file} 的名字要以 .xlsx 结尾。")
    day = day_or_exit(on, otherwise=shanghai_day(datetime.now(UTC)))

    async def read(db: Database) -> list[Plate]:
        return await db.read(plates_of, await community_or_exit(db, community), day)

    found = read_books(database_url(config, folder), read)
    try:
        write_parts(file, title="道闸名单", headers=HEADERS, rows=map(_row, found))
    except OSError as trouble:
        fail(f"写不了 {file}：{trouble.strerror}。")
    typer.echo(f"已写到 {file}，共 {len(found)} 辆车。文件里有车牌号，请妥善保管。")


def _row(one: Plate) -> tuple[Cell, ...]:
    until = (one.last_on or NO_END) if one.may_pass else UNPAID
    return one.unit_label, one.item_name, one.plate, until
