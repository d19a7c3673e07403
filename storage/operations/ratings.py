"""Asking residents how it was (满意度), at most so often, and taking their one to five."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select, update

from storage import audit
from storage.audit import Actor
from storage.frozen import dataclass
from storage.models.messages import conversations
from storage.models.ratings import ratings
from storage.periods import shanghai_day
from storage.queries.contentment import is_good_moment
from storage.queries.policies import policy_on
from storage.sql import insert, insert_once
from storage.ticket_kinds import RatingTopic

TAKEN_FOR: Final = timedelta(days=3)
"""So long after it was asked a bare number is a rating."""
WORDS_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class RatingAsk:
    """Who is asked about what."""

    identity_id: int
    community_id: int
    unit_id: int | None
    topic: RatingTopic
    reference: str


def may_ask(tx: Connection, ask: RatingAsk, *, now: datetime) -> bool:
    """Tell whether the community asks at all, not this person lately, and it is a good moment."""
    days = policy_on(tx, ask.community_id, shanghai_day(now)).rating_days
    since = now - timedelta(days=days)
    asked = select(ratings.c.id).where(
        ratings.c.identity_id == ask.identity_id, ratings.c.asked_at > since
    )
    is_due = days > 0 and tx.execute(asked).first() is None
    return is_due and is_good_moment(tx, ask.identity_id, now=now)


def expect_rating(tx: Connection, ask: RatingAsk, *, now: datetime) -> int | None:
    """Take this person's next bare number as her rating; None where she was asked before."""
    values = {
        "identity_id": ask.identity_id,
        "community_id": ask.community_id,
        "unit_id": ask.unit_id,
        "topic": ask.topic,
        "reference": ask.reference,
        "asked_at": now,
    }
    rating_id = insert_once(tx, ratings, values)
    if rating_id is None:
        return None
    expected = {"rating_id": rating_id, "rating_until": now + TAKEN_FOR}
    tx.execute(
        insert(tx, conversations)
        .values(identity_id=ask.identity_id, updated_at=now, **expected)
        .on_conflict_do_update(index_elements=["identity_id"], set_=expected)
    )
    return rating_id


def rate(
    tx: Connection, rating_id: int, *, identity_id: int, stars: int, now: datetime
) -> RatingTopic | None:
    """Write down what a person gives, 1 to 5, once; return for what, None where it is not hers.

    From then on a bare number of hers is no rating any more.
    """
    given = tx.execute(
        update(ratings)
        .where(
            ratings.c.id == rating_id,
            ratings.c.identity_id == identity_id,
            ratings.c.stars.is_(None),
        )
        .values(stars=stars, rated_at=now)
        .returning(ratings.c.topic, ratings.c.reference)
    ).one_or_none()
    tx.execute(
        update(conversations)
        .where(conversations.c.identity_id == identity_id, conversations.c.rating_id == rating_id)
        .values(rating_id=None, rating_until=None)
    )
    if given is None:
        return None
    actor = Actor(identity_id=identity_id)
    audit.note(tx, actor, "rate", "rating", given.reference, at=now, detail=f"{stars}")
    return RatingTopic(given.topic)


def add_words(tx: Connection, rating_id: int, words: str, *, identity_id: int) -> bool:
    """Keep the word that goes with a rating of this person; False where it is not hers."""
    kept = tx.execute(
        update(ratings)
        .where(
            ratings.c.id == rating_id,
            ratings.c.identity_id == identity_id,
            ratings.c.stars.is_not(None),
        )
        .values(words=" ".join(words.split())[:WORDS_CHARS])
    )
    return bool(kept.rowcount)
