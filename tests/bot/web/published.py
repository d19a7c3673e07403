"""What a town publishes, and personal facts planted beside it that no public page may show."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, insert, select, update

from storage.audit import CLOCK
from storage.kinds import (
    Basis,
    FeeClass,
    PublicSide,
    RoundingUnit,
    ShareMethod,
    StaffRole,
    TierSpan,
    UnitKind,
)
from storage.models.bills import bills, fee_items, tariffs
from storage.models.estate import units
from storage.models.late_fees import holds
from storage.models.payments import refunds
from storage.models.people import identities, residents, staff
from storage.models.sharing import shared_costs
from storage.models.tariffs import unit_tariffs
from storage.operations.public_accounts import PublicFact, import_public
from storage.periods import BillingPeriod
from storage.queries.tariffs import TariffTerms
from storage.rules.rounding import Rounding
from storage.rules.sharing import Sharer, share_cost
from storage.rules.sharing_proofs import kept
from storage.rules.tiers import Tier

CANARIES = (
    "金丝雀",
    "13911112222",
    "canary-openid",
    "浙A·C4N4R",
    "李秀英",
    "王建国",
    "13800000501",
    "13800000502",
    "openid-3-2-501",
)
"""Names, phones, an openid, a number plate: of residents, staff and whoever wrote a note."""


def publish(tx: Connection, community_id: int, *, now: datetime) -> int:
    """Publish prices of every kind, a shared cost, public accounts; return the cost's key."""
    _prices(tx, community_id)
    cost_id = _shared_cost(tx, community_id, now)
    facts = [
        PublicFact(BillingPeriod(2026, 10), PublicSide.INCOME, "电梯广告", 1_200_000, "分众传媒"),
        PublicFact(BillingPeriod(2026, 10), PublicSide.INCOME, "临时停车", 345_678),
        PublicFact(BillingPeriod(2026, 10), PublicSide.EXPENDITURE, "绿化补种", 800_000),
        PublicFact(BillingPeriod(2026, 9), PublicSide.INCOME, "电梯广告", 1_200_000),
    ]
    rows = [("桂花苑", one) for one in facts]
    assert not import_public(tx, rows, actor=CLOCK, now=now).objections
    return cost_id


def _item(tx: Connection, community_id: int, name: str, fee_class: FeeClass = FeeClass.OWN) -> int:
    known = tx.execute(
        select(fee_items.c.id).where(
            fee_items.c.community_id == community_id, fee_items.c.name == name
        )
    ).scalar_one_or_none()
    if known is not None:
        return int(known)
    made = insert(fee_items).values(
        community_id=community_id, code="", name=name, fee_class=fee_class
    )
    return int(tx.execute(made.returning(fee_items.c.id)).scalar_one())


def _prices(tx: Connection, community_id: int) -> None:
    steps = (
        Tier(27_600, Decimal(216), Decimal(54)),
        Tier(41_000, Decimal(300), Decimal(75)),
        Tier(69_000),
    )
    june, new_year = date(2026, 6, 1), date(2027, 1, 1)
    jiao = TariffTerms(rounding=Rounding(RoundingUnit.JIAO), minimum_fen=500)
    water = TariffTerms(use_unit="吨", tiers=steps, tier_span=TierSpan.YEAR, included_heads=4)
    power = TariffTerms(use_unit="度")
    rows = [
        ("物业费", UnitKind.HOME, "", Basis.BY_AREA, 25_000, date(2023, 1, 1), june, None),
        ("物业费", UnitKind.HOME, "", Basis.BY_AREA, 28_000, june, new_year, None),
        ("物业费", UnitKind.HOME, "", Basis.BY_AREA, 30_000, new_year, None, None),
        ("物业费", UnitKind.SHOP, "", Basis.BY_AREA, 45_000, date(2024, 1, 1), None, jiao),
        ("自来水费", UnitKind.HOME, "", Basis.TIERED, 0, date(2025, 1, 1), None, water),
        ("电费", UnitKind.HOME, "", Basis.BY_METER, 5_380, date(2025, 1, 1), None, power),
        ("车位费", UnitKind.PARKING, "地下", Basis.PARKING, 3_000_000, june, None, None),
        ("垃圾清运费", UnitKind.HOME, "", Basis.FIXED, 80_000, date(2021, 1, 1), june, None),
        (
            "装修垃圾费",
            UnitKind.HOME,
            "",
            Basis.FORMULA,
            0,
            date(2025, 1, 1),
            None,
            TariffTerms(formula="面积 * 3 + 50"),
        ),
    ]
    for name, kind, scheme, basis, price_e4, effective_on, ends_on, terms in rows:
        fee_class = FeeClass.AGENCY if name == "自来水费" else FeeClass.OWN
        tx.execute(
            insert(tariffs).values(
                community_id=community_id,
                fee_item_id=_item(tx, community_id, name, fee_class),
                unit_kind=kind,
                scheme=scheme,
                name="",
                basis=basis,
                price_e4=price_e4,
                effective_on=effective_on,
                ends_on=ends_on,
                terms="{}" if terms is None else terms.text,
            )
        )


def _shared_cost(tx: Connection, community_id: int, now: datetime) -> int:
    codes = tx.execute(
        select(units.c.code, units.c.floor_area_m2).where(units.c.community_id == community_id)
    ).all()
    proof = share_cost(
        123_457, [Sharer(row.code, row.floor_area_m2) for row in codes], method=ShareMethod.BY_AREA
    )
    values = {
        "community_id": community_id,
        "fee_item_id": _item(tx, community_id, "电梯公摊"),
        "period": "2026-10",
        "scope": "building",
        "scope_label": "3栋",
        "method": ShareMethod.BY_AREA,
        "total_fen": 123_457,
        "legal_basis": "物业服务合同第十二条",
        "note": "有疑问请找 13911112222",
        "due_on": date(2026, 11, 25),
        "state": "published",
        "proof": json.dumps(kept(proof)),
        "drafted_at": now,
        "published_at": now,
    }
    hidden = values | {"state": "draft", "period": "2026-11", "published_at": None}
    found = tx.execute(insert(shared_costs).values(values).returning(shared_costs.c.id))
    cost_id = int(found.scalar_one())
    tx.execute(insert(shared_costs).values(hidden))
    return cost_id


def plant(tx: Connection, community_id: int, *, now: datetime) -> None:
    """Write personal facts into every place of the books that holds any."""
    unit_id = tx.execute(select(units.c.id).limit(1)).scalar_one()
    tx.execute(insert(staff).values(name="金丝雀", phone="13911112222", role=StaffRole.MANAGER))
    tx.execute(
        insert(residents).values(community_id=community_id, name="金丝雀", phone="13911112222")
    )
    tx.execute(insert(identities).values(account="demo", openid="canary-openid", first_seen_at=now))
    tx.execute(
        insert(unit_tariffs).values(
            unit_id=unit_id,
            fee_item_id=_item(tx, community_id, "车位费"),
            plate="浙A·C4N4R",
            from_on=date(2026, 1, 1),
        )
    )
    tx.execute(
        insert(holds).values(
            unit_id=unit_id,
            kind="dispute",
            from_on=date(2026, 1, 1),
            reason="金丝雀 13911112222",
            made_at=now,
        )
    )
    told = json.dumps({"sum": "金丝雀 13911112222"}, ensure_ascii=False)
    tx.execute(update(bills).values(explanation=told))
    tx.execute(update(refunds).values(reason="金丝雀 13911112222", detail="13911112222"))


def settled_refunds(
    tx: Connection,
    community_id: int,
    payment_id: int,
    spans: list[timedelta],
    *,
    first: int,
    now: datetime,
) -> None:
    """Write refunds of a payment that took so long each."""
    unit_id = tx.execute(select(units.c.id).limit(1)).scalar_one()
    for number, span in enumerate(spans, start=first):
        tx.execute(
            insert(refunds).values(
                refund_no=f"T{number}",
                payment_id=payment_id,
                community_id=community_id,
                unit_id=unit_id,
                order_no=f"W{number}",
                gateway="wechat_pay",
                amount_fen=1,
                state="success",
                cause="asked",
                request_key=f"r{number}",
                requested_at=now - timedelta(days=30) - span,
                settled_at=now - timedelta(days=30),
            )
        )
