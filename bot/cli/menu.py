"""`wuyebot menu`: the official account's menu."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.channels.exchange import open_http
from bot.channels.registry import load_channel
from bot.cli.places import fail, read_or_exit
from bot.config import Settings
from bot.menu import BUTTONS
from storage.errors import ChannelUnavailable

command = typer.Typer(add_completion=False, help="公众号菜单")

ConfigArgument = Annotated[Path, typer.Option("--config", help="The configuration file.")]


@command.command("push")
def push(config: ConfigArgument) -> None:
    """Publish the menu to every configured official account."""
    settings = read_or_exit(config)
    try:
        count = asyncio.run(_push(settings))
    except ChannelUnavailable as trouble:
        fail(f"{trouble.channel}: 菜单没有发布成功：{trouble.reason}")
    typer.echo(f"已发布到 {count} 个公众号；居民重新进入公众号后看到新菜单。")


@command.command("show")
def show() -> None:
    """Print the menu that `push` publishes."""
    for button in BUTTONS:
        typer.echo(button["name"])
        for one in button.get("sub_button", []):
            typer.echo(f"  {one['name']}")


async def _push(settings: Settings) -> int:
    module, class_name = load_channel("wechat_official")
    count = 0
    async with open_http() as http:
        for kind, one in settings.channels.values():
            if kind != "wechat_official":
                continue
            channel = getattr(module, class_name)(one, http=http, now=lambda: datetime.now(UTC))
            await channel.publish_menu(BUTTONS)
            count += 1
    return count
