"""A community's own words: its questions with answers (常见问题) and its texts."""

from collections import defaultdict
from datetime import date

from sqlalchemy import Connection, select

from storage.frozen import dataclass
from storage.kinds import OwnText
from storage.models.estate import communities
from storage.models.owners_words import faq_phrasings, faqs, own_texts


@dataclass(frozen=True, slots=True)
class Faq:
    """One question with its answer; `phrasings` are (as written, as the recogniser reads it)."""

    faq_id: int
    community_id: int
    answer: str
    from_on: date
    last_on: date | None
    """The last day on which it is said, None for ever."""
    is_enabled: bool
    phrasings: tuple[tuple[str, str], ...]


def faqs_of(tx: Connection, community_id: int) -> list[Faq]:
    """Return all questions of a community, those of other days and switched off too."""
    rows = tx.execute(
        select(faqs).where(faqs.c.community_id == community_id).order_by(faqs.c.id)
    ).all()
    said = defaultdict(list)
    asked = (
        select(faq_phrasings)
        .where(faq_phrasings.c.faq_id.in_([row.id for row in rows]))
        .order_by(faq_phrasings.c.id)
    )
    for one in tx.execute(asked):
        said[one.faq_id].append((one.said, one.normal))
    return [
        Faq(
            row.id,
            row.community_id,
            row.answer,
            row.from_on,
            row.last_on,
            bool(row.is_enabled),
            tuple(said[row.id]),
        )
        for row in rows
    ]


def faqs_for(tx: Connection, community_ids: tuple[int, ...], *, on: date) -> list[Faq]:
    """Return the questions that communities answer on a Shanghai day; of none: the only one's."""
    if not community_ids:
        known = tuple(tx.execute(select(communities.c.id).limit(2)).scalars())
        community_ids = known if len(known) == 1 else ()
    return [
        one
        for community_id in community_ids
        for one in faqs_of(tx, community_id)
        if one.is_enabled and one.from_on <= on and (one.last_on is None or on <= one.last_on)
    ]


def own_texts_of(tx: Connection, community_id: int) -> dict[OwnText, str]:
    """Return what a community says in words of its own."""
    rows = tx.execute(
        select(own_texts.c.kind, own_texts.c.words).where(
            own_texts.c.community_id == community_id, own_texts.c.words != ""
        )
    )
    return {OwnText(row.kind): row.words for row in rows}
