"""The front page and the platform's proof files."""

import asyncio
from pathlib import Path
from typing import Final

from aiohttp import web

from bot.web.pages import Pages
from bot.web.parts import WebParts

MAX_PROOF_BYTES: Final = 1024


class FrontDoor:
    """Pages that belong to nobody in particular."""

    def __init__(self, parts: WebParts, pages: Pages) -> None:
        """Show this company."""
        self._folder = parts.verify_dir
        self._pages = pages

    async def front(self, _request: web.Request) -> web.Response:
        """Say who runs this: company, services, phone and filing number."""
        return self._pages.render("front.html")

    async def proof(self, request: web.Request) -> web.Response:
        """Answer with a MP_verify file of the configured folder, which proves the domain ours."""
        if self._folder is None:
            raise web.HTTPNotFound
        body = await asyncio.to_thread(_read_proof, self._folder / request.match_info["name"])
        if body is None:
            raise web.HTTPNotFound
        return web.Response(body=body, headers={"Content-Type": "text/plain; charset=utf-8"})


def _read_proof(path: Path) -> bytes | None:
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_PROOF_BYTES:
        return None
    return path.read_bytes()
