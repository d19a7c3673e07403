"""Sheets in the console: looked at first, taken in once, whoever looks on, whatever breaks."""

import io
import json
import re
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestClient
from sqlalchemy import select, update

from bot.spreadsheets.archive import MAX_FILE_BYTES
from bot.spreadsheets.writing import write_table
from bot.web.console_imports import plain_name
from bot.works import Worker
from storage.kinds import StaffRole
from storage.models.estate import units
from storage.models.works import works
from storage.operations.works import TakenWork, forget_work_leases, note_step, take_work
from tests.bot.web.console import Desk, field, furnish, page, sign_in
from tests.bot.web.town import COMMUNITY, Town

HEADERS = ("小区", "房号", "建筑面积", "业主", "电话")
GOOD = (COMMUNITY, "3-2-601", "89.50", "赵六", "13800000601")
BAD = (COMMUNITY, "3-2-602", "八十九", "钱七", "13800000602")
FOREIGN = ("别的小区", "3-2-603", "89.50", "孙八", "13800000603")


@pytest.fixture
async def desk(town: Town) -> Desk:
    desk = await furnish(town)
    await town.change(works.delete())
    return desk


@pytest.fixture
async def inside(door: TestClient, town: Town, desk: Desk) -> TestClient:
    """A browser in which the manager is signed in."""
    await sign_in(door, town, desk.ours[StaffRole.MANAGER])
    return door


def sheet_of(folder: Path, *rows: tuple[str, ...]) -> bytes:
    path = folder / "sheet.xlsx"
    write_table(path, title="房屋", headers=HEADERS, rows=rows)
    return path.read_bytes()


async def send(inside: TestClient, content: bytes, name: str = "房屋.xlsx") -> tuple[int, str]:
    """Send a sheet; return the status, and where its page is."""
    html = await page(inside, "/console/imports")
    form = aiohttp.FormData()
    form.add_field("press", field(html, "press"))
    form.add_field("sheet", "estate")
    form.add_field("file", io.BytesIO(content), filename=name)
    answer = await inside.post("/console/imports", data=form, allow_redirects=False)
    return answer.status, answer.headers.get("Location", "")


async def apply(inside: TestClient, html: str, where: str) -> int:
    form = {"press": field(html, "press"), "act": "apply"}
    return (await inside.post(where, data=form, allow_redirects=False)).status


async def codes(town: Town) -> list[str]:
    asked = select(units.c.code).where(units.c.community_id == town.community_id)
    return await town.db.read(lambda tx: sorted(tx.execute(asked).scalars()))


def told(html: str) -> tuple[str, str]:
    found = re.search('data-state="([a-z]+)">([^<]*)<', html)
    assert found
    return found[1], found[2]


async def test_a_sheet_is_looked_at_then_taken_in_and_again_changes_nothing(
    inside: TestClient, town: Town, tmp_path: Path
):
    worker, content, before = (
        Worker(town.db, town.clock),
        sheet_of(tmp_path, GOOD),
        await codes(town),
    )

    status, where = await send(inside, content)
    waiting = await page(inside, where)
    await worker.work_off()
    looked = await page(inside, where)
    assert (status, told(waiting)) == (303, ("waiting", "排队，马上开始"))
    assert told(looked)[1].startswith("预览：会有")
    assert await codes(town) == before

    statuses = [await apply(inside, looked, where) for _ in range(2)]
    assert [await worker.work_off(), await worker.work_off()] == [1, 0]
    assert statuses == [303, 303]
    assert told(await page(inside, where))[1].startswith("已导入：")
    assert await codes(town) == sorted([*before, "3-2-601"])

    _, again = await send(inside, content)
    await worker.work_off()
    shown = await page(inside, again)
    assert told(shown) == ("done", "内容都已经在账上，没有要改的")
    assert "正式导入" not in shown


async def test_every_bad_row_is_told_with_its_place_and_nothing_is_taken_in(
    inside: TestClient, town: Town, tmp_path: Path
):
    before = await codes(town)
    _, where = await send(inside, sheet_of(tmp_path, GOOD, BAD, FOREIGN))
    await Worker(town.db, town.clock).work_off()
    html = await page(inside, where)

    status = await apply(inside, html, where)
    begun = await Worker(town.db, town.clock).work_off()

    assert told(html)[1] == "没有导入：2 处要改正"
    assert "<td>房屋</td><td>4</td><td>C</td>" in html
    assert "<td>房屋</td><td>5</td><td>A</td>" in html
    assert (status, begun, await codes(town)) == (303, 0, before)


@pytest.mark.parametrize("cuts", [1, 3])
async def test_work_that_a_crash_cut_off_goes_on_and_is_given_up_after_three_times(
    inside: TestClient, town: Town, tmp_path: Path, cuts: int
):
    _, where = await send(inside, sheet_of(tmp_path, GOOD))
    doers: list[TakenWork] = []
    for _ in range(cuts):
        taken = await town.db.write(take_work)
        assert taken is not None
        assert await town.db.write(take_work) is None, "two do the same"
        for one in doers:
            assert not await town.db.write(note_step, one, "write", 1), "who was overtaken writes"
        doers.append(taken)
        await town.db.write(forget_work_leases)

    begun = await Worker(town.db, town.clock).work_off()
    state, words = told(await page(inside, where))

    assert (begun, state) == ((1, "done") if cuts == 1 else (0, "broken"))
    assert ("预览" in words, "请再上传一次" in words) == (cuts == 1, cuts == 3)
    assert not await town.db.write(note_step, doers[0], "write", 1), "it is over"


async def test_work_that_fails_is_broken_off_and_what_comes_after_it_is_done(
    inside: TestClient, town: Town, tmp_path: Path
):
    _, bad = await send(inside, sheet_of(tmp_path, GOOD))
    await town.change(update(works).values(asked=json.dumps({"sheet": "estate", "mode": "?"})))
    _, good = await send(inside, sheet_of(tmp_path, GOOD))

    assert await Worker(town.db, town.clock).work_off() == 2
    assert told(await page(inside, bad))[0] == "broken"
    assert told(await page(inside, good))[0] == "done"


async def test_k02_k03_k07_what_is_no_sheet_is_refused_and_its_name_is_made_harmless(
    inside: TestClient, town: Town, desk: Desk
):
    too_large, _ = await send(inside, b"x" * (MAX_FILE_BYTES + 1))
    empty, _ = await send(inside, b"")
    _, where = await send(inside, b"PK\x03\x04 not really", name="../../x\u202exslx.exe")
    await Worker(town.db, town.clock).work_off()
    html = await page(inside, where)

    assert (too_large, empty) == (413, 400)
    assert told(html)[1] == "没有导入：1 处要改正"
    assert "文件已损坏" in html
    assert "../" not in html
    assert "\u202e" not in html
    assert plain_name("C:\\a\\..\\CON") == "CON"
    assert plain_name("/") == "表格.xlsx"
