"""Seeds the demo: its spreadsheets are written, then imported as an office would import them."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bot.demo_community import (
    CLOUD,
    COMMUNITIES,
    LAKE,
    SINCE,
    faces,
    openid_of,
    opening_totals,
    second_units,
    write_sheets,
)
from bot.demo_fees import share_lift, write_meter_sheets
from bot.passwords import hashed
from bot.spreadsheets.importing import ImportAsk, Mode, SheetKind, import_sheet
from storage.audit import CLOCK, Actor
from storage.database import Database
from storage.frozen import dataclass
from storage.kinds import StaffRole
from storage.operations import job_runs
from storage.operations.console_sessions import set_password
from storage.operations.issuing import issue_bills
from storage.operations.opening import sign_opening
from storage.operations.payees import PayeeFacts, write_payee
from storage.operations.seeding import (
    Colleague,
    FirstPolicy,
    Follower,
    Office,
    bound_openids,
    choose_policy,
    furnish_office,
    let_in,
    staff_up,
)
from storage.operations.tax_codes import set_tax_code
from storage.periods import BillingPeriod, shanghai_day
from storage.queries.console_sessions import proof_of
from storage.queries.estate import Community, all_communities, fee_item_named
from storage.queries.staff import staff_by_phone

OFFICES: Final = {
    CLOUD: Office(
        "云栖物业服务有限公司",
        "杭州市西湖区云栖路 18 号 1 幢底层",
        "0571-8800 1234",
        "浙ICP备00000000号（演示）",
    ),
    LAKE: Office(
        "云栖物业服务有限公司",
        "杭州市西湖区翠湖路 6 号门岗旁",
        "0571-8800 5678",
        "浙ICP备00000000号（演示）",
    ),
}
PAYEE: Final = PayeeFacts(
    "云栖物业服务有限公司",
    tax_no="91330106MA2YUNQI8X",
    address="杭州市西湖区云栖路 18 号",
    phone="0571-8800 1234",
)
POLICY: Final = FirstPolicy(
    SINCE,
    refund_automatic_fen=100_000,
    refund_any_cause=True,
    bind_needs_code=False,
    sharing_basis="物业服务合同第九条（演示）",
)
TAX_CODES: Final = {"物业费": "3040801010000000000", "车位费": "3040502020200000000"}
"""Fee item → 税收分类编码; both are taxed with 6 % here."""
COLLEAGUES: Final = (
    Colleague("周明远", "13900000001", StaffRole.MANAGER, openid_of("manager")),
    Colleague("何静", "13900000002", StaffRole.CASHIER, openid_of("cashier")),
    Colleague("林涛", "13900000003", StaffRole.STEWARD, openid_of("steward")),
)
CONSOLE_PASSWORD: Final = "wuyebot-demo"  # noqa: S105 - the demo's own, no secret


@dataclass(frozen=True, slots=True)
class DemoPeople:
    """Whom and what outsiders may use, in the shape of demo.json."""

    residents: list[dict[str, Any]]
    staff: list[dict[str, Any]]
    staff_phones: tuple[str, ...]
    """Their phones, in the same order."""
    communities: list[dict[str, Any]]
    console: dict[str, str]
    """With which name and password the manager signs in to the console."""


class DemoBroken(Exception):
    """The demo's own spreadsheets were refused; carries what was said of them."""


async def seed(db: Database, *, folder: Path, now: datetime, account: str) -> DemoPeople:
    """Make the demo's communities, once; return who is there.

    Every step may be repeated, so a seeding that was cut off goes on where it stopped. Raises
    DemoBroken where somebody changed the folder's spreadsheets.
    """
    known = await db.read(all_communities)
    if not all(
        any(one.name == name and one.opened_at is not None for one in known) for name in COMMUNITIES
    ):
        known = await _begin(db, folder / "spreadsheets", now, account)
    bound = await db.read(bound_openids, account)
    await _open_console(db, now)
    return DemoPeople(
        residents=[
            {
                "openid": face.openid,
                "name": home.name,
                "phone": home.phone,
                "unit_label": home.label,
                "community": home.community,
                "bound": face.openid in bound,
            }
            for face in faces()
            for home in (face.home, *second_units(face))
        ],
        staff=[
            {"openid": one.openid, "name": one.name, "role": str(one.role)} for one in COLLEAGUES
        ],
        staff_phones=tuple(one.phone for one in COLLEAGUES),
        communities=[
            {"id": one.community_id, "name": one.name} for one in known if one.name in COMMUNITIES
        ],
        console={"username": COLLEAGUES[0].phone, "password": CONSOLE_PASSWORD},
    )


async def _open_console(db: Database, now: datetime) -> None:
    """Give the manager the console's password, which everybody may read in demo.json, once."""
    phone = COLLEAGUES[0].phone
    staff_id = await db.read(staff_by_phone, phone)
    if staff_id is not None and await db.read(proof_of, phone) is None:
        phc = await asyncio.to_thread(hashed, CONSOLE_PASSWORD)
        await db.write(set_password, staff_id, phc, actor=CLOCK, now=now)


async def _begin(db: Database, folder: Path, now: datetime, account: str) -> list[Community]:
    today = shanghai_day(now)
    plain = {SheetKind(kind): path for kind, path in write_sheets(folder, today=today).items()}
    for kind, path in (plain | write_meter_sheets(folder, today=today)).items():
        report = await import_sheet(db, ImportAsk(kind, path, Mode.APPLY, CLOCK, now))
        if report.problems:
            raise DemoBroken("；".join(str(one) for one in report.problems[:5]))
    found = [one for one in await db.read(all_communities) if one.name in COMMUNITIES]
    ids = {one.name: one.community_id for one in found}
    staff_ids = await db.write(
        staff_up, COLLEAGUES, account=account, community_ids=sorted(ids.values()), now=now
    )
    followers = [
        Follower(face.openid, ids[home.community], home.code, home.phone)
        for face in faces()
        if face.is_bound
        for home in (face.home, *second_units(face))
    ]
    await db.write(let_in, followers, account=account, now=now)
    await db.write(write_payee, PAYEE, now=now)
    for name, community_id in ids.items():
        await _open(db, name, community_id, signed_by=staff_ids[0], now=now)
    return await db.read(all_communities)


async def _open(
    db: Database, name: str, community_id: int, *, signed_by: int, now: datetime
) -> None:
    """Furnish one community, bill its month, and sign its opening sheet."""
    month = BillingPeriod.of(shanghai_day(now))
    await db.write(furnish_office, OFFICES[name], community_id=community_id)
    await db.write(choose_policy, POLICY, community_id=community_id)
    for item, tax_code in TAX_CODES.items():
        item_id = await db.read(fee_item_named, community_id, item)
        if item_id is not None:
            await db.write(set_tax_code, item_id, tax_code, 600, effective_on=SINCE, now=now)
    await db.write(issue_bills, community_id=community_id, period=month, now=now)
    if name == CLOUD:
        await share_lift(db, community_id, now=now)
    await db.write(job_runs.baseline, f"issue_bills/{community_id}", str(month))
    await db.write(
        sign_opening,
        community_id=community_id,
        totals=opening_totals(name),
        actor=Actor(staff_id=signed_by),
        now=now,
    )
