"""`wuyebot handover` on the command line: looks first, needs two people, prints the letter."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from bot.cli.main import main
from storage.database import open_database
from storage.kinds import StaffRole
from storage.models.bills import bills, tariffs
from storage.models.people import occupancies, staff
from tests import factories

PLACE = ("翡翠湾", "3-2-1201")
LEAVES = ("handover", "do", "过户", *PLACE, "--on", "2026-11-20", "--to", "陈新主")


@pytest.fixture
def books(sqlite_url: str, tmp_path: Path) -> Path:
    """Give a demo's folder: Ms Li owes two months, nothing else is due."""

    def set_up(tx: Connection) -> None:
        world = factories.build(tx)
        ended = factories.NOW.date().replace(year=2025)
        tx.execute(update(tariffs).values(ends_on=ended))
        factories.add_staff(tx, world.community_id, "王出纳", StaffRole.CASHIER, "1001")
        factories.add_staff(tx, world.community_id, "赵经理", StaffRole.MANAGER, "1002")
        tx.execute(update(staff).where(staff.c.name == "王出纳").values(phone="13900000001"))
        tx.execute(update(staff).where(staff.c.name == "赵经理").values(phone="13900000002"))

    _write(sqlite_url, set_up)
    facts = f'{{"database_url": "{sqlite_url}", "base_url": "http://wuye.test"}}'
    (tmp_path / "demo.json").write_text(facts, encoding="utf-8")
    (tmp_path / "link_secret").write_text("s" * 40, encoding="utf-8")
    return tmp_path


def _write(url: str, work) -> None:
    async def run() -> None:
        async with open_database(url) as db:
            await db.write(work)

    asyncio.run(run())


def _rows(url: str, table) -> list:
    found: list = []
    _write(url, lambda tx: found.extend(tx.execute(select(table)).all()))
    return found


def ran(books: Path, *words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--data", str(books)])
    return int(ended.value.code or 0)


def numbers(url: str) -> list[str]:
    return [row.bill_no for row in _rows(url, bills)][:2]


def test_looking_lists_what_has_to_be_decided_and_changes_nothing(
    books: Path, sqlite_url: str, capsys: pytest.CaptureFixture[str]
):
    assert ran(books, *LEAVES) == 0

    said = capsys.readouterr().out
    assert "待缴 B2026-10-000001 3栋2单元1201 物业费 2026-10 250.60 元：还没有决定" in said
    assert "以上是预览，什么都没有改" in said
    assert "李秀英" not in said
    assert [row.until_on for row in _rows(sqlite_url, occupancies)] == [None, None]


@pytest.mark.parametrize(
    ("hands", "why"),
    [
        ((), "请用 --by 和 --approved-by 写明"),
        (("--by", "13900000002", "--approved-by", "13900000002"), "自己提出的事不能由自己审批"),
        (("--by", "13900000002", "--approved-by", "13900000001"), "这件事要有权限的同事来办"),
        (("--by", "13900000001", "--approved-by", "13900000002"), "这些还没有决定：B2026-10"),
    ],
)  # fmt: skip
def test_without_a_second_person_or_a_decision_nothing_is_done(
    books: Path,
    sqlite_url: str,
    capsys: pytest.CaptureFixture[str],
    hands: tuple[str, ...],
    why: str,
):
    assert ran(books, *LEAVES, "--apply", *hands) == 1

    assert why in capsys.readouterr().err
    assert [row.until_on for row in _rows(sqlite_url, occupancies)] == [None, None]


def test_it_is_done_and_the_letter_is_printed_only_for_who_is_clear(
    books: Path, sqlite_url: str, capsys: pytest.CaptureFixture[str]
):
    hands = ("--by", "13900000001", "--approved-by", "13900000002", "--apply")
    first, second = numbers(sqlite_url)
    out = books / "letter.html"
    paper = ("handover", "certificate", *PLACE, "李秀英", "--out", str(out))

    done = ran(books, *LEAVES, *hands, "--stays", first, "--takes", second, "--consent", "第12号")
    refused = ran(books, *paper)
    said = capsys.readouterr()
    _write(sqlite_url, lambda tx: tx.execute(update(bills).values(paid_fen=bills.c.amount_fen)))
    printed = ran(books, *paper)

    assert (done, refused, printed) == (0, 1, 0)
    assert "名下还有 250.60 元没有缴，不能开结清证明" in said.out
    assert "李秀英 还欠 250.60 元，不能开结清证明" in said.err
    assert "兹证明 李秀英 作为 翡翠湾 3栋2单元1201 的业主" in out.read_text(encoding="utf-8")
