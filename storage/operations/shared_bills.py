"""The bills of a shared cost: each unit's published share, by days where the party changes."""

import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from storage.kinds import LineKind, Payer
from storage.models.estate import units
from storage.operations.bills import NewBill
from storage.periods import DaySpan
from storage.queries.liable import Party, Stay, parties_in, stays_in
from storage.queries.sharing import CostView
from storage.queries.tariffs import assignments_of
from storage.rules.billing import Assignment
from storage.rules.pricing import Line, Priced, parted
from storage.rules.sharing import SharingProof


def bills_of_shares(tx: Connection, cost: CostView, proof: SharingProof) -> list[NewBill]:
    """Return the bills for all shares: one each, or one for each party of the month's days.

    The parts of a share sum to what is published of it, to the fen. A share, or part, of nothing
    makes no bill.
    """
    ids = dict(
        tx.execute(
            select(units.c.code, units.c.id).where(units.c.community_id == cost.community_id)
        ).all()
    )
    bearing = {ids[one.key]: one for one in proof.shares if one.amount_fen}
    stays = stays_in(tx, bearing)
    assigned = assignments_of(tx, bearing)
    found: list[NewBill] = []
    for unit_id, share in bearing.items():
        said = assigned.get(unit_id, {}).get(cost.fee_item_id, ())
        parties = _parties(DaySpan.of(cost.period), stays.get(unit_id, ()), said)
        explanation = proof.explain(share, tariff=f"shared/{cost.cost_id}")
        found += _bills(cost, unit_id, explanation, parties)
    return found


def _parties(
    month: DaySpan, stays: Sequence[Stay], said: Sequence[Assignment]
) -> tuple[Party, ...]:
    """Return whose the days of a month are; days before anybody came, or after all left, too.

    A share is published whole: what nobody bears of it is billed to nobody, not to her who came
    later.
    """
    edges = [day for one in said for day in (one.from_on, one.until_on) if day is not None]
    payers = [(one.begins_on, _payer(said, one.begins_on)) for one in month.cut(edges)]
    found = parties_in(stays, payers, month)
    first, last = found[0], found[-1]
    before, after = (month.begins_on, first.days.begins_on), (last.days.ends_on, month.ends_on)
    return (*_of_nobody(before, said), *found, *_of_nobody(after, said))


def _of_nobody(days: tuple[date, date], said: Sequence[Assignment]) -> tuple[Party, ...]:
    if days[0] >= days[1]:
        return ()
    payer = _payer(said, days[0])
    return (Party(DaySpan(*days), None, payer, payer),)


def _payer(assigned: Sequence[Assignment], day: date) -> Payer:
    """Return who bears a fee on a day: the owner where nothing else was said."""
    found = [
        one.payer
        for one in assigned
        if one.from_on <= day and (one.until_on is None or day < one.until_on)
    ]
    return found[-1] if found else Payer.OWNER


def _bills(
    cost: CostView, unit_id: int, explanation: dict[str, Any], parties: Sequence[Party]
) -> Iterator[NewBill]:
    quantity, price = explanation["quantity"][:30], explanation["unit_price"][:30]
    fen = explanation["amount_fen"]
    lines = (Line(cost.item_name, quantity, price, LineKind.SHARE, fen),)
    whole = Priced(fen, lines, json.dumps(explanation, ensure_ascii=False))
    spans, whose = [one.days for one in parties], [one.whose for one in parties]
    parts = [whole] if len(parties) == 1 else parted(whole, spans, whose)
    borne = [one for one in zip(parties, parts, strict=True) if one[1].amount_fen]
    for number, (party, part) in enumerate(borne):
        yield NewBill(
            unit_id=unit_id,
            fee_item_id=cost.fee_item_id,
            item_name=cost.item_name,
            period=cost.period,
            amount_fen=part.amount_fen,
            due_on=cost.due_on,
            explanation=json.loads(part.explanation),
            liable_id=party.liable_id,
            begins_on=party.days.begins_on,
            last_on=party.days.last_on,
            part=number,
            lines=part.lines,
        )
