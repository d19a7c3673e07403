"""Terms of a fee narrow what the community allows: window, sum, who bears the platform's fee."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert, select, update

from storage.audit import Actor
from storage.errors import RefundNotOffered
from storage.kinds import Account, RefundStep
from storage.ledger import balance
from storage.models.payments import refunds
from storage.models.policies import policies
from storage.models.refund_terms import refund_terms
from storage.operations.refund_terms import set_refund_terms
from storage.operations.refunds import RefundAskedFor, request_refund
from storage.paying_kinds import FeeBearer
from storage.periods import shanghai_day
from storage.queries.proofs import prove
from storage.rules.refunds import RefundTerms, fee_kept, strictest
from tests.factories import NOW
from tests.storage.operations.stage import Stage

TODAY = shanghai_day(NOW)


async def terms(stage: Stage, found: RefundTerms, *, days: int = 0) -> None:
    def write(tx: Connection) -> None:
        tx.execute(update(policies).values(refund_any_cause=1, refund_automatic_fen=100_000))
        set_refund_terms(
            tx,
            found,
            community_id=stage.world.community_id,
            fee_item_id=stage.world.fee_item_id,
            effective_on=TODAY + timedelta(days=days),
            now=NOW,
        )

    await stage.db.write(write)


async def ask(stage: Stage, payment_id: int, fen: int, cause: str = "asked", staff_id=None):
    asked = RefundAskedFor(payment_id, fen, cause, "搬走了", f"{cause}:{fen}", stage.identity_id)
    actor = Actor(staff_id=staff_id) if staff_id else Actor(identity_id=stage.identity_id)
    return await stage.db.write(request_refund, asked, actor=actor, now=stage.now)


async def test_a_fee_whose_terms_offer_no_refund_is_given_back_by_staff_only(stage: Stage):
    await terms(stage, RefundTerms(30, 0, is_refundable=False, clause="合同第八条"))
    payment_id = await stage.paid([stage.world.october_id])

    with pytest.raises(RefundNotOffered) as refused:
        await ask(stage, payment_id, 100)
    by_staff = await ask(stage, payment_id, 100, staff_id=7)

    assert refused.value.clause == "合同第八条"
    assert by_staff.state is RefundStep.REQUESTED
    assert len(await stage.rows(refunds)) == 1


async def test_what_was_paid_twice_goes_back_whatever_the_terms(stage: Stage):
    await terms(stage, RefundTerms(30, 100_000, is_refundable=False, fee_ppm=6_000, clause="八"))
    payment_id = await stage.paid([stage.world.october_id])

    view = await ask(stage, payment_id, 10_000, "paid_twice")

    assert view.state is RefundStep.APPROVED
    assert (await stage.rows(refunds))[0].kept_fen == 0


async def test_the_smaller_sum_of_the_terms_needs_a_person(stage: Stage):
    await terms(stage, RefundTerms(30, 5_000))
    payment_id = await stage.paid([stage.world.october_id])

    assert (await ask(stage, payment_id, 5_000)).state is RefundStep.APPROVED
    assert (await ask(stage, payment_id, 1)).state is RefundStep.REQUESTED


async def test_terms_of_tomorrow_do_not_hold_today(stage: Stage):
    await terms(stage, RefundTerms(30, 0, is_refundable=False, clause="八"), days=1)
    payment_id = await stage.paid([stage.world.october_id])

    assert (await ask(stage, payment_id, 100)).state is RefundStep.APPROVED


async def test_a_fee_that_the_payer_bears_stays_here_and_the_books_say_where(stage: Stage):
    await terms(stage, RefundTerms(30, 100_000, fee_ppm=6_000))
    payment_id = await stage.paid([stage.world.october_id])
    before = await stage.open_fen()

    view = await ask(stage, payment_id, 10_000)
    await stage.given_back(view.refund_no)

    assert stage.gateway.returns[view.refund_no].ask.amount_fen == 9_940
    assert await stage.open_fen() == [before[0] + 10_000, *before[1:]]
    assert await stage.db.read(balance, Account.GATEWAY_FEE) == -60
    assert await stage.db.read(prove) == []


def test_terms_are_joined_by_the_strictest():
    joined = strictest(
        [RefundTerms(30, 500), RefundTerms(7, 900, fee_ppm=6_000), RefundTerms(9, 9)]
    )

    assert joined == RefundTerms(7, 9, is_refundable=True, fee_ppm=6_000)


@pytest.mark.parametrize(("fen", "kept"), [(1, 0), (83, 0), (84, 1), (10_000, 60), (25_060, 150)])
def test_a_fee_is_rounded_half_up_and_never_takes_all(fen: int, kept: int):
    assert fee_kept(fen, 6_000) == kept
    assert fee_kept(fen, 1_000_000) == fen - 1


async def test_the_company_bears_the_fee_where_the_terms_do_not_say_otherwise(stage: Stage):
    await stage.db.write(
        lambda tx: (
            tx.execute(
                insert(refund_terms).values(
                    community_id=stage.world.community_id,
                    fee_item_id=stage.world.fee_item_id,
                    effective_on=TODAY,
                    window_days=30,
                    automatic_fen=100_000,
                    fee_bearer=FeeBearer.COMPANY,
                    fee_ppm=6_000,
                )
            )
            and None
        )
    )
    payment_id = await stage.paid([stage.world.october_id])

    await ask(stage, payment_id, 10_000)

    assert await stage.db.read(lambda tx: tx.execute(select(refunds.c.kept_fen)).scalar_one()) == 0
