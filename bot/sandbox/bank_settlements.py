"""The platforms' money arrives (T+1): each morning one line per platform for the day before."""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Protocol, runtime_checkable

from bot.sandbox.bank_book import SETTLEMENT, BankBook, Side
from bot.sandbox.clock import SHANGHAI
from bot.sandbox.settling import Settlement
from bot.sandbox.till import Till

log = logging.getLogger(__name__)

ARRIVES = time(9, 0)
FIRST, OVERRIDE, CARRIED = "settled_until", "settles:", "carried:"
SENDERS = {
    "wechat_pay": (Side("财付通支付科技有限公司", "243300133", "财付通备付金"), "微信支付结算款"),
    "alipay": (Side("支付宝（中国）网络技术有限公司", "215500690", "支付宝备付金"), "支付宝结算款"),
    "unionpay": (Side("银联商务支付股份有限公司", "310066726", "中国银联清算"), "银联清算款"),
}


@runtime_checkable
class Settles(Protocol):
    """A till that reckons its own clearing day."""

    def settlements(self, day: date) -> list[Settlement]:
        """Return what it owes for a clearing day, one for each merchant number."""
        ...


class BankSettlements:
    """A clock timer: at nine each morning the platforms pay for yesterday."""

    def __init__(self, book: BankBook, tills: Callable[[], Sequence[Till]]) -> None:
        """Pay into a book what the other tills owe."""
        self.book, self._tills = book, tills
        if book.book.kept(FIRST) is None:
            yesterday = self._today() - timedelta(days=1)
            book.book.keep(FIRST, yesterday.isoformat())

    def next_due(self) -> datetime | None:
        """Return the next morning with something to pay for."""
        return datetime.combine(self._last() + timedelta(days=2), ARRIVES, SHANGHAI)

    async def run_due(self, now: datetime) -> int:
        """Pay for every clearing day whose morning has come; return how many days."""
        count = 0
        while (due := self.next_due()) is not None and due <= now:
            day = self._last() + timedelta(days=1)
            with self.book.book.transaction():
                for till in self._tills():
                    for one in _owed(till, day):
                        self._pay(till.name, day, one)
                self.book.book.keep(FIRST, day.isoformat())
            count += 1
        return count

    def override(self, gateway: str, day: date, amount_fen: int) -> None:
        """Have a platform pay so much for a day instead of what it owes; 0 is nothing at all."""
        if gateway not in SENDERS or amount_fen < 0:
            raise ValueError(f"{gateway}: {amount_fen}")
        self.book.book.keep(f"{OVERRIDE}{gateway}:{day}", str(amount_fen))

    def _pay(self, gateway: str, day: date, owed: Settlement) -> None:
        account = f"{gateway}:{owed.merchant_id}"
        carried = int(self.book.book.kept(CARRIED + account) or 0)
        net_fen = owed.net_fen + carried
        self.book.book.keep(CARRIED + account, str(min(net_fen, 0)))
        ordered = self.book.book.kept(f"{OVERRIDE}{gateway}:{day}")
        paid_fen = max(net_fen, 0) if ordered is None else int(ordered)
        if paid_fen == 0:
            return
        side, words = SENDERS[gateway]
        memo = f"{words} 商户{owed.merchant_id} 清算日{day:%Y%m%d}"
        self.book.enter(SETTLEMENT, paid_fen, side, memo, about=f"settled:{account}:{day}")
        told = json.dumps(vars(owed), ensure_ascii=False)
        log.info("bank.settled", extra={"gateway": gateway, "day": str(day), "owed": told})

    def _last(self) -> date:
        return date.fromisoformat(self.book.book.kept(FIRST) or "")

    def _today(self) -> date:
        return self.book.now().astimezone(SHANGHAI).date()


def _owed(till: Till, day: date) -> list[Settlement]:
    return till.settlements(day) if isinstance(till, Settles) and till.name in SENDERS else []
