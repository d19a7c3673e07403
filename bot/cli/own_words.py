"""What commands that write a community's own words share: who writes, and where links may lead."""

import json
from datetime import date
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from bot.cli.acting import community_or_exit, staff_or_exit
from bot.cli.places import fail, read_or_exit
from storage.database import Database
from storage.queries.residents import Contact, Staff, contact, staff_member

CommunityArgument = Annotated[str, typer.Argument(help="小区名称")]
ByOption = Annotated[str, typer.Option("--by", help="经理的手机号")]
ApplyOption = Annotated[bool, typer.Option("--apply", help="不写就只预览")]


def hosts_or_exit(config: Path | None, folder: Path | None) -> frozenset[str]:
    """Return the hosts that own words may link to: ours and those that are configured."""
    if config is not None:
        web = read_or_exit(config).web
        return frozenset((urlsplit(web.base_url).hostname or "", *web.link_hosts))
    try:
        facts = json.loads(((folder or Path()) / "demo.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as trouble:
        fail(f"{folder}/demo.json cannot be read: {trouble}")
    return frozenset((urlsplit(str(facts.get("base_url", ""))).hostname or "",))


async def office_or_exit(db: Database, name: str, *, on: date) -> tuple[int, Contact]:
    """Return a community and its office as of a Shanghai day, or end."""
    community_id = await community_or_exit(db, name)
    return community_id, await db.read(contact, community_id, on=on)


async def manager_or_exit(db: Database, phone: str) -> Staff:
    """Return the member of staff who writes, or end."""
    found: Staff | None = await db.read(staff_member, await staff_or_exit(db, phone))
    if found is None:
        fail(f"没有手机号是 {phone} 的在职人员；先用 wuyebot staff add 登记。")
    return found
