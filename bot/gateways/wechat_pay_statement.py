"""The trade bill (交易账单) of WeChat Pay: announced, kept, proved whole, read line by line."""

import gzip
import hashlib
import io
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import IO, Final

from bot.gateways import wechat_pay_facts as facts
from bot.gateways.wechat_pay_facts import GATEWAY, UnreadableError, Words
from storage.errors import GatewayUnavailable
from storage.frozen import dataclass
from storage.ports.payments import (
    LineKind,
    NoStatement,
    StatementBroken,
    StatementLine,
    StatementNotReady,
)

BEIJING: Final = timezone(timedelta(hours=8))
PACKED: Final = b"\x1f\x8b"
MAX_BYTES: Final = 4 * 1024**3
"""More than any merchant's day, unpacked: whatever is larger is no statement."""
MAX_LINE_CHARS: Final = 16 * 1024
PIECE_BYTES: Final = 1024 * 1024

MARK: Final = ",`"
KINDS: Final[Mapping[str, LineKind]] = {
    "SUCCESS": LineKind.PAYMENT,
    "REFUND": LineKind.REFUND,
    "REVOKED": LineKind.REFUND,
}
ENDS: Final[Mapping[str, str]] = {"SUCCESS": "success", "": "success", "FAIL": "failed"}
"""How a refund stood; a word that is not here has not ended."""
SUMMARY: Final = "总交易单数"
SUMS: Final[Mapping[str, str]] = {
    "应结订单总金额": "应结订单金额",
    "退款总金额": "退款金额",
    "充值券退款总金额": "充值券退款金额",
    "手续费总金额": "手续费",
    "订单总金额": "订单金额",
    "申请退款总金额": "申请退款金额",
}
"""Name in the summary → the column that it adds up."""
NEEDED: Final = (
    *("交易时间", "商户号", "微信订单号", "商户订单号", "交易状态", "货币种类", "手续费"),
    *("微信退款单号", "商户退款单号", "退款状态"),
)
PAID_COLUMNS: Final = ("订单金额", "应结订单金额")
BACK_COLUMNS: Final = ("申请退款金额", "退款金额")
"""What the payer paid or gets, with coupons; old statements have only what is settled."""

AMOUNT: Final = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,5}))?", re.ASCII)
SCALE: Final = 1000
"""Amounts are counted in thousandths of a fen: a fee has five decimals."""


@dataclass(frozen=True, slots=True)
class Announced:
    """Where a statement lies, and the SHA-1 of its unpacked bytes."""

    url: str
    sha1: str


def path_of(day: date) -> str:
    """Return what to ask for a day's statement."""
    return f"/v3/bill/tradebill?bill_date={day.isoformat()}&bill_type=ALL&tar_type=GZIP"


def announced(status: int, words: Words) -> Announced:
    """Read the answer. Raises StatementNotReady, NoStatement, GatewayUnavailable."""
    code = str(words.get("code", ""))[:64]
    if code in ("NO_STATEMENT_EXIST", "NO_BILL_EXIST"):
        raise NoStatement(code)
    if code in ("STATEMENT_CREATING", "BILL_CREATING"):
        raise StatementNotReady(code)
    if status != 200:
        raise GatewayUnavailable(GATEWAY, f"{status} {code}")
    try:
        kind, url = facts.text(words, "hash_type"), facts.text(words, "download_url")
        found = Announced(url, facts.text(words, "hash_value").lower())
    except UnreadableError as error:
        raise GatewayUnavailable(GATEWAY, f"statement: {error}") from error
    if kind != "SHA1":
        raise GatewayUnavailable(GATEWAY, f"statement: a digest of the kind {kind[:20]}")
    return found


class Sink:
    """Takes a download piece by piece: keeps it as it came, and counts what it unpacks to."""

    def __init__(self, folder: Path) -> None:
        """Begin an empty file in a folder, which is made where it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        self._part = folder / f".{GATEWAY}-{os.getpid()}-{id(self):x}.part"
        self._file = self._part.open("wb")
        self._sha1, self._sha256 = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
        self._unpack: zlib._Decompress | None = None
        self._size = self._plain_size = 0

    def take(self, piece: bytes) -> None:
        """Take the next bytes. Raises StatementBroken where they are not what was packed."""
        if not self._size and piece.startswith(PACKED):
            self._unpack = zlib.decompressobj(wbits=31)
        self._size += len(piece)
        self._file.write(piece)
        try:
            for plain in self._plain(piece):
                self._count(plain)
        except zlib.error as error:
            raise StatementBroken(f"cannot be unpacked: {error}") from error

    def _plain(self, piece: bytes) -> Iterator[bytes]:
        if self._unpack is None:
            yield piece
            return
        while piece:
            yield self._unpack.decompress(piece, PIECE_BYTES)
            piece = self._unpack.unconsumed_tail

    def _count(self, plain: bytes) -> None:
        self._plain_size += len(plain)
        if self._plain_size > MAX_BYTES:
            raise StatementBroken("a statement without end")
        self._sha1.update(plain)
        self._sha256.update(plain)

    def keep(self, sha1: str, name: str) -> tuple[Path, str]:
        """Give the file its name; return where it lies and the SHA-256 of what it unpacks to.

        Raises StatementBroken where it is not what the platform announced.
        """
        self._file.close()
        if self._unpack is not None:
            self._count(self._unpack.flush())
            if not self._unpack.eof:
                raise StatementBroken("ends in the middle")
        if self._sha1.hexdigest() != sha1:
            raise StatementBroken("its SHA-1 is not the announced one")
        digest = self._sha256.hexdigest()
        ending = "csv" if self._unpack is None else "csv.gz"
        return self._part.replace(self._part.with_name(f"{name}-{digest[:12]}.{ending}")), digest

    def drop(self) -> None:
        """Leave nothing behind of what was not kept."""
        self._file.close()
        self._part.unlink(missing_ok=True)


def lines_of(path: Path, day: date, mchid: str) -> Iterator[StatementLine]:
    """Read a kept statement. Raises StatementBroken as `PaymentGateway.read_statement` says."""
    try:
        with path.open("rb") as raw:
            is_packed = raw.peek(2)[:2] == PACKED
            plain = gzip.GzipFile(fileobj=raw) if is_packed else raw
            text = io.TextIOWrapper(plain, encoding="utf-8-sig", newline="\n")
            yield from _Reader(text, day, mchid).lines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise StatementBroken(f"cannot be read: {error}") from error


class _Reader:
    """One pass over a statement: rows by the names of their columns, then its own sums."""

    def __init__(self, text: IO[str], day: date, mchid: str) -> None:
        self._text, self._day, self._mchid = text, day.isoformat(), mchid
        self._number = 1
        names = self._next().split(",")
        self._at = {name.strip("`"): place for place, name in enumerate(names)}
        if missing := [name for name in NEEDED if name not in self._at]:
            raise StatementBroken(f"has no column {missing[0]}")
        self._width = len(names)
        self._paid_at = self._first_of(PAID_COLUMNS)
        self._back_at = self._first_of(BACK_COLUMNS)
        self._owner_at = [self._at[name] for name in ("商户号", "特约商户号") if name in self._at]
        summed = [(total, self._at[name]) for total, name in SUMS.items() if name in self._at]
        self._totals = dict.fromkeys((total for total, _ in summed), 0)
        self._summed = summed
        self._count = 0

    def _first_of(self, columns: tuple[str, ...]) -> int:
        found = next((self._at[name] for name in columns if name in self._at), None)
        if found is None:
            raise StatementBroken(f"has no column {columns[0]}")
        return found

    def _next(self) -> str:
        line = self._text.readline(MAX_LINE_CHARS)
        if line and not line.endswith("\n") and len(line) >= MAX_LINE_CHARS:
            raise self._broken("has no end")
        return line.rstrip("\r\n")

    def lines(self) -> Iterator[StatementLine]:
        """Yield each row; the sums are compared when all have been read."""
        while True:
            self._number += 1
            row = self._next()
            if row.startswith(SUMMARY):
                break
            if not row:
                raise StatementBroken("ends without its summary")
            cells = row[1:].split(MARK)
            if len(cells) != self._width or row[0] != "`":
                raise self._broken(f"has {len(cells)} cells, not {self._width}")
            yield self._line(cells)
        self._check_summary(row.split(","), self._next())
        if self._next():
            raise StatementBroken("goes on after its summary")

    def _line(self, cells: list[str]) -> StatementLine:
        at = self._at
        self._count += 1
        for total, place in self._summed:
            self._totals[total] += self._scaled(cells[place])
        written = cells[at["交易时间"]]
        if not written.startswith(self._day):
            raise self._broken(f"is of {written[:10]}, not of {self._day}")
        if self._mchid not in [cells[place] for place in self._owner_at]:
            raise self._broken("is another merchant's")
        kind = KINDS.get(cells[at["交易状态"]])
        if kind is None or cells[at["货币种类"]] != "CNY":
            raise self._broken("is of a kind that we do not know")
        is_refund = kind is LineKind.REFUND
        end = ENDS.get(cells[at["退款状态"]], "processing") if is_refund else "success"
        return StatementLine(
            kind,
            cells[at["商户订单号"]],
            cells[at["商户退款单号"]] if is_refund else "",
            cells[at["微信订单号"]],
            cells[at["微信退款单号"]] if is_refund else "",
            self._fen(cells[self._back_at if is_refund else self._paid_at]),
            _rounded(self._scaled(cells[at["手续费"]])),
            self._instant(written),
            end,
        )

    def _instant(self, written: str) -> datetime:
        try:
            return datetime.fromisoformat(written).replace(tzinfo=BEIJING).astimezone(UTC)
        except ValueError as error:
            raise self._broken(f"has no time: {written[:19]}") from error

    def _fen(self, written: str) -> int:
        fen, rest = divmod(self._scaled(written), SCALE)
        if rest or fen < 0:
            raise self._broken(f"has no whole fen: {written[:20]}")
        return fen

    def _scaled(self, written: str) -> int:
        found = _amount(written)
        if found is None:
            raise self._broken(f"has no amount: {written[:20]}")
        return found

    def _check_summary(self, names: list[str], row: str) -> None:
        cells = [cell.strip("`") for cell in row.split(",")]
        said = dict(zip(names, map(_amount, cells), strict=False))
        if len(cells) != len(names) or said[SUMMARY] != self._count * 100 * SCALE:
            raise StatementBroken(f"says {cells[0][:20]} rows and has {self._count}")
        for name, total in self._totals.items():
            stated = said.get(name)
            slack = 5 * SCALE // 10 if name == "手续费总金额" else 0
            if name in said and (stated is None or abs(stated - total) > slack):
                raise StatementBroken(f"{name} is not the sum of its rows")

    def _broken(self, what: str) -> StatementBroken:
        return StatementBroken(f"line {self._number} {what}")


@lru_cache(maxsize=4096)
def _amount(written: str) -> int | None:
    """Read "-12.34500" as thousandths of a fen; None for what is no amount."""
    found = AMOUNT.fullmatch(written)
    if found is None:
        return None
    sign, whole, decimals = found.groups()
    scaled = int(whole) * 100 * SCALE + int((decimals or "").ljust(5, "0"))
    return -scaled if sign else scaled


def _rounded(scaled: int) -> int:
    """Round a fee to whole fen, half up by its size."""
    fen = (abs(scaled) + SCALE // 2) // SCALE
    return -fen if scaled < 0 else fen
