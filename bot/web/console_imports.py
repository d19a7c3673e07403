"""Sheets (导入表格): sent, looked at, then taken in; all goes on when the page is closed."""

from typing import Final

from aiohttp import web

from bot.spreadsheets.archive import MAX_FILE_BYTES
from bot.spreadsheets.importing import Mode, SheetKind, Stage
from bot.web.console import typed, whole
from bot.web.console_office import OfficeDesk, Place
from bot.web.reading import UnfitRequest, query_text, read_upload, refuse_other_sites
from handlers.understanding.normaliser import sanitise
from storage.kinds import StaffRole
from storage.operations.works import NewWork, ask_again, ask_work
from storage.queries.console_sessions import Session
from storage.queries.works import WorkView, work_of, works_of
from storage.work_kinds import WorkKind, WorkState

KINDS: Final = {
    SheetKind.ESTATE: "房屋和业主",
    SheetKind.RESIDENTS: "住户",
    SheetKind.OCCUPANCIES: "入住和搬走",
    SheetKind.TARIFFS: "收费标准",
    SheetKind.CHOICES: "房屋的收费标准",
    SheetKind.BILLS: "账单（旧账）",
    SheetKind.METERS: "表具",
    SheetKind.READINGS: "抄表读数",
    SheetKind.PUBLIC: "公共收支",
}
STAGES: Final = {
    "": "排队，马上开始",
    Stage.READ: "第 1 步：读表格",
    Stage.COMPARE: "第 2 步：和账上核对",
    Stage.WRITE: "第 3 步：写进账里",
}
ON_A_PAGE: Final = 20
TITLE_CHARS: Final = 80
EVERY_MS: Final = 2000
NOTHING_SENT: Final = "还没有选文件，什么都没有做。请选一个 .xlsx 文件再上传。"


class ConsoleImportsDoor(OfficeDesk):
    """The sheets that were sent, and one with what it would change."""

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the form, and the sheets sent before, the newest first."""
        session = await self.visit(request, StaffRole.MANAGER)
        place = await self._asked_place(request, session)
        return await self._list(session, place, before_id=whole(query_text(request, "before")) or 0)

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Take a sheet; it is looked at in the background, and nothing is changed yet."""
        session = await self.visit(request, StaffRole.MANAGER)
        refuse_other_sites(request, self._parts.base_url)
        sent = await read_upload(request, most_bytes=MAX_FILE_BYTES)
        self._refuse_anothers(sent.fields, session)
        place = await self._place(session, typed(sent.fields, "community"))
        sheet = typed(sent.fields, "sheet")
        if sheet not in KINDS:
            raise UnfitRequest(400, "sheet")
        if not sent.content:
            return await self._list(session, place, notice=NOTHING_SENT)
        new = NewWork(
            WorkKind.IMPORT,
            place.community_id,
            plain_name(sent.file_name),
            {"sheet": sheet, "mode": Mode.LOOK},
            sent.content,
        )
        now, staff_id = self._parts.clock.now(), session.staff.staff_id
        work_id = await self._parts.db.write(ask_work, new, staff_id=staff_id, now=now)
        self._parts.begin_work()
        return self._go(f"/imports/{work_id}")

    async def show_one(self, request: web.Request) -> web.StreamResponse:
        """Show how far a sheet is, and what it would change or has changed."""
        session = await self.visit(request, StaffRole.MANAGER)
        one = await self._work(request, session)
        return await self._card(session, one)

    async def state(self, request: web.Request) -> web.StreamResponse:
        """Tell an open page whether something moved; no visit that keeps a session alive."""
        session = await self._session(request)
        if session is None:
            return web.json_response({"state": ""}, status=401)
        if session.staff.role is not StaffRole.MANAGER:
            raise web.HTTPNotFound
        return web.json_response({"state": (await self._work(request, session)).mark})

    async def apply(self, request: web.Request) -> web.StreamResponse:
        """Have a sheet that was looked at taken in; pressed twice it is taken in once."""
        session = await self.visit(request, StaffRole.MANAGER)
        form = await self._filled(request, session)
        one = await self._work(request, session)
        if typed(form, "act") != "apply":
            raise UnfitRequest(400, "act")
        if may_apply(one):
            await self._parts.db.write(
                ask_again,
                one.work_id,
                {"sheet": one.asked["sheet"], "mode": Mode.APPLY},
                staff_id=session.staff.staff_id,
                now=self._parts.clock.now(),
            )
            self._parts.begin_work()
        return self._go(f"/imports/{one.work_id}")

    async def _work(self, request: web.Request, session: Session) -> WorkView:
        """Return the sheet of the address. Another community's is none: HTTPNotFound."""
        found: WorkView | None = await self._parts.db.read(
            work_of,
            whole(request.match_info["work"]) or 0,
            community_ids=session.staff.community_ids,
        )
        if found is None or found.kind is not WorkKind.IMPORT:
            raise web.HTTPNotFound
        return found

    async def _list(
        self, session: Session, place: Place, *, before_id: int = 0, notice: str = ""
    ) -> web.Response:
        found = await self._parts.db.read(
            works_of,
            place.community_id,
            WorkKind.IMPORT,
            before_id=before_id,
            limit=ON_A_PAGE + 1,
        )
        shown = found[:ON_A_PAGE]
        more = ""
        if len(found) > ON_A_PAGE:
            more = f"/imports?community={place.community_id}&before={shown[-1].work_id}"
        return self._office_page(
            session,
            place,
            "console_imports.html",
            tab="imports",
            status=400 if notice else 200,
            kinds=KINDS,
            rows=[(one, KINDS[SheetKind(one.asked["sheet"])], told(one)) for one in shown],
            next_url=more and f"{self._home}{more}",
            most_mb=MAX_FILE_BYTES // 1_000_000,
            notice=notice,
        )

    async def _card(self, session: Session, one: WorkView) -> web.Response:
        place = await self._place(session, str(one.community_id))
        return self._office_page(
            session,
            place,
            "console_import.html",
            tab="imports",
            one=one,
            kind=KINDS[SheetKind(one.asked["sheet"])],
            told=told(one),
            report=one.report,
            may_apply=may_apply(one),
            every_ms=EVERY_MS,
        )


def may_apply(one: WorkView) -> bool:
    """Tell whether a sheet was looked at, changes something, and has no bad row."""
    is_looked_at = one.state is WorkState.DONE and one.asked["mode"] == Mode.LOOK
    has_to = bool(one.report.get("change_count")) and not one.report.get("problem_count")
    return is_looked_at and has_to and one.has_content


def told(one: WorkView) -> str:
    """Say in one line how far a sheet is."""
    if one.state is WorkState.BROKEN:
        return "中断了，没有写完的都没有写。请再上传一次"
    if one.is_under_way:
        size = f"（{one.size} 行）" if one.size else ""
        return f"{STAGES.get(one.step, '')}{size}"
    if not one.report:
        return "已经过了一个月，结果不再保留"
    changes, problems = one.report["change_count"], one.report["problem_count"]
    if one.report["is_applied"]:
        return f"已导入：{changes} 项变更" if changes else "内容都已经在账上，没有要改的"
    if problems:
        return f"没有导入：{problems} 处要改正"
    return f"预览：会有 {changes} 项变更" if changes else "内容都已经在账上，没有要改的"


def plain_name(sent: str) -> str:
    """Return a file's name as it may be shown: no folders, nothing that hides or turns letters."""
    last = sent.replace("\\", "/").rpartition("/")[2]
    return sanitise(last)[:TITLE_CHARS] or "表格.xlsx"
