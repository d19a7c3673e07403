"""Small and recent is not enough: only what is plainly a mistake goes back without a person."""

import pytest

from storage.audit import Actor
from storage.database import Database
from storage.kinds import RefundStep
from storage.operations.refunds import RefundAskedFor, request_refund
from tests.storage.operations.stage import Stage, staged


@pytest.mark.parametrize(
    ("cause", "state"),
    [
        ("paid_twice", RefundStep.APPROVED),
        ("paid_too_much", RefundStep.APPROVED),
        ("wrong_flat", RefundStep.APPROVED),
        ("asked", RefundStep.REQUESTED),
        ("whatever comes next", RefundStep.REQUESTED),
    ],
)
async def test_any_other_cause_waits_for_a_manager(stage: Stage, cause: str, state: RefundStep):
    payment_id = await stage.paid(stage.both)
    asked = RefundAskedFor(payment_id, 100, cause, "房子卖了", "key", stage.identity_id)

    actor = Actor(identity_id=stage.identity_id)
    view = await stage.db.write(request_refund, asked, actor=actor, now=stage.now)

    assert view.state is state
    assert view.is_automatic is (state is RefundStep.APPROVED)


async def test_a_community_may_choose_that_the_cause_does_not_matter(db: Database):
    stage = await staged(db, refund_any_cause=1)
    payment_id = await stage.paid(stage.both)
    asked = RefundAskedFor(payment_id, 100, "asked", "房子卖了", "key", stage.identity_id)

    actor = Actor(identity_id=stage.identity_id)
    view = await stage.db.write(request_refund, asked, actor=actor, now=stage.now)

    assert view.state is RefundStep.APPROVED
