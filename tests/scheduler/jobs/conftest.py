"""Letters for the tests of delivery."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from storage import outbox
from storage.events import Event, PaymentSettled
from storage.kinds import Urgency
from storage.models.messages import outbox as messages
from storage.outbox import Addressee
from tests import factories
from tests.scheduler.conftest import Hall


def receipt(name: str) -> PaymentSettled:
    """A receipt whose text is its name."""
    return PaymentSettled("W1", name, 1, "3栋2单元1201", 100, (), 0, "", 0)


@pytest.fixture
def put(hall: Hall) -> Callable[..., Any]:
    """Enqueue a message to a person and return its key in the outbox."""

    async def enqueue(
        name: str,
        openid: str = "oLi",
        *,
        event: Event | None = None,
        urgency: Urgency = Urgency.RECEIPT,
        **more: Any,
    ) -> int:
        def write(tx):
            to = Addressee(factories.ACCOUNT, openid, factories.meet(tx, openid))
            outbox.enqueue(
                tx,
                event or receipt(name),
                to,
                key=name,
                urgency=urgency,
                now=hall.now,
                community_id=hall.stage.world.community_id,
                **more,
            )
            found = select(messages.c.id).where(messages.c.message_key == name)
            return tx.execute(found).scalar_one()

        return await hall.db.write(write)

    return enqueue


@pytest.fixture
def states(hall: Hall) -> Callable[..., Any]:
    """Return (state, why) of each message by its key."""

    async def read() -> dict[str, tuple[str, str]]:
        rows = await hall.stage.rows(messages)
        return {row.message_key: (row.state, row.why) for row in rows}

    return read
