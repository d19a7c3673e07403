"""Signing in to the console (后台) and out: by a link that opens once, or by a password."""

import secrets
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, func, select, update

from storage import audit
from storage.audit import CLOCK, Actor
from storage.frozen import dataclass
from storage.models.console import (
    console_passes,
    console_sessions,
    sign_in_tries,
    staff_passwords,
)
from storage.queries.console_sessions import Session, secret_key
from storage.queries.residents import staff_member
from storage.sql import insert

PASS_LASTS: Final = timedelta(minutes=10)
SESSION_LASTS: Final = timedelta(hours=12)
TRIES_COUNT_FOR: Final = timedelta(minutes=15)
TRIES_BY_NAME: Final = 5
TRIES_BY_ADDRESS: Final = 20
SESSIONS_AT_ONCE: Final = 5
SEEN_EVERY: Final = timedelta(minutes=1)
"""So often it is written down that a session is alive."""
KEPT_FOR: Final = timedelta(days=2)


def issue_console_pass(tx: Connection, staff_id: int, *, now: datetime) -> str:
    """Write down a link that signs somebody in once; return its secret, which is kept nowhere.

    Links that she was sent before and has not used open nothing any more.
    """
    tx.execute(delete(console_passes).where(console_passes.c.expires_at < now - KEPT_FOR))
    _end_passes(tx, staff_id, now)
    secret = secrets.token_urlsafe(24)
    values = {"staff_id": staff_id, "expires_at": now + PASS_LASTS}
    tx.execute(console_passes.insert().values(pass_key=secret_key(secret), **values))
    return secret


def sign_in_by_pass(tx: Connection, secret: str, *, now: datetime) -> str | None:
    """Use a link up and return the secret of a new session.

    None where it is no link, was used before, is over, or its holder has left. On however many
    replicas it is tried at once, one of them has it.
    """
    staff_id = tx.execute(
        update(console_passes)
        .where(
            console_passes.c.pass_key == secret_key(secret),
            console_passes.c.used_at.is_(None),
            console_passes.c.expires_at > now,
        )
        .values(used_at=now)
        .returning(console_passes.c.staff_id)
    ).scalar_one_or_none()
    if staff_id is None or staff_member(tx, staff_id) is None:
        audit.note(tx, CLOCK, "sign_in_failed", "console", "link", at=now)
        return None
    return _begin(tx, staff_id, "link", now)


@dataclass(frozen=True, slots=True)
class Try:
    """Somebody at the password's door: the name she typed, and where she stands."""

    name: str
    address: str

    def subjects(self) -> tuple[tuple[str, int], ...]:
        """Return what is counted, each with how many tries it has."""
        return (
            (f"name:{secret_key(self.name)}", TRIES_BY_NAME),
            (f"address:{secret_key(self.address)}", TRIES_BY_ADDRESS),
        )


def count_try(tx: Connection, one: Try, *, now: datetime) -> bool:
    """Count a try before its password is looked at; tell whether it may be looked at.

    Five in fifteen minutes for a name, whether anybody has it or not; twenty for an address.
    """
    since = now - TRIES_COUNT_FOR
    tx.execute(delete(sign_in_tries).where(sign_in_tries.c.tried_at < since))
    for subject, most in one.subjects():
        counted: int = tx.execute(
            select(func.count()).where(
                sign_in_tries.c.subject == subject, sign_in_tries.c.tried_at >= since
            )
        ).scalar_one()
        if counted >= most:
            audit.note(tx, CLOCK, "sign_in_locked", "console", subject[:16], at=now)
            return False
    for subject, _ in one.subjects():
        tx.execute(sign_in_tries.insert().values(subject=subject, tried_at=now))
    return True


def sign_in_by_password(tx: Connection, one: Try, staff_id: int, *, now: datetime) -> str:
    """Begin a session for who proved her password; her name's tries are forgotten."""
    tx.execute(delete(sign_in_tries).where(sign_in_tries.c.subject == one.subjects()[0][0]))
    return _begin(tx, staff_id, "password", now)


def note_wrong_password(tx: Connection, staff_id: int | None, *, now: datetime) -> None:
    """Keep on record that a password was wrong, or was typed to a name that nobody has."""
    actor = CLOCK if staff_id is None else Actor(staff_id)
    audit.note(tx, actor, "sign_in_failed", "console", "password", at=now)


def set_password(tx: Connection, staff_id: int, phc: str, *, actor: Actor, now: datetime) -> None:
    """Let somebody sign in by a password from now on; whoever is signed in as her is out."""
    statement = insert(tx, staff_passwords).values(staff_id=staff_id, phc=phc, set_at=now)
    changed = {"phc": phc, "set_at": now}
    tx.execute(statement.on_conflict_do_update(index_elements=["staff_id"], set_=changed))
    end_sessions(tx, staff_id, now=now)
    audit.note(tx, actor, "set_password", "staff", str(staff_id), at=now)


def note_seen(tx: Connection, session: Session, *, now: datetime) -> None:
    """Write down that a session is alive, once a minute."""
    if session.seen_at <= now - SEEN_EVERY:
        mine = console_sessions.c.id == session.session_id
        tx.execute(update(console_sessions).where(mine).values(seen_at=now))


def sign_out(tx: Connection, session: Session, *, now: datetime) -> None:
    """End a session; its cookie opens nothing any more."""
    mine = console_sessions.c.id == session.session_id
    tx.execute(update(console_sessions).where(mine).values(ended_at=now))
    audit.note(tx, Actor(session.staff.staff_id), "sign_out", "console", "", at=now)


def end_sessions(tx: Connection, staff_id: int, *, now: datetime) -> None:
    """End all sessions of somebody, and the links that she has not used."""
    mine = (console_sessions.c.staff_id == staff_id, console_sessions.c.ended_at.is_(None))
    tx.execute(update(console_sessions).where(*mine).values(ended_at=now))
    _end_passes(tx, staff_id, now)


def forget_password(tx: Connection, staff_id: int) -> None:
    """Take away somebody's password: should she come back, she is given a new one."""
    tx.execute(delete(staff_passwords).where(staff_passwords.c.staff_id == staff_id))


def _end_passes(tx: Connection, staff_id: int, now: datetime) -> None:
    unused = (console_passes.c.staff_id == staff_id, console_passes.c.used_at.is_(None))
    tx.execute(update(console_passes).where(*unused).values(used_at=now))


def _begin(tx: Connection, staff_id: int, way: str, now: datetime) -> str:
    """Begin a session under a fresh secret; of several the oldest give way."""
    tx.execute(delete(console_sessions).where(console_sessions.c.ends_at < now - KEPT_FOR))
    older = (
        select(console_sessions.c.id)
        .where(console_sessions.c.staff_id == staff_id, console_sessions.c.ended_at.is_(None))
        .order_by(console_sessions.c.id.desc())
        .offset(SESSIONS_AT_ONCE - 1)
        .limit(1000)
    )
    too_many = list(tx.execute(older).scalars())
    ended = update(console_sessions).where(console_sessions.c.id.in_(too_many))
    tx.execute(ended.values(ended_at=now))
    secret = secrets.token_urlsafe(32)
    values = {"begun_at": now, "seen_at": now, "ends_at": now + SESSION_LASTS}
    row = {"session_key": secret_key(secret), "staff_id": staff_id} | values
    tx.execute(console_sessions.insert().values(row))
    audit.note(tx, Actor(staff_id), "sign_in", "console", way, at=now)
    return secret
