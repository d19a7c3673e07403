"""Where the office of 梧桐里 sits: the books, the clock with its real jobs, what stands in them."""

import json
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select

from handlers.composer import Composer
from scheduler.deps import JobDeps
from scheduler.registry import JOBS
from scheduler.runner import Runner
from storage.audit import Actor
from storage.database import Database
from storage.errors import GatewayUnavailable
from storage.kinds import (
    Basis,
    CycleLength,
    CycleTiming,
    FeeClass,
    RoundingMode,
    RoundingUnit,
    StaffRole,
    TierSpan,
    UnitKind,
)
from storage.links import Links
from storage.models.bills import bills, fee_items
from storage.models.estate import communities, units
from storage.models.meters import meters
from storage.models.people import residents
from storage.operations.communities import choose
from storage.operations.estate import import_estate
from storage.operations.estate_plan import EstateRow
from storage.operations.seeding import (
    Colleague,
    Follower,
    let_in,
    staff_up,
)
from storage.operations.tariffs import TariffFact, set_tariff
from storage.periods import SHANGHAI
from storage.ports.payments import PaymentFact
from storage.queries.policies import Policy
from storage.queries.tariffs import TariffTerms
from storage.rules.rounding import Rounding
from storage.rules.tiers import Tier
from tests.factories import ACCOUNT
from tests.fakes import FakeChannel, FakeGateway, FixedClock
from tests.scenarios import year
from tests.scenarios.year import Fee


def instant(day: date, at: str) -> datetime:
    """Return a Shanghai wall-clock time as an instant."""
    return datetime.combine(day, time.fromisoformat(at), SHANGHAI)


@dataclass
class DeafGateway(FakeGateway):
    """A platform that can stop answering our questions."""

    is_deaf: bool = False

    async def query(self, order_no: str, asked_at: datetime) -> PaymentFact:
        if self.is_deaf:
            raise GatewayUnavailable(self.name, "timeout")
        return await super().query(order_no, asked_at)


class Desk:
    """The real thing: a database, the jobs, a platform and a chat channel."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db = db
        self.clock = FixedClock(instant(year.OPENS_ON, "08:00"))
        self.gateway = DeafGateway(self.clock)
        self.channel = FakeChannel()
        links = Links(b"k" * 32, "https://wuye.example")
        deps = JobDeps(
            db=db,
            clock=self.clock,
            links=links,
            channels={ACCOUNT: self.channel},
            gateways={"wechat_pay": self.gateway},
            compose=Composer(links, self.clock).compose,
            answer_late=_never,
            backup_dir=folder,
            sqlite_file=None,
        )
        # Once a night is as good as every hour here, and a year has 8,760 hours.
        daily = {"apply_prepayments": "20 2 * * *"}
        jobs = [replace(one, cron=daily.get(one.name, one.cron)) for one in JOBS]
        self.runner = Runner(deps, [one for one in jobs if one.name != "back_up"])
        self.community_id = 0
        self.codes: dict[int, str] = {}
        self.units: dict[str, int] = {}
        self.items: dict[str, int] = {}
        self.names: dict[int | None, str] = {None: ""}
        self.staff = Actor()

    @property
    def now(self) -> datetime:
        return self.clock.now()

    async def tick(self, day: date, at: str) -> None:
        """Let the clock come to a minute, and do what is due."""
        moment = instant(day, at)
        self.clock.advance(seconds=max((moment - self.now).total_seconds(), 0))
        await self.runner.tick(self.now)

    async def open(self) -> None:
        """Enter the estate, the fees and the staff, as an office does before all else."""
        rows = [
            EstateRow(
                year.COMMUNITY,
                one.code,
                one.label,
                UnitKind(one.kind),
                building=one.label[:2] if one.kind == "home" else "",
                entrance=one.label[2:5] if one.kind == "home" else "",
                floor_area_m2=Decimal(one.area) if one.area else None,
                name=one.owner,
                phone=f"1380000{at:04d}",
                from_on=one.from_on,
            )
            for at, one in enumerate(year.HOMES)
        ]
        plan = await self.db.write(import_estate, rows, actor=Actor(), now=self.now)
        assert not plan.objections
        self.community_id = await self.one(
            select(communities.c.id).where(communities.c.name == year.COMMUNITY)
        )
        self.codes = await self.pairs(select(units.c.id, units.c.code))
        self.units = {code: key for key, code in self.codes.items()}
        colleague = Colleague("周明远", "13900000001", StaffRole.MANAGER, "o-manager")
        [staff_id] = await self.db.write(
            staff_up, [colleague], account=ACCOUNT, community_ids=[self.community_id], now=self.now
        )
        self.staff = Actor(staff_id=staff_id)
        policy = Policy(bind_needs_code=False, sharing_basis="物业服务合同第九条")
        await self.db.write(
            choose,
            policy,
            community_id=self.community_id,
            effective_on=date(2020, 1, 1),
            now=self.now,
        )
        followers = [
            Follower(f"o-{one.code}", self.community_id, one.code, f"1380000{at:04d}")
            for at, one in enumerate(year.HOMES)
            if one.from_on < year.OPENS_ON
        ]
        await self.db.write(let_in, followers, account=ACCOUNT, now=self.now)
        for fee in year.FEES:
            for from_on, price_e4 in fee.prices:
                await self.price(fee, price_e4, from_on)
        self.items = {
            name: key
            for key, name in (await self.pairs(select(fee_items.c.id, fee_items.c.name))).items()
        }

    # Asking the books

    async def one(self, statement: Any) -> Any:
        return await self.db.read(lambda tx: tx.execute(statement).scalar_one())

    async def pairs(self, statement: Any) -> dict[Any, Any]:
        return await self.db.read(lambda tx: dict(map(tuple, tx.execute(statement))))

    async def rows(self, statement: Any) -> list[Any]:
        return await self.db.read(lambda tx: list(tx.execute(statement)))

    async def told(self) -> dict[tuple[str, str, str, int, int], tuple[Any, ...]]:
        """Return what stands in the books of each bill, as the model tells it."""
        names = {None: "", **await self.pairs(select(residents.c.id, residents.c.name))}
        rows = await self.rows(
            select(bills, fee_items.c.name).join(fee_items, fee_items.c.id == bills.c.fee_item_id)
        )
        found = {}
        for row in rows:
            key = (self.codes[row.unit_id], row.name, row.period, row.revision, row.part)
            issued_on = row.issued_at.astimezone(SHANGHAI).date()
            open_fen = 0 if row.voided_at else row.amount_fen - row.paid_fen
            what = (row.amount_fen, names[row.liable_id], row.begins_on, row.last_on)
            found[key] = (*what, row.due_on, issued_on, row.voided_at is not None, open_fen)
        return found

    async def explanations(self) -> list[tuple[str, int, dict[str, Any]]]:
        """Return (number, fen, frozen explanation) of all bills that were issued here."""
        rows = await self.rows(select(bills).where(bills.c.is_imported == 0).order_by(bills.c.id))
        return [(row.bill_no, row.amount_fen, json.loads(row.explanation)) for row in rows]

    async def bill_id(self, code: str, item: str, period: str) -> int:
        found: int = await self.one(
            select(bills.c.id).where(
                bills.c.unit_id == self.units[code],
                bills.c.fee_item_id == self.items[item],
                bills.c.period == period,
                bills.c.voided_at.is_(None),
            )
        )
        return found

    async def meter_id(self, code: str, item: str) -> int:
        found: int = await self.one(
            select(meters.c.id).where(
                meters.c.unit_id == self.units[code],
                meters.c.fee_item_id == self.items[item],
                meters.c.removed_on.is_(None),
            )
        )
        return found

    async def price(self, fee: Fee, price_e4: int, from_on: date) -> None:
        terms = TariffTerms(
            use_unit=fee.use_unit,
            tiers=tuple(
                Tier(price, None if up_to is None else Decimal(up_to), Decimal(per_head))
                for price, up_to, per_head in fee.tiers
            ),
            tier_span=TierSpan(fee.tier_span),
            included_heads=3 if fee.tiers else 0,
            minimum_fen=fee.minimum_fen,
            maximum_fen=fee.maximum_fen,
            rounding=Rounding(RoundingUnit(fee.rounding[0]), RoundingMode(fee.rounding[1])),
            formula=fee.formula,
        )
        tariff = TariffFact(
            fee.item,
            UnitKind(fee.kind),
            Basis(fee.basis),
            price_e4,
            from_on,
            scheme=fee.scheme,
            cycle=CycleLength(fee.cycle),
            timing=CycleTiming.IN_ARREARS if fee.in_arrears else CycleTiming.IN_ADVANCE,
            terms=terms,
            fee_class=FeeClass(fee.fee_class),
        )
        await self.db.write(
            set_tariff, tariff, community_id=self.community_id, actor=self.staff, now=self.now
        )


async def _never(one: object, now: datetime) -> None:
    raise AssertionError("nothing was forgotten here")
