"""The peer: WeRoBot on one of its servers, answering a constant text from memory.

Its session storage is off; with its default one (SQLite) it makes a fifth of this.
"""

import asyncio
import importlib
from typing import Any

from werobot import WeRoBot

from tests.benchmarks.account import AES_KEY, APP_ID, TOKEN, echo

HOST = "127.0.0.1"


def main(words: list[str]) -> None:
    """Serve until ended: SERVER ("tornado" or "waitress") and PORT."""
    server, port = words
    robot = WeRoBot(token=TOKEN, enable_session=False)
    robot.config["ENCODING_AES_KEY"] = AES_KEY
    robot.config["APP_ID"] = APP_ID

    @robot.text
    def answer(message: Any) -> str:
        return echo(message.source)

    if server == "tornado":
        asyncio.run(_tornado(robot, int(port)))
    else:
        robot.run(server=server, host=HOST, port=int(port), enable_pretty_logging=False)


async def _tornado(robot: WeRoBot, port: int) -> None:
    # Loaded here, so that the other server starts as quickly as it can.
    web = importlib.import_module("tornado.web")
    make_handler = importlib.import_module("werobot.contrib.tornado").make_handler
    app = web.Application([(r"/.*", make_handler(robot))])
    app.listen(port, HOST)
    await asyncio.Event().wait()
