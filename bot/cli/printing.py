"""`wuyebot print`: paper bills by building, with a QR code that opens the pay page."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.places import ConfigOption, FolderOption, fail, read_or_exit
from bot.web.paper import codes_of, codes_to_keep, render
from bot.web.seals import Seals
from storage.database import open_database, open_reader
from storage.errors import StorageUnavailable
from storage.frozen import dataclass
from storage.links import Links
from storage.operations.paper_codes import keep_paper_codes
from storage.periods import shanghai_day
from storage.queries.paper_bills import PaperBill, paper_bills

command = typer.Typer(add_completion=False, help="打印缴费通知单")


@dataclass(frozen=True, slots=True)
class Press:
    """What printing needs to know of a deployment."""

    database_url: str
    secret: bytes
    base_url: str


@command.callback()
def _group() -> None:
    """Keep `bills` a word of its own, so that more can follow."""


@command.command("bills")
def bills(
    building: Annotated[str, typer.Option(help="楼栋，例如 3")],
    out: Annotated[Path, typer.Option(help="写到哪个 HTML 文件")],
    community: Annotated[str, typer.Option(help="小区名称；只有一个小区时不用写")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Write one A5 page per household that owes. Printing again gives the same codes.

    Codes that were never printed are written down first: stop a running SQLite bot for that.
    """
    press = press_of(config, folder)
    try:
        count, document = asyncio.run(print_bills(press, building, community))
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    if not count:
        fail(f"{building}栋没有待缴的账单，没有写文件。")
    out.write_text(document, encoding="utf-8")
    typer.echo(f"{count} 户，已写到 {out}。用浏览器打开，选 A5 纸打印。")


async def print_bills(press: Press, building: str, community: str = "") -> tuple[int, str]:
    """Return how many households owe in a building, and their sheets as one document.

    Reads beside a running bot; only new codes need the books for writing. Raises
    StorageUnavailable.
    """
    today = shanghai_day(datetime.now(UTC))
    async with open_reader(press.database_url) as db:
        found: list[PaperBill] = await db.read(
            paper_bills, building, today=today, community=community
        )
    codes = codes_of(found, Seals(press.secret))
    new = codes_to_keep(found, codes)
    if new:
        async with open_database(press.database_url) as db:
            await db.write(keep_paper_codes, new)
    links = Links(press.secret, press.base_url)
    return len(found), render(found, codes, links, printed_on=today)


def press_of(config: Path | None, folder: Path | None) -> Press:
    """Return what printing needs of a deployment or a demo, or end with a clear word."""
    if config is not None:
        settings = read_or_exit(config)
        secret = settings.links.secret.encode()
        return Press(settings.database.url, secret, settings.web.base_url)
    if folder is None:
        fail("say which books: --config FILE or --data DIR")
    try:
        facts = json.loads((folder / "demo.json").read_text(encoding="utf-8"))
        secret = (folder / "link_secret").read_text(encoding="utf-8").strip().encode()
    except (OSError, ValueError) as trouble:
        fail(f"{folder} is not a demo's folder: {trouble}")
    return Press(str(facts["database_url"]), secret, str(facts["base_url"]))
