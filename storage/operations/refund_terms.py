"""The office sets what holds for refunds of a fee item from a day on."""

from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection

from storage import audit
from storage.audit import CLOCK
from storage.charge_errors import InputRefused
from storage.kinds import ChargeInput
from storage.models.refund_terms import refund_terms
from storage.paying_kinds import FeeBearer
from storage.rules.refunds import RefundTerms
from storage.sql import insert

LONGEST_DAYS: Final = 365
MOST_PPM: Final = 100_000
"""A tenth."""


def set_refund_terms(
    tx: Connection,
    terms: RefundTerms,
    *,
    community_id: int,
    fee_item_id: int,
    effective_on: date,
    now: datetime,
) -> None:
    """Write the terms of a fee item from a Shanghai day on; that day's are replaced.

    Raises InputRefused for a window over a year, a fee over a tenth, or a negative sum.
    """
    if not 0 <= terms.window_days <= LONGEST_DAYS:
        raise InputRefused(ChargeInput.COUNT, str(terms.window_days))
    if not 0 <= terms.fee_ppm <= MOST_PPM:
        raise InputRefused(ChargeInput.PERCENT, str(terms.fee_ppm))
    if terms.automatic_fen < 0:
        raise InputRefused(ChargeInput.AMOUNT, str(terms.automatic_fen))
    values = {
        "is_refundable": terms.is_refundable,
        "window_days": terms.window_days,
        "automatic_fen": terms.automatic_fen,
        "fee_bearer": FeeBearer.PAYER if terms.fee_ppm else FeeBearer.COMPANY,
        "fee_ppm": terms.fee_ppm,
        "clause": terms.clause[:200],
    }
    tx.execute(
        insert(tx, refund_terms)
        .values(
            community_id=community_id,
            fee_item_id=fee_item_id,
            effective_on=effective_on,
            **values,
        )
        .on_conflict_do_update(index_elements=["fee_item_id", "effective_on"], set_=values)
    )
    detail = f"{effective_on} " + " ".join(f"{name}={one}" for name, one in values.items())
    audit.note(tx, CLOCK, "choose", "refund_terms", str(fee_item_id), at=now, detail=detail)
