"""What is printed for households that pay from paper: open bills by building."""

from datetime import date

from sqlalchemy import Connection, select

from storage.frozen import dataclass
from storage.links import PayLink
from storage.models.estate import buildings, communities, units
from storage.queries.bills import BillDetail
from storage.queries.estate import in_order
from storage.queries.orders import open_bills_for, payer_of


@dataclass(frozen=True, slots=True)
class PaperBill:
    """One household's sheet."""

    unit_id: int
    link_epoch: int
    unit_label: str
    paper_code: str
    """The hash that is stored, "" where no code was printed yet."""
    community_name: str
    company_name: str
    office_phone: str
    bills: tuple[BillDetail, ...]


def paper_bills(
    tx: Connection, building: str, *, today: date, community: str = ""
) -> list[PaperBill]:
    """Return the units of a building ("3" or "3栋") that owe something, in the order of rooms.

    `community` narrows it to one by its name; "" takes every community's building of that name.
    """
    number = building.strip().removesuffix("栋")
    wanted = (
        select(units)
        .join(buildings, buildings.c.id == units.c.building_id)
        .join(communities, communities.c.id == units.c.community_id)
        .where(buildings.c.label.in_([number, f"{number}栋"]))
    )
    if community:
        wanted = wanted.where(communities.c.name == community)
    rows = tx.execute(wanted).all()
    found = []
    for row in sorted(rows, key=lambda one: (one.community_id, in_order(one.code))):
        payer = payer_of(tx, PayLink(row.id, 0, row.link_epoch, today))
        owed = open_bills_for(tx, payer, today=today)
        if owed:
            found.append(
                PaperBill(
                    row.id,
                    row.link_epoch,
                    row.label,
                    row.paper_code,
                    payer.community_name,
                    payer.company_name,
                    payer.office_phone,
                    tuple(owed),
                )
            )
    return found
