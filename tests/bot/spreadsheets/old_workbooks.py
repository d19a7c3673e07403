"""Writes an .xls workbook by hand: BIFF8 records in a compound file, as the old Excel did."""

import struct
from collections.abc import Sequence
from pathlib import Path

SECTOR = 512
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
NOBODY = 0xFFFFFFFF


def write_old(path: Path, rows: Sequence[Sequence[str | float]], sheet: str = "明细") -> Path:
    """Write one sheet of texts and numbers; return the path."""
    path.write_bytes(_compound(_workbook(rows, sheet)))
    return path


def _record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _workbook(rows: Sequence[Sequence[str | float]], sheet: str) -> bytes:
    name = sheet.encode("utf-16-le")
    begin = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 0))
    bound_length = 4 + 6 + 2 + len(name)
    end = _record(0x000A)
    at = len(begin) + bound_length + len(end)
    bound = _record(0x0085, struct.pack("<IBBBB", at, 0, 0, len(sheet), 1) + name)
    cells = b"".join(
        _cell(r, c, value)
        for r, row in enumerate(rows)
        for c, value in enumerate(row)
        if value != ""
    )
    first = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 0))
    width = max((len(row) for row in rows), default=0)
    size = _record(0x0200, struct.pack("<IIHHH", 0, len(rows), 0, width, 0))
    return begin + bound + end + first + size + cells + end


def _cell(row: int, column: int, value: str | float) -> bytes:
    place = struct.pack("<HHH", row, column, 0)
    if isinstance(value, str):
        text = value.encode("utf-16-le")
        return _record(0x0204, place + struct.pack("<HB", len(text) // 2, 1) + text)
    return _record(0x0203, place + struct.pack("<d", value))


def _compound(stream: bytes) -> bytes:
    """Put one stream named Workbook into a compound file: header, table, directory, stream."""
    stream = stream.ljust(8 * SECTOR, b"\0")
    sectors = -(-len(stream) // SECTOR)
    chain = [FAT, END, *(3 + at for at in range(sectors - 1)), END]
    assert len(chain) <= 128
    table = struct.pack("<128I", *chain, *[FREE] * (128 - len(chain)))
    root = _entry("Root Entry", 5, END, 0, child=1)
    entries = root + _entry("Workbook", 2, 2, len(stream)) + _entry("", 0, 0, 0) * 2
    magic = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    shape = struct.pack(
        "<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, END, 0, END, 0
    )
    places = struct.pack("<109I", 0, *[FREE] * 108)
    return magic + shape + places + table + entries + stream.ljust(sectors * SECTOR, b"\0")


def _entry(name: str, kind: int, start: int, size: int, child: int = NOBODY) -> bytes:
    raw = (name + "\0").encode("utf-16-le") if name else b""
    head = raw.ljust(64, b"\0") + struct.pack("<HBB", len(raw), kind, 1)
    links = struct.pack("<III", NOBODY, NOBODY, child)
    return head + links + bytes(36) + struct.pack("<IQ", start, size)
