"""Payouts of the bank: debited when accepted, with the payee in minutes, or returned (退汇)."""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.bank_book import PAYOUT, PAYOUT_BACK, BankBook, Side
from bot.sandbox.bank_errors import BankRefused
from bot.sandbox.book import Row
from bot.sandbox.clock import from_ms, iso, to_ms, whole_second
from bot.sandbox.faults import ANSWER, Fault

TAKES = timedelta(minutes=3)
PROCESSING, SUCCESS, RETURNED = "processing", "success", "returned"
OUTCOMES = {"success": SUCCESS, "closed": RETURNED, "abnormal": RETURNED}
REASON = "收款人账号户名不符"
MOST_FEN = 100_000_000_00
_NUMBER = re.compile(r"[0-9A-Za-z_-]{1,64}")
_ACCOUNT = re.compile(r"[0-9]{8,32}")
TEXTS = {"account_name": 60, "bank_name": 60, "memo": 60, "order_no": 64, "original_serial": 32}


class BankPayouts:
    """What the merchant pays out."""

    def __init__(self, book: BankBook) -> None:
        """Keep payouts in a book."""
        self.book = book

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a payout call; raises BankRefused. The same wish again is the same payout."""
        wish = self._wish(body)
        number = str(wish["payout_no"])
        known = self._row(number)
        if known is not None:
            if json.loads(known["wish"]) != wish:
                raise BankRefused("PAYOUT_NO_USED")
            return _told(known)
        side = self._payee(wish)
        facts = {"refund_no": number, "payout_no": number, "order_no": str(wish["order_no"])}
        take = self.book.ground.faults.take
        is_unfunded = take("bank", ANSWER, facts, "unfunded") is not None
        if is_unfunded or self.book.balance_fen() < wish["amount_fen"]:
            raise BankRefused("INSUFFICIENT_FUNDS")
        fault = take("bank", ANSWER, facts, "returned", "abnormal")
        self._store(wish, side, fault)
        return self.queried(number)

    def outside(self, order_no: str, amount_fen: int) -> dict[str, Any]:
        """Pay a transfer back by hand in online banking; raises LookupError, BankRefused."""
        line = self.book.transfer(order_no)
        earlier = self.book.book.value("SELECT COUNT(*) FROM payouts")
        number = f"NB{self.book.now_ms()}{earlier}"
        return self.create(
            {
                "payout_no": number,
                "amount_fen": amount_fen,
                "original_serial": line.serial,
                "order_no": line.order_no,
                "memo": "退款",
            }
        )

    def queried(self, payout_no: str) -> dict[str, Any]:
        """Answer a query; raises BankRefused."""
        row = self._row(payout_no)
        if row is None:
            raise BankRefused("PAYOUT_NOT_FOUND")
        return _told(row)

    def decide(self, payout_no: str, state: str) -> None:
        """Let a payout succeed, or come back, at once; raises LookupError, ValueError."""
        if self._row(payout_no) is None:
            raise LookupError(payout_no)
        if state not in OUTCOMES:
            raise ValueError(f"a payout ends as one of {', '.join(OUTCOMES)}")
        self.book.book.write(
            "UPDATE payouts SET outcome = ?, due_ms = ?, reason = ? WHERE payout_no = ? "
            "AND state != 'returned'",
            OUTCOMES[state],
            self.book.now_ms(),
            REASON if OUTCOMES[state] == RETURNED else "",
            payout_no,
        )
        self.book.ground.clock.wake()

    def books(self) -> list[dict[str, Any]]:
        """Return payouts as refunds, oldest first; one that came back is closed."""
        rows = self.book.book.rows("SELECT * FROM payouts ORDER BY created_ms, rowid")
        return [
            {
                "refund_no": row["payout_no"],
                "order_no": row["order_no"],
                "amount_fen": row["amount_fen"],
                "state": "closed" if row["state"] == RETURNED else row["state"],
                "at": iso(from_ms(row["ended_ms"] or row["created_ms"])),
            }
            for row in rows
        ]

    # Timers

    def next_due(self) -> datetime | None:
        """Return when the next payout arrives or comes back."""
        due = self.book.book.value("SELECT MIN(due_ms) FROM payouts WHERE due_ms IS NOT NULL")
        return None if due is None else from_ms(due)

    async def run_due(self, now: datetime) -> int:
        """End the payouts whose time has come; what comes back is a line of its own."""
        rows = self.book.book.rows("SELECT * FROM payouts WHERE due_ms <= ?", to_ms(now))
        for row in rows:
            with self.book.book.transaction():
                self.book.book.write(
                    "UPDATE payouts SET state = ?, due_ms = NULL, ended_ms = ? WHERE payout_no = ?",
                    row["outcome"],
                    to_ms(now),
                    row["payout_no"],
                )
                if row["outcome"] == RETURNED:
                    self._come_back(row)
            self._tell(row["payout_no"])
        return len(rows)

    def _come_back(self, row: Row) -> None:
        side = Side(row["name"], row["account"], row["bank"])
        memo = f"退汇 {row['payout_no']} {row['reason'] or REASON}"
        self.book.enter(
            PAYOUT_BACK, row["amount_fen"], side, memo, about=f"back:{row['payout_no']}"
        )

    # What is asked

    def _wish(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the checked fields of a body; raises BankRefused."""
        number, amount_fen = body.get("payout_no"), body.get("amount_fen")
        if not isinstance(number, str) or not _NUMBER.fullmatch(number):
            raise BankRefused("PARAM_ERROR", "payout_no 应为 1 到 64 位字母、数字、- 或 _")
        if type(amount_fen) is not int or not 0 < amount_fen <= MOST_FEN:
            raise BankRefused("PARAM_ERROR", "amount_fen 应为正整数（分）")
        wish: dict[str, Any] = {"payout_no": number, "amount_fen": amount_fen}
        for name, most in TEXTS.items():
            value = body.get(name, "")
            if not isinstance(value, str) or len(value) > most:
                raise BankRefused("PARAM_ERROR", f"{name} 应为不超过 {most} 字的文本")
            wish[name] = value
        wish["account_no"] = str(body.get("account_no", ""))
        return wish

    def _payee(self, wish: Mapping[str, Any]) -> Side:
        """Return whom to pay: the account named, or the one the money came from."""
        if wish["original_serial"]:
            try:
                return self.book.transfer(wish["original_serial"]).side
            except LookupError:
                raise BankRefused("ORIGINAL_NOT_FOUND") from None
        if not _ACCOUNT.fullmatch(wish["account_no"]) or not wish["account_name"]:
            raise BankRefused("PARAM_ERROR", "需要 account_name 与 account_no，或 original_serial")
        return Side(wish["account_name"], wish["account_no"], wish["bank_name"])

    def _store(self, wish: Mapping[str, Any], side: Side, fault: Fault | None) -> None:
        now, number = self.book.now(), wish["payout_no"]
        is_late = fault is not None and bool(fault.settings.get("after"))
        outcome = RETURNED if fault is not None else SUCCESS
        wait = timedelta(seconds=float(fault.settings["after"])) if fault and is_late else TAKES
        order_no = wish["order_no"]
        if wish["original_serial"] and not order_no:
            order_no = self.book.transfer(wish["original_serial"]).order_no
        with self.book.book.transaction():
            line = self.book.enter(
                PAYOUT,
                -wish["amount_fen"],
                side,
                wish["memo"] or f"退款 {number}",
                order_no=order_no,
                about=f"payout:{number}",
            )
            self.book.book.write(
                "INSERT INTO payouts (payout_no, wish, amount_fen, name, account, bank, memo, "
                "order_no, serial, created_ms, due_ms, outcome, state, ended_ms, reason) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                number,
                json.dumps(dict(wish), ensure_ascii=False),
                wish["amount_fen"],
                side.name,
                side.account,
                side.bank,
                line.memo,
                order_no,
                line.serial,
                to_ms(now),
                to_ms(whole_second(now + wait)),
                outcome,
                SUCCESS if is_late else PROCESSING,
                to_ms(now) if is_late else None,
                str(fault.settings.get("reason", REASON)) if fault else "",
            )
        self._tell(number)
        self.book.ground.clock.wake()

    def _row(self, payout_no: str) -> Row | None:
        return self.book.book.row("SELECT * FROM payouts WHERE payout_no = ?", payout_no)

    def _tell(self, payout_no: str) -> None:
        told = self.queried(payout_no)
        self.book.ground.live.publish(
            "refund",
            refund_no=payout_no,
            order_no=told["order_no"],
            state=told["state"],
            amount_fen=told["amount_fen"],
        )


def _told(row: Row) -> dict[str, Any]:
    """Return a payout as the bank tells it."""
    told = {
        "payout_no": row["payout_no"],
        "amount_fen": row["amount_fen"],
        "state": row["state"],
        "serial": row["serial"],
        "order_no": row["order_no"],
        "account_name": row["name"],
        "account_no": row["account"],
        "accepted_at": iso(from_ms(row["created_ms"])),
        "ended_at": iso(from_ms(row["ended_ms"])) if row["ended_ms"] else None,
    }
    return told | ({"reason": row["reason"]} if row["state"] == RETURNED else {})
