"""The trade bill (业务明细) of Alipay: two files in a ZIP, proved whole, read line by line."""

import csv
import hashlib
import io
import os
import re
import secrets
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import IO, Final

from bot.gateways import alipay_facts as facts
from bot.gateways.strict_json import UnreadableError
from storage.ports.payments import LineKind, StatementBroken, StatementLine

BEIJING: Final = timezone(timedelta(hours=8))
PACKED: Final = b"PK"
MAX_BYTES: Final = 4 * 1024**3
"""More than any merchant's day, unpacked: whatever is larger is no statement."""
MAX_LINE_CHARS: Final = 16 * 1024
PIECE_BYTES: Final = 1024 * 1024
CHINESE: Final = "gb18030"
UTF8_NAME: Final = 0x800

DETAIL: Final = "业务明细.csv"
SUMMARY: Final = "业务明细(汇总).csv"
ACCOUNT: Final = re.compile(r"#账号：\[([0-9]{16})(?:0156)?\].*")
DAYS: Final = re.compile(
    r"#起始日期：\[([0-9]{4})年([0-9]{2})月([0-9]{2})日 00:00:00\]\s*终止日期：\[([^\]]{8,30})\].*"
)
PAID: Final = re.compile(r"#交易合计：([0-9]{1,12})笔，商家实收共(-?[0-9][0-9,.]*)元.*")
BACK: Final = re.compile(r"#退款合计：([0-9]{1,12})笔，商家实收退款共(-?[0-9][0-9,.]*)元.*")

KINDS: Final[Mapping[str, LineKind]] = {"交易": LineKind.PAYMENT, "退款": LineKind.REFUND}
NEEDED: Final = (
    *("支付宝交易号", "商户订单号", "业务类型", "商品名称", "完成时间", "订单金额", "商家实收"),
    *("退款批次号/请求号", "服务费"),
)
TROUBLES: Final = (
    *(OSError, EOFError, zlib.error, zipfile.BadZipFile),
    *(UnicodeError, RuntimeError, NotImplementedError),
)


def part_in(folder: Path) -> Path:
    """Return where a download may grow: in a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f".{facts.GATEWAY}-{os.getpid()}-{secrets.token_hex(4)}.part"


def keep(part: Path, day: date, seller_id: str) -> tuple[Path, str]:
    """Give a download its name; return where it lies and the SHA-256 of its rows.

    Raises StatementBroken where it is cut, or of another merchant or day.
    """
    digest = digest_of(part, day, seller_id)
    name = f"{facts.GATEWAY}-{seller_id}-{day.isoformat()}-{digest[:12]}.zip"
    return part.replace(part.with_name(name)), digest


def drop(part: Path) -> None:
    """Leave nothing behind of what was not kept."""
    part.unlink(missing_ok=True)


def is_packed(path: Path) -> bool:
    """Tell whether a download is a ZIP at all; a dead address gives a page instead."""
    with path.open("rb") as raw:
        return raw.read(len(PACKED)) == PACKED


def digest_of(path: Path, day: date, seller_id: str) -> str:
    """Return the SHA-256 of a downloaded bill's rows, its files and heads looked at.

    Raises StatementBroken where it is cut, or of another merchant or day.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            detail, summary = _members(packed)
            digest = hashlib.sha256()
            with packed.open(detail) as raw:
                while piece := raw.read(PIECE_BYTES):
                    digest.update(piece)
            for member in (detail, summary):
                with packed.open(member) as raw:
                    _Lines(raw).head(day, seller_id)
    except TROUBLES as error:
        raise StatementBroken(f"cannot be unpacked: {error}") from error
    return digest.hexdigest()


def lines_of(path: Path, day: date, seller_id: str) -> Iterator[StatementLine]:
    """Read a kept bill. Raises StatementBroken as `PaymentGateway.read_statement` says."""
    try:
        with zipfile.ZipFile(path) as packed:
            detail, summary = _members(packed)
            with packed.open(detail) as raw:
                reader = _Detail(_Lines(raw), day, seller_id)
                yield from reader.rows()
            with packed.open(summary) as raw:
                _check_summary(_Lines(raw), day, seller_id, reader)
    except TROUBLES as error:
        raise StatementBroken(f"cannot be read: {error}") from error


def _members(packed: zipfile.ZipFile) -> tuple[zipfile.ZipInfo, zipfile.ZipInfo]:
    """Find the two files; their names are in GBK and do not say so."""
    named: dict[str, list[zipfile.ZipInfo]] = {DETAIL: [], SUMMARY: []}
    for one in packed.infolist():
        name = one.filename
        if not one.flag_bits & UTF8_NAME:
            name = name.encode("cp437").decode(CHINESE)
        for ending, found in named.items():
            if name.endswith(f"_{ending}") or name == ending:
                found.append(one)
    for ending, found in named.items():
        if len(found) != 1 or found[0].file_size > MAX_BYTES:
            raise StatementBroken(f"has not one file {ending}")
    return named[DETAIL][0], named[SUMMARY][0]


class _Lines:
    """The lines of one file, each of them counted and of bounded length."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._text = io.TextIOWrapper(raw, encoding=CHINESE, newline="\n")
        self.number = 0

    def next(self) -> str:
        """Return the next line without its end, "" at the end of the file."""
        self.number += 1
        line = self._text.readline(MAX_LINE_CHARS)
        if len(line) >= MAX_LINE_CHARS:
            raise self.broken("has no end")
        return line.rstrip("\r\n") or (" " if line else "")

    def head(self, day: date, seller_id: str) -> list[str]:
        """Read up to the names of the columns; whose bill it is, and of when, is compared."""
        account = days = None
        line = self.next()
        while line.startswith("#") or not line.strip():
            if not line:
                raise StatementBroken("ends before its rows")
            account = ACCOUNT.fullmatch(line) or account
            days = DAYS.fullmatch(line) or days
            line = self.next()
        if account is None or account[1] != seller_id:
            raise StatementBroken("is another merchant's")
        if days is None or (days[1], days[2], days[3]) != tuple(day.isoformat().split("-")):
            raise StatementBroken(f"is not of {day}")
        return [name.strip().replace("（元）", "").replace("(元)", "") for name in line.split(",")]

    def broken(self, what: str) -> StatementBroken:
        """Return the trouble with this line."""
        return StatementBroken(f"line {self.number} {what}")


class _Detail:
    """One pass over the rows: by the names of their columns, then against their own sums."""

    def __init__(self, lines: _Lines, day: date, seller_id: str) -> None:
        self._lines = lines
        self._day = day.isoformat()
        names = lines.head(day, seller_id)
        self._at = {name: place for place, name in enumerate(names)}
        if missing := [name for name in NEEDED if name not in self._at]:
            raise StatementBroken(f"has no column {missing[0]}")
        self._width = len(names)
        self.counts = dict.fromkeys(LineKind, 0)
        self.settled_fen = dict.fromkeys(LineKind, 0)

    def rows(self) -> Iterator[StatementLine]:
        """Yield each row; the sums are compared when all have been read."""
        while not (row := self._lines.next()).startswith("#"):
            if not row:
                raise StatementBroken("ends without its sums")
            yield self._line(self._cells(row))
        self._check_sums()

    def _cells(self, row: str) -> list[str]:
        cells = row.split(",")
        if len(cells) != self._width and '"' in row:
            cells = next(csv.reader([row]))
        surplus = len(cells) - self._width
        if surplus > 0:
            # What was sold is the one free text here, and commas in it are not marked.
            place = self._at["商品名称"]
            cells[place : place + surplus + 1] = [",".join(cells[place : place + surplus + 1])]
        if len(cells) != self._width:
            raise self._lines.broken(f"has {len(cells)} cells, not {self._width}")
        return [cell.strip('\t "') for cell in cells]

    def _line(self, cells: list[str]) -> StatementLine:
        at = self._at
        kind = KINDS.get(cells[at["业务类型"]])
        if kind is None:
            raise self._lines.broken("is of a kind that we do not know")
        is_refund = kind is LineKind.REFUND
        amount_fen = self._fen(cells[at["订单金额"]])
        if is_refund:
            amount_fen = -amount_fen
        if amount_fen < 0:
            raise self._lines.broken("has a sum of the wrong sign")
        self.counts[kind] += 1
        self.settled_fen[kind] += self._fen(cells[at["商家实收"]])
        request_no = cells[at["退款批次号/请求号"]] if is_refund else ""
        return StatementLine(
            kind,
            cells[at["商户订单号"]],
            request_no,
            cells[at["支付宝交易号"]],
            request_no,
            amount_fen,
            -self._fen(cells[at["服务费"]]),
            self._instant(cells[at["完成时间"]]),
        )

    def _instant(self, written: str) -> datetime:
        if not written.startswith(self._day):
            raise self._lines.broken(f"is of {written[:10]}, not of {self._day}")
        try:
            return datetime.fromisoformat(written).replace(tzinfo=BEIJING).astimezone(UTC)
        except ValueError as error:
            raise self._lines.broken(f"has no time: {written[:19]}") from error

    def _fen(self, written: str) -> int:
        found = _amount(written)
        if found is None:
            raise self._lines.broken(f"has no amount: {written[:20]}")
        return found

    def _check_sums(self) -> None:
        found = {LineKind.PAYMENT: False, LineKind.REFUND: False}
        while line := self._lines.next():
            for kind, shape in ((LineKind.PAYMENT, PAID), (LineKind.REFUND, BACK)):
                if said := shape.fullmatch(line):
                    found[kind] = True
                    stated = (int(said[1]), _amount(said[2].replace(",", "")))
                    if stated != (self.counts[kind], self.settled_fen[kind]):
                        raise self._lines.broken("is not the sum of the rows")
            if not line.startswith("#") and line.strip():
                raise self._lines.broken("stands after the end")
        if not all(found.values()):
            raise StatementBroken("ends without its sums")


def _check_summary(lines: _Lines, day: date, seller_id: str, rows: _Detail) -> None:
    """Hold the second file's total line against the rows of the first."""
    names = lines.head(day, seller_id)
    while row := lines.next():
        if row.startswith("合计"):
            break
    cells = dict(zip(names, (cell.strip() for cell in row.split(",")), strict=False))
    counts = (rows.counts[LineKind.PAYMENT], rows.counts[LineKind.REFUND])
    stated = tuple(cells.get(name) for name in ("交易订单总笔数", "退款订单总笔数"))
    if stated != tuple(map(str, counts)):
        raise StatementBroken("its summary counts other rows than it has")
    paid_fen = rows.settled_fen[LineKind.PAYMENT]
    settled_fen = _amount(cells.get("商家实收", ""))
    if settled_fen not in (paid_fen, paid_fen + rows.settled_fen[LineKind.REFUND]):
        raise StatementBroken("its summary has another sum than its rows")


@lru_cache(maxsize=4096)
def _amount(written: str) -> int | None:
    try:
        return facts.signed_fen(written)
    except UnreadableError:
        return None
