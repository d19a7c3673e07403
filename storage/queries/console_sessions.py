"""Whose browser it is that comes to the console (后台), and what a password is proved with."""

import hashlib
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from storage.frozen import dataclass
from storage.models.console import console_passes, console_sessions, staff_passwords
from storage.models.people import staff
from storage.queries.residents import Staff, staff_member

IDLE: Final = timedelta(minutes=30)
"""So long after the last page a session is over."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is signed in, and the member of staff as she is at this moment."""

    session_id: int
    staff: Staff
    seen_at: datetime
    ends_at: datetime


def secret_key(secret: str) -> str:
    """Return what is stored of a secret: SHA-256 in hex."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def session_of(tx: Connection, secret: str, *, now: datetime) -> Session | None:
    """Return the session that a cookie holds; None where it is none, over, or she has left."""
    row = tx.execute(
        select(console_sessions).where(
            console_sessions.c.session_key == secret_key(secret),
            console_sessions.c.ended_at.is_(None),
            console_sessions.c.ends_at > now,
            console_sessions.c.seen_at > now - IDLE,
        )
    ).one_or_none()
    if row is None:
        return None
    member = staff_member(tx, row.staff_id)
    return None if member is None else Session(row.id, member, row.seen_at, row.ends_at)


def opens(tx: Connection, secret: str, *, now: datetime) -> bool:
    """Tell whether a link from chat may still be used; it stays unused."""
    asked = select(console_passes.c.id).where(
        console_passes.c.pass_key == secret_key(secret),
        console_passes.c.used_at.is_(None),
        console_passes.c.expires_at > now,
    )
    return tx.execute(asked).first() is not None


@dataclass(frozen=True, slots=True)
class Proof:
    """Whom a password would let in, and the hash that it is proved against."""

    staff_id: int
    phc: str


def proof_of(tx: Connection, phone: str) -> Proof | None:
    """Return what proves somebody who works here and has a password, or None."""
    row = tx.execute(
        select(staff.c.id, staff_passwords.c.phc)
        .join(staff_passwords, staff_passwords.c.staff_id == staff.c.id)
        .where(staff.c.phone == phone, staff.c.is_active)
    ).one_or_none()
    return None if row is None else Proof(row.id, row.phc)
