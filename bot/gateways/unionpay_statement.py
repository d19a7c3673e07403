"""UnionPay's statement (银联对账文件): a zip of fixed-width GBK rows cut by bytes, and its sums."""

import hashlib
import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Final

from bot.gateways import unionpay_codec as codec
from bot.gateways import unionpay_facts as facts
from bot.gateways.unionpay_codec import UnreadableError
from storage.errors import NotAnAmount
from storage.money import from_yuan
from storage.periods import shanghai_instant
from storage.ports.payments import LineKind, StatementBroken, StatementFile, StatementLine

THERE_BY: Final = time(12)
"""Noon of the next day, in Shanghai: until then "no file" means not yet, afterwards no trades."""

WIDTHS: Final = (
    *(3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1),
    *(21, 15, 1, 15, 32, 13, 13, 8, 32, 13, 13, 12, 2, 1, 131),
)
ERROR_WIDTHS: Final = (
    *(3, 11, 11, 6, 10, 19, 12, 4, 2, 2, 6, 10, 4, 12, 13, 13, 15, 15, 1, 12, 2, 135),
)
TRADE: Final[Mapping[str, int]] = {
    "second": 4,
    "fen": 6,
    "query_id": 9,
    "number": 11,
    "fee": 15,
    "settled": 16,
    "kind": 19,
    "of_query_id": 26,
    "merchant": 27,
    "reserved": 34,
}
"""Which column of a row is what."""
ERROR: Final[Mapping[str, int]] = {"trace": 3, "second": 4, "fen": 6}
KINDS: Final[Mapping[str, LineKind]] = {
    "01": LineKind.PAYMENT,
    "04": LineKind.REFUND,
    "31": LineKind.REFUND,
}
"""A purchase, a refund, an undone purchase (撤销)."""

MAX_ROW_BYTES: Final = 4096
MAX_SUMMARY_BYTES: Final = 1024 * 1024
PIECE_LIMIT_BYTES: Final = 256 * 1024 * 1024
_MEMBER: Final = re.compile(
    r"(?:INN([0-9]{6})88(ZME?)|RD2010([0-9]{6})[0-9]{2})_([0-9A-Za-z]{1,15})", re.ASCII
)
_FEN: Final = re.compile(r"[0-9]{12}", re.ASCII)
_SIGNED_FEN: Final = re.compile(r"([DC ])([0-9]{12})", re.ASCII)
_TOTAL: Final = re.compile(r"总计 +([0-9]{1,9})((?: +[0-9,]{1,15}\.[0-9]{2}){6}) *")
_OF_WHOM: Final = re.compile(r"商户代码[:：] *([0-9A-Za-z]{1,15})(?: .*)?")
_OF_DAY: Final = re.compile(r".* 清算日期[:：] *([0-9]{8}) *")


def is_over(day: date, now: datetime) -> bool:
    """Tell whether the file of a clearing day must be there by now, if it had any trades."""
    return now >= shanghai_instant(day + timedelta(days=1), THERE_BY)


def keep(content: str, folder: Path, whose: tuple[str, str], day: date) -> StatementFile:
    """Unpack what the platform answered and write the zip as it came. Raises StatementBroken.

    `whose` is the gateway's name and its merchant.
    """
    gateway, merchant_id = whose
    try:
        raw = codec.unpack(content, limit_bytes=PIECE_LIMIT_BYTES)
    except UnreadableError as error:
        raise StatementBroken(str(error)) from error
    digest = hashlib.sha256(raw).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{gateway}-{merchant_id}-{day:%Y%m%d}-{digest[:12]}.zip"
    fresh = path.with_name(f".{path.name}.{os.getpid()}.part")
    fresh.write_bytes(raw)
    fresh.replace(path)
    return StatementFile(gateway, merchant_id, day, path, digest)


def lines_of(path: Path, day: date, merchant_id: str) -> Iterator[StatementLine]:
    """Read a kept statement. Raises StatementBroken as `PaymentGateway.read_statement` says."""
    try:
        with zipfile.ZipFile(path) as packed:
            yield from _Reader(packed, day, merchant_id).lines()
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise StatementBroken(f"cannot be read: {error}") from error
    except RuntimeError as error:
        raise StatementBroken("is locked with a password") from error


@dataclass
class _Sums:
    """What rows add up to: charged or given back, fees to us or by us, owed to us or by us."""

    count: int = 0
    fen: dict[LineKind, int] = field(default_factory=lambda: dict.fromkeys(LineKind, 0))
    fee_fen: int = 0
    settled_fen: int = 0


class _Reader:
    """One pass over a statement: every trade, every error, then the sums of all trades."""

    def __init__(self, packed: zipfile.ZipFile, day: date, merchant_id: str) -> None:
        self._packed, self._day, self._merchant_id = packed, day, merchant_id
        self._sums = _Sums()
        self._members: dict[str, str] = {}
        for name in packed.namelist():
            self._take_member(name)
        if "RD" not in self._members:
            raise StatementBroken("has no summary")

    def _take_member(self, name: str) -> None:
        found = _MEMBER.fullmatch(name)
        if found is None:
            raise StatementBroken(f"holds what we do not know: {name[:40]!r}")
        kind, written = found[2] or "RD", found[1] or found[3]
        if written != f"{self._day:%y%m%d}":
            raise StatementBroken(f"is of {written}, not of {self._day:%y%m%d}")
        if found[4] != self._merchant_id:
            raise StatementBroken("is another merchant's")
        if kind in self._members:
            raise StatementBroken(f"holds {kind} twice")
        self._members[kind] = name

    def lines(self) -> Iterator[StatementLine]:
        """Yield each row; the sums are compared when all have been read."""
        for place, row in self._rows("ZM", WIDTHS):
            yield self._trade(place, row)
        for place, row in self._rows("ZME", ERROR_WIDTHS):
            yield self._error(place, row)
        self._check_summary()

    def _rows(self, member: str, widths: tuple[int, ...]) -> Iterator[tuple[str, list[str]]]:
        """Cut each row by bytes: a Chinese character takes two, and must not move the next."""
        if member not in self._members:
            return
        length = sum(widths) + len(widths) - 1
        ends = list(accumulate(width + 1 for width in widths))
        number = 0
        with self._packed.open(self._members[member]) as raw:
            while written := raw.readline(MAX_ROW_BYTES):
                number += 1
                place, row = f"{member} row {number}", written.rstrip(b"\r\n")
                if not row:
                    continue
                if len(row) != length or any(row[end - 1 : end] != b" " for end in ends[:-1]):
                    raise StatementBroken(f"{place} is not {length} bytes in its columns")
                starts = [end - width - 1 for end, width in zip(ends, widths, strict=True)]
                cells = zip(starts, widths, strict=True)
                yield place, [_plain(place, row[at : at + width]) for at, width in cells]

    def _trade(self, place: str, row: list[str]) -> StatementLine:
        cell = {name: row[column] for name, column in TRADE.items()}
        if cell["merchant"] != self._merchant_id:
            raise StatementBroken(f"{place} is another merchant's")
        kind = KINDS.get(cell["kind"])
        if kind is None:
            raise StatementBroken(f"{place} is of the kind {cell['kind']}, which we do not know")
        is_refund = kind is LineKind.REFUND
        amount_fen = _fen(place, cell["fen"])
        fee_fen, settled_fen = _debit(place, cell["fee"]), -_debit(place, cell["settled"])
        self._sums.count += 1
        self._sums.fen[kind] += amount_fen
        self._sums.fee_fen += fee_fen
        self._sums.settled_fen += settled_fen
        paid_no = cell["reserved"] if facts.NUMBER.fullmatch(cell["reserved"]) else ""
        return StatementLine(
            kind=kind,
            order_no=paid_no if is_refund else cell["number"],
            refund_no=cell["number"] if is_refund else "",
            transaction_id=cell["of_query_id"] if is_refund else cell["query_id"],
            platform_refund_id=cell["query_id"] if is_refund else "",
            amount_fen=amount_fen,
            fee_fen=fee_fen,
            at=self._at(place, cell["second"]),
        )

    def _error(self, place: str, row: list[str]) -> StatementLine:
        """Read an adjustment (差错): money that the platform moved without us.

        No order of ours can be named by it, so it is a refund that nobody here asked for: a
        person has to look.
        """
        cell = {name: row[column] for name, column in ERROR.items()}
        return StatementLine(
            kind=LineKind.REFUND,
            order_no="",
            refund_no="",
            transaction_id="",
            platform_refund_id=f"ZME{cell['second']}{cell['trace']}",
            amount_fen=_fen(place, cell["fen"]),
            fee_fen=0,
            at=self._at(place, cell["second"]),
        )

    def _at(self, place: str, written: str) -> datetime:
        found = facts.read_second_of_year(written, self._day)
        if found is None:
            raise StatementBroken(f"{place} has no time: {written}")
        return found

    def _check_summary(self) -> None:
        """Hold the summary against the rows: count, both ways of money, fees, what is paid out."""
        with self._packed.open(self._members["RD"]) as raw:
            written = raw.read(MAX_SUMMARY_BYTES)
        try:
            lines = [line.strip() for line in written.decode("gb18030").splitlines()]
        except UnicodeDecodeError as error:
            raise StatementBroken("the summary is not GBK") from error
        self._check_head(lines)
        totals = [found for line in lines if (found := _TOTAL.fullmatch(line))]
        if not totals:
            raise StatementBroken("the summary has no total")
        sums = self._sums
        counted = (
            sums.count,
            sums.fen[LineKind.REFUND],
            sums.fen[LineKind.PAYMENT],
            sums.fee_fen,
            sums.settled_fen,
        )
        for found in totals:
            if _stated(found) != counted:
                raise StatementBroken("the summary is not the sum of the rows")

    def _check_head(self, lines: list[str]) -> None:
        whose = [found[1] for line in lines if (found := _OF_WHOM.fullmatch(line))]
        days = [found[1] for line in lines if (found := _OF_DAY.fullmatch(line))]
        if whose != [self._merchant_id] or days != [f"{self._day:%Y%m%d}"]:
            raise StatementBroken("the summary is another merchant's, or of another day")


def _stated(found: re.Match[str]) -> tuple[int, int, int, int, int]:
    """Return count, given back, charged, fees less those given back, and what is paid out."""
    try:
        debit, credit, fee_debit, fee_credit, owed, due = map(from_yuan, found[2].split())
    except NotAnAmount as error:
        raise StatementBroken("the summary holds what is no amount") from error
    return int(found[1]), debit, credit, fee_debit - fee_credit, due - owed


def _plain(place: str, cell: bytes) -> str:
    try:
        return cell.decode("gb18030").strip()
    except UnicodeDecodeError as error:
        raise StatementBroken(f"{place} is not GBK in its columns") from error


def _fen(place: str, written: str) -> int:
    if _FEN.fullmatch(written) is None:
        raise StatementBroken(f"{place} has no amount")
    return int(written)


def _debit(place: str, written: str) -> int:
    """Return signed fen, D (we owe it) positive and C (it is owed to us) negative."""
    found = _SIGNED_FEN.fullmatch(written.rjust(13))
    if found is None or (found[1] == " " and int(found[2])):
        raise StatementBroken(f"{place} has no signed amount")
    return -int(found[2]) if found[1] == "C" else int(found[2])
