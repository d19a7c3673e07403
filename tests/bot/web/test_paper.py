"""Paper bills: who owes gets a sheet whose QR code opens her page, and a code to bind with."""

import hashlib
import html
import re
from datetime import timedelta
from pathlib import Path

import pytest
import segno
from aiohttp.test_utils import TestClient
from sqlalchemy import select
from typer.testing import CliRunner

from bot.cli.printing import Press, command, print_bills
from bot.web.paper import codes_of, codes_to_keep, render
from bot.web.seals import Seals
from storage.links import PayLink
from storage.models.estate import units
from storage.operations.paper_codes import keep_paper_codes
from storage.queries.paper_bills import paper_bills
from tests.bot.web.test_checkout import open_page, total
from tests.bot.web.town import BASE_URL, SECRET, TODAY, Town


async def test_a_building_prints_a_sheet_for_each_household_that_owes(door: TestClient, town: Town):
    found = await town.db.read(paper_bills, "3", today=TODAY)
    codes = codes_of(found, Seals(SECRET))

    document = render(found, codes, town.links, printed_on=TODAY)

    assert [one.unit_label for one in found] == ["3栋2单元501", "3栋2单元502"]
    assert document.count('class="sheet"') == 2
    assert "¥544.41" in document
    assert all(code in document for code in codes.values())
    assert "李秀英" not in document
    lasts = PayLink(found[0].unit_id, 0, found[0].link_epoch, TODAY + timedelta(days=180))
    code = segno.make(town.links.pay_url(lasts), error="m").svg_data_uri(scale=4, border=2)
    assert html.escape(code) in document
    assert total(await open_page(door, town.paper_token(town.first))) == 54441


async def test_printing_again_gives_the_same_codes_and_keeps_only_new_ones(town: Town):
    seals = Seals(SECRET)
    found = await town.db.read(paper_bills, "3栋", today=TODAY)
    codes = codes_of(found, seals)
    assert codes_to_keep(found, codes) == codes

    await town.db.write(keep_paper_codes, codes)

    again = await town.db.read(paper_bills, "3", today=TODAY)
    assert codes_of(again, seals) == codes
    assert codes_to_keep(again, codes) == {}
    kept = await town.db.read(
        lambda tx: set(tx.execute(select(units.c.paper_code)).scalars()),
    )
    assert kept == {hashlib.sha256(code.encode()).hexdigest() for code in codes.values()}


async def test_a_building_that_owes_nothing_prints_nothing(town: Town):
    assert await town.db.read(paper_bills, "9", today=TODAY) == []
    assert await town.db.read(paper_bills, "3", today=TODAY, community="别的小区") == []


async def test_the_sheets_print_beside_a_running_bot_once_the_codes_are_kept(town: Town):
    found = await town.db.read(paper_bills, "3", today=TODAY)
    await town.db.write(keep_paper_codes, codes_of(found, Seals(SECRET)))

    count, document = await print_bills(Press(town.db.url, SECRET, BASE_URL), "3")

    assert count == 2
    assert len(re.findall(r'class="code">[0-9]{6}<', document)) == 2


@pytest.mark.parametrize("options", [[], ["--data", "nowhere"]])
def test_the_command_says_what_it_lacks(options: list[str], tmp_path: Path):
    out = tmp_path / "bills.html"

    ended = CliRunner().invoke(command, ["bills", "--building", "3", "--out", str(out), *options])

    assert ended.exit_code == 1
    assert not out.exists()
