"""`wuyebot demo`: the bot, the scheduler and the sandbox, ready to be played with."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot import config, demo, log
from bot.cli.places import fail
from storage.errors import StorageUnavailable


def command(
    port: Annotated[int, typer.Option(help="Where to answer, on loopback.")] = 8080,
    folder: Annotated[Path, typer.Option("--data", help="The demo's folder.")] = Path(".demo"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew.")] = False,  # noqa: FBT002
    now: Annotated[str, typer.Option(help="Start the virtual clock here (ISO).")] = "",
    database: Annotated[str, typer.Option(help="Another database than SQLite.")] = "",
    platforms: Annotated[str, typer.Option(help="The address of `wuyebot sandbox`.")] = "",
) -> None:
    """Run the demo until it is told to stop."""
    log.set_up("INFO")
    config.arm_crashpoints()
    try:
        if fresh:
            demo.start_fresh(folder)
        ask = demo.DemoAsk(port, folder.resolve(), _instant(now), database, platforms)
    except ValueError as trouble:
        fail(str(trouble))
    typer.echo(f"打开 http://127.0.0.1:{port}/_sandbox/phone 开始体验（Ctrl+C 结束）")
    try:
        asyncio.run(demo.serve(ask))
    except StorageUnavailable as trouble:
        fail(trouble.reason)
    except OSError as trouble:
        fail(f"端口 {port} 用不了：{trouble}。请换一个：--port")


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"--now needs a time zone, such as {text}+08:00")
    return instant
