"""Reads what strangers send: in time, up to a size, never unpacked, and never believed."""

import asyncio
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from aiohttp import BodyPartReader, web

BODY_LIMIT_BYTES: Final = 64 * 1024
BODY_SECONDS: Final = 5
FORM_TYPE: Final = "application/x-www-form-urlencoded"
MAX_FIELDS: Final = 600
MAX_PARTS: Final = 20
UPLOAD_SECONDS: Final = 60
"""A photograph over a telephone's line takes longer than a form."""


@dataclass(eq=False)
class UnfitRequest(Exception):
    """A request that is not read further; `status` is all its sender learns."""

    status: int
    reason: str


async def read_body(request: web.Request) -> bytes:
    """Return the raw body. Raises UnfitRequest: packed 415, too large 413, too slow 408, cut 400.

    A body that came with its head is taken without waiting.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnfitRequest(415, "encoding")
    if (request.content_length or 0) > BODY_LIMIT_BYTES:
        raise UnfitRequest(413, "size")
    content = request.content
    if content.is_eof():
        body = content.read_nowait()
        if len(body) > BODY_LIMIT_BYTES:
            raise UnfitRequest(413, "size")
        return body
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read_on(request)
    except TimeoutError:
        raise UnfitRequest(408, "slow") from None
    except (web.RequestPayloadError, ConnectionError, ValueError):
        raise UnfitRequest(400, "cut") from None


async def _read_on(request: web.Request) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise UnfitRequest(413, "size")
    return bytes(body)


async def read_form(request: web.Request) -> dict[str, list[str]]:
    """Return the fields of a form, every value of each. Raises UnfitRequest."""
    body = await read_body(request)
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != FORM_TYPE:
        raise UnfitRequest(415, "not a form")
    try:
        text = body.decode("utf-8")
        form = parse_qs(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError:
        raise UnfitRequest(400, "form") from None
    _refuse_nothing_letters(form)
    return form


def _refuse_nothing_letters(form: dict[str, list[str]]) -> None:
    """Refuse U+0000, which no keyboard types and PostgreSQL does not keep. Raises UnfitRequest."""
    if any("\0" in one for said in form.values() for one in said):
        raise UnfitRequest(400, "form")


@dataclass(frozen=True, slots=True)
class Upload:
    """A form with a file: its fields, the file's name as it was sent, and what is in it."""

    fields: dict[str, list[str]]
    file_name: str
    content: bytes


async def read_upload(request: web.Request, *, most_bytes: int) -> Upload:
    """Return a form whose field "file" holds a file. Raises UnfitRequest.

    A file longer than `most_bytes` is 413; no file at all is an empty one.
    """
    if request.content_type != "multipart/form-data":
        raise UnfitRequest(415, "not a form with a file")
    limit = most_bytes + BODY_LIMIT_BYTES
    if (request.content_length or 0) > limit:
        raise UnfitRequest(413, "size")
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            return await _read_parts(request, most_bytes)
    except TimeoutError:
        raise UnfitRequest(408, "slow") from None
    except (web.RequestPayloadError, ConnectionError, ValueError):
        raise UnfitRequest(400, "form") from None


async def _read_parts(request: web.Request, most_bytes: int) -> Upload:
    fields: dict[str, list[str]] = {}
    name, content, left = "", b"", BODY_LIMIT_BYTES
    reader = await request.multipart()
    for _ in range(MAX_PARTS):
        part = await reader.next()
        if part is None:
            _refuse_nothing_letters(fields | {"file": [name]})
            return Upload(fields, name, content)
        if not isinstance(part, BodyPartReader):
            raise UnfitRequest(400, "form")
        if part.name == "file":
            name = part.filename or ""
            content = await _read_part(part, most_bytes)
            continue
        text = await _read_part(part, left)
        left -= len(text)
        fields.setdefault(part.name or "", []).append(text.decode("utf-8"))
    raise UnfitRequest(400, "fields")


async def _read_part(part: BodyPartReader, most_bytes: int) -> bytes:
    body = bytearray()
    while chunk := await part.read_chunk():
        body += chunk
        if len(body) > most_bytes:
            raise UnfitRequest(413, "size")
    return bytes(body)


def refuse_other_sites(request: web.Request, base_url: str) -> None:
    """Let nobody's page but ours send this form. Raises UnfitRequest 403.

    Our pages send no referrer, and then a browser's own form says "Origin: null".
    """
    site = request.headers.get("Sec-Fetch-Site")
    base = urlsplit(base_url)
    ours = f"{base.scheme}://{base.netloc}"
    origin = request.headers.get("Origin", ours)
    is_ours = site in ("same-origin", "none") if site else origin in (ours, "null")
    if not is_ours:
        raise UnfitRequest(403, "another site")


def query_text(request: web.Request, name: str) -> str:
    """Return one short parameter of the address, "" where it is missing or absurd."""
    text = request.query.get(name, "")
    return text if len(text) <= 512 and "\0" not in text else ""
