"""Passes (一次性链接): a choice made inside WeChat is paid in another browser, once."""

import secrets
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, update

from storage.frozen import dataclass
from storage.models.payments import browser_passes
from storage.queries.browser_passes import BrowserPass, pass_key_of, read_pass

PASS_LASTS: Final = timedelta(minutes=15)
KEPT_FOR: Final = timedelta(days=2)
"""So long a pass that is over is kept, for the page that still follows its payment."""


@dataclass(frozen=True, slots=True)
class PassAsk:
    """What a pass lets its holder pay: by whose link, by which gateway, and what was ticked."""

    pay_token: str
    gateway: str
    openid: str
    chosen: str
    """JSON, the web's own."""


def issue_pass(tx: Connection, ask: PassAsk, *, now: datetime) -> str:
    """Write a pass down and return its secret, which is kept nowhere: it cannot be guessed."""
    secret = secrets.token_urlsafe(24)
    tx.execute(delete(browser_passes).where(browser_passes.c.expires_at < now - KEPT_FOR))
    tx.execute(
        browser_passes.insert().values(
            pass_key=pass_key_of(secret),
            pay_token=ask.pay_token,
            gateway=ask.gateway,
            openid=ask.openid,
            chosen=ask.chosen,
            expires_at=now + PASS_LASTS,
        )
    )
    return secret


def use_pass(tx: Connection, secret: str, *, now: datetime) -> BrowserPass | None:
    """Use a pass up and return it; None where it is none, was used before, or is over.

    On however many replicas it is tried at once, one of them has it.
    """
    used: int = tx.execute(
        update(browser_passes)
        .where(
            browser_passes.c.pass_key == pass_key_of(secret),
            browser_passes.c.used_at.is_(None),
            browser_passes.c.expires_at > now,
        )
        .values(used_at=now)
    ).rowcount
    return read_pass(tx, secret) if used else None


def give_pass_back(tx: Connection, secret: str) -> None:
    """Let a pass be used once more: its platform gave no answer, and nothing was begun."""
    tx.execute(
        update(browser_passes)
        .where(browser_passes.c.pass_key == pass_key_of(secret), browser_passes.c.order_no == "")
        .values(used_at=None)
    )


def note_pass_order(tx: Connection, secret: str, order_no: str) -> None:
    """Keep which order came of a pass, for the page that waits inside WeChat."""
    tx.execute(
        update(browser_passes)
        .where(browser_passes.c.pass_key == pass_key_of(secret))
        .values(order_no=order_no)
    )
