"""What the console's money pages share: their shelves, forms with a file, and who did what."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from aiohttp import web

from bot.web.console import COUNTERS, ConsoleDesk
from bot.web.reading import UnfitRequest, Upload, read_upload, refuse_other_sites
from storage.kinds import StaffRole
from storage.lazy import regex
from storage.queries.audits import AuditLine
from storage.queries.console_sessions import Session

SHELVES: Final = (
    ("bills", "账单"),
    ("meters", "抄表"),
    ("payments", "缴费"),
    ("refunds", "退款"),
    ("invoices", "发票"),
    ("reconciliation", "对账"),
    ("dunning", "催缴"),
)
FOR_ALL: Final = ("bills", "meters", "dunning")
"""Shelves that stewards read too."""
KEY: Final = regex("[0-9a-f]{24}")
MOVED: Final = (
    "这一页打开以后，账上已经有变化，您这一步没有办。请看看现在的情况，需要的话再点一次。"
)
ACTS: Final[Mapping[tuple[str, str], str]] = {
    ("bill", "void"): "作废",
    ("bill", "correct"): "更正",
    ("bill", "waive"): "减免违约金",
    ("billing", "issue"): "出账",
    ("waiver", "ask"): "申请减免",
    ("waiver", "approve"): "同意减免",
    ("waiver", "decline"): "没有同意减免",
    ("write_off", "ask"): "申请核销",
    ("write_off", "approve"): "同意核销",
    ("write_off", "decline"): "没有同意核销",
    ("write_off", "reverse"): "撤销核销",
    ("voucher", "take"): "收款",
    ("voucher", "void"): "冲正",
    ("refund", "request"): "申请退款",
    ("refund", "approve"): "同意退款",
    ("refund", "decline"): "没有同意退款",
    ("refund", "pay_out"): "付出退款",
    ("tax_invoice", "apply"): "申请发票",
    ("tax_invoice", "issue"): "登记已开",
    ("tax_invoice", "file"): "上传票面",
    ("tax_invoice", "export"): "导出开票",
    ("tax_invoice", "decline"): "驳回发票申请",
}
"""What was done with which thing → how its history reads."""
REASONED: Final = ("void", "decline", "reverse")
"""Acts whose detail is the reason that a person wrote."""


class Told(NamedTuple):
    """A line of a history, ready to be read."""

    at: datetime
    act: str
    reference: str
    who: str
    reason: str


class BooksDesk(ConsoleDesk):
    """A door of the money pages."""

    def _shelf_page(
        self,
        session: Session,
        template: str,
        *,
        shelf: str,
        **facts: Any,  # noqa: ANN401 - a template's values
    ) -> web.Response:
        """Render a page with the shelves that are hers, and a fresh key for its forms."""
        is_counting = session.staff.role in COUNTERS
        mine = [one for one in SHELVES if is_counting or one[0] in FOR_ALL]
        return self._page(
            session,
            template,
            room="bills",
            shelves=[(f"{self._home}/{name}", label, name == shelf) for name, label in mine],
            is_manager=session.staff.role is StaffRole.MANAGER,
            key=secrets.token_hex(12),
            **facts,
        )

    async def _uploaded(self, request: web.Request, session: Session, *, most_bytes: int) -> Upload:
        """Return a form with a file that this session was given by us. Raises UnfitRequest."""
        refuse_other_sites(request, self._parts.base_url)
        sent = await read_upload(request, most_bytes=most_bytes)
        sealed = sent.fields.get("press", [""])[0][:400]
        whose = self._seals.open("console", sealed, now=self._parts.clock.now())
        if whose != str(session.session_id):
            raise UnfitRequest(403, "not her form")
        return sent

    def _address(self, page: str, **query: object) -> str:
        """Return the address of one of our pages with what is not empty of a query."""
        kept = {name: str(value) for name, value in query.items() if value}
        return f"{self._home}{page}" + (f"?{urlencode(kept)}" if kept else "")


def key_typed(form: Mapping[str, list[str]]) -> str:
    """Return the key that makes a form sent twice one act. Raises UnfitRequest."""
    key = form.get("key", [""])[0]
    if KEY.fullmatch(key) is None:
        raise UnfitRequest(400, "key")
    return key


def history(lines: Iterable[AuditLine]) -> list[Told]:
    """Say an audit trail: when, what, by whom, and the reason where one was written."""
    return [
        Told(
            one.done_at,
            ACTS.get((one.noun, one.act), "有变动"),
            one.reference,
            one.staff_name or ("住户" if one.is_residents else "系统"),
            one.detail if one.act in REASONED else "",
        )
        for one in lines
    ]
