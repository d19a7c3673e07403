"""What a pass (一次性链接) lets its holder pay, and how far that has come."""

import hashlib
from datetime import datetime

from sqlalchemy import Connection, select

from storage.frozen import dataclass
from storage.kinds import OrderState
from storage.models.payments import browser_passes, payment_orders


@dataclass(frozen=True, slots=True)
class BrowserPass:
    """A choice made inside WeChat, for another browser."""

    pay_token: str
    gateway: str
    openid: str
    chosen: str
    expires_at: datetime
    used_at: datetime | None
    order_no: str
    order_state: OrderState | None
    """How the order stands that came of it."""


def pass_key_of(secret: str) -> str:
    """Return what is stored of a pass's secret: SHA-256 in hex."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def read_pass(tx: Connection, secret: str) -> BrowserPass | None:
    """Return a pass, used or not; None where there is none of this secret."""
    row = tx.execute(
        select(browser_passes, payment_orders.c.state)
        .outerjoin(payment_orders, payment_orders.c.order_no == browser_passes.c.order_no)
        .where(browser_passes.c.pass_key == pass_key_of(secret))
    ).one_or_none()
    if row is None:
        return None
    return BrowserPass(
        row.pay_token,
        row.gateway,
        row.openid,
        row.chosen,
        row.expires_at,
        row.used_at,
        row.order_no,
        OrderState(row.state) if row.state is not None else None,
    )
