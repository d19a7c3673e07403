"""A tax invoice (发票): for which payment, to whom it is made out, a last look, then the office."""

from dataclasses import replace
from typing import Any, Final

from handlers import words
from handlers.consent import says_yes
from handlers.deps import HandlerDeps
from handlers.flats import tax_page_url
from handlers.turn import Intent, Turn
from storage.operations.tax_invoices import Buyer, apply_for_tax_invoice, check_buyer
from storage.paying_kinds import TaxInvoiceKind, TaxInvoiceState
from storage.ports.chat import OutgoingMessage
from storage.queries.payments import SettledPayment, settled_payments
from storage.queries.tax_invoices import (
    UsedTitle,
    can_be_invoiced,
    last_title,
    tax_invoice_states,
)
from storage.tax_errors import SpecialNeedsMore, TaxNoRefused, TitleRefused

SHOWN: Final = 5
FORMS: Final = ("个人", "单位，普通发票", "单位，专用发票")
PERSON, COMPANY, SPECIAL = range(3)
STATES: Final = {
    TaxInvoiceState.APPLIED: "已申请发票",
    TaxInvoiceState.EXPORTED: "已申请发票",
    TaxInvoiceState.ISSUED: "已开发票",
}
ON_PAGE: Final = "也可以点开网页填写。"
STEPS: Final = ("title", "tax_no", "address", "phone", "bank_name", "bank_account")
AS_BEFORE: Final = ("1", "１", "同上", "和上次一样")
ASKED: Final = {
    "tax_no": "请回复税号（统一社会信用代码，18位）。",
    "address": "专用发票还要写单位地址，请回复。",
    "phone": "请回复单位电话。",
    "bank_name": "请回复开户银行，写到支行。",
    "bank_account": "请回复银行账号。",
}


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Ask for which payment; where there is one only, go on at once."""
    found = await _open_payments(turn, deps)
    if not found:
        return await _nothing(turn, deps)
    if len(found) == 1:
        asked = _ask_form(turn, {"payment_id": found[0].payment_id})
        if turn.is_plain:
            return asked
        return replace(asked, text=f"{asked.text}\n{ON_PAGE}", url=tax_page_url(turn, deps))
    turn.memory.ask("invoice", asks="payment")
    listed = words.numbered([_told(one) for one in found])
    if turn.is_plain:
        return OutgoingMessage("invoice", f"开哪一笔的发票？\n回复数字：\n{listed}")
    text = f"请问开哪一笔的发票？回复序号：\n{listed}\n{ON_PAGE}"
    return OutgoingMessage("invoice", text, url=tax_page_url(turn, deps))


async def go_on(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Take the answer to what was asked, and ask the next thing."""
    known = dict(turn.memory.facts)
    asks = known.pop("asks", "")
    for name in ("takes", "choices"):
        known.pop(name, None)
    if asks == "payment":
        return await _take_payment(turn, deps)
    if asks == "form":
        return await _take_form(turn, deps, known)
    if asks == "last_look" and says_yes(turn):
        return await _hand_in(turn, deps, known)
    if asks in STEPS:
        said = turn.message.text.strip()[:120]
        last = await _last_title(turn, deps, known["form"]) if said in AS_BEFORE else None
        if asks == "title" and last is not None:
            return _next(turn, known | {one: getattr(last, one) for one in STEPS}, asks)
        known[asks] = said
        return _next(turn, known, asks)
    turn.memory.settle()
    return OutgoingMessage("invoice", "没有提交申请。\n要开发票，请再回复“发票”。")


async def _open_payments(turn: Turn, deps: HandlerDeps) -> list[SettledPayment]:
    """Return the newest payments of the flat that have no invoice yet."""
    paid = await deps.db.read(settled_payments, turn.home.binding_id, limit=20)
    ids = [one.payment_id for one in paid]
    states = await deps.db.read(tax_invoice_states, ids)
    taxed = await deps.db.read(can_be_invoiced, ids, turn.today)
    return [one for one in paid if one.payment_id in taxed and one.payment_id not in states][:SHOWN]


async def _nothing(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    paid = await deps.db.read(settled_payments, turn.home.binding_id, limit=SHOWN)
    states = await deps.db.read(tax_invoice_states, [one.payment_id for one in paid])
    told = [
        f"{_told(one)} {STATES[states[one.payment_id]]}" for one in paid if one.payment_id in states
    ]
    text = words.lines(
        f"{turn.home.label} 现在没有可以开发票的缴费。",
        *told,
        "发票开好以后会发到这里；急用请回复“人工”。"
        if told
        else "缴费以后再回复“发票”；已经缴了的，请回复“人工”，请财务来开。",
    )
    return OutgoingMessage("invoice", text)


async def _take_payment(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    found = await _open_payments(turn, deps)
    ordinal = turn.understood.slots.ordinal or 0
    if not 1 <= ordinal <= len(found):
        return await answer(turn, deps)
    return _ask_form(turn, {"payment_id": found[ordinal - 1].payment_id})


def _ask_form(turn: Turn, known: dict[str, Any]) -> OutgoingMessage:
    turn.memory.ask("invoice", **known, asks="form", choices=list(FORMS))
    lead = "发票开给谁？\n回复数字：" if turn.is_plain else "请问发票开给谁？回复序号："
    return OutgoingMessage("invoice", f"{lead}\n{words.numbered(FORMS)}")


async def _take_form(turn: Turn, deps: HandlerDeps, known: dict[str, Any]) -> OutgoingMessage:
    said, ordinal = turn.understood.text, turn.understood.slots.ordinal
    form = ordinal - 1 if ordinal and 1 <= ordinal <= len(FORMS) else None
    if form is None:
        hints = (("专", SPECIAL), ("个人", PERSON), ("单位", COMPANY), ("公司", COMPANY))
        form = next((place for hint, place in hints if hint in said), None)
    if form is None:
        return _ask_form(turn, {"payment_id": known["payment_id"]})
    known = {"payment_id": known["payment_id"], "form": form}
    last = await _last_title(turn, deps, form)
    hint = f"\n和上次一样开给“{words.shorten(last.title, 40)}”，回复“1”。" if last else ""
    turn.memory.ask("invoice", **known, asks="title", takes="any")
    whom = "请回复姓名。" if form == PERSON else "请回复单位全称，和营业执照上一样。"
    return OutgoingMessage("invoice", whom + hint)


async def _last_title(turn: Turn, deps: HandlerDeps, form: int) -> UsedTitle | None:
    """Return what she used last in this form."""
    kind = TaxInvoiceKind.SPECIAL if form == SPECIAL else TaxInvoiceKind.ORDINARY
    last: UsedTitle | None = await deps.db.read(last_title, turn.person.identity_id, [kind])
    return last if last is not None and bool(last.tax_no) == (form != PERSON) else None


def _next(turn: Turn, known: dict[str, Any], answered: str) -> OutgoingMessage:
    """Check what was just said, and ask for the next thing that this form needs."""
    try:
        check_buyer(Buyer(known["title"], tax_no=known.get("tax_no", "")))
    except (TitleRefused, TaxNoRefused):
        turn.memory.ask(
            "invoice",
            **{k: v for k, v in known.items() if k != answered},
            asks=answered,
            takes="any",
        )
        raise
    wanted = {PERSON: STEPS[:1], COMPANY: STEPS[:2], SPECIAL: STEPS}[known["form"]]
    missing = next((one for one in wanted if not known.get(one)), None)
    if missing is not None:
        turn.memory.ask("invoice", **known, asks=missing, takes="any")
        return OutgoingMessage("invoice", ASKED[missing])
    turn.memory.ask("invoice", **known, asks="last_look")
    return OutgoingMessage("invoice", _last_look(turn, known))


def _last_look(turn: Turn, known: dict[str, Any]) -> str:
    labels = ("抬头", "税号", "地址", "电话", "开户银行", "银行账号")
    is_plain = turn.is_plain
    return words.lines(
        "请看对不对：" if is_plain else f"{turn.home.label} 发票申请，请核对：",
        FORMS[known["form"]],
        *(
            f"{label}：{words.shorten(known[name], 60)}"
            for label, name in zip(labels, STEPS, strict=True)
            if known.get(name)
        ),
        "对，回复“确认”。\n写错了，回复“发票”。"
        if is_plain
        else "回复“确认”提交；写错了回复“发票”重新填。",
    )


async def _hand_in(turn: Turn, deps: HandlerDeps, known: dict[str, Any]) -> OutgoingMessage:
    turn.memory.settle()
    is_special = known["form"] == SPECIAL
    buyer = Buyer(
        title=known["title"],
        kind=TaxInvoiceKind.SPECIAL if is_special else TaxInvoiceKind.ORDINARY,
        **{name: known.get(name, "") for name in STEPS[1:]},
    )
    try:
        made = await deps.db.write(
            apply_for_tax_invoice,
            known["payment_id"],
            buyer,
            identity_id=turn.person.identity_id,
            now=turn.now,
        )
    except SpecialNeedsMore:
        return _ask_form(turn, {"payment_id": known["payment_id"]})
    if turn.is_plain:
        money, when = words.money(made.amount_fen), "一般1到3个工作日。"
        plainly = words.lines("要开的发票记下了：", money, "开好了发到这里，", when)
        return OutgoingMessage("invoice", plainly)
    text = words.lines(
        f"已收到 {made.unit_label} 的发票申请，{words.money(made.amount_fen)}，"
        f"编号 {made.application_no}。",
        "财务开好以后会发到这里，一般要1到3个工作日。",
        "发票开出以后，原来的收据不再作为报销凭证。",
    )
    return OutgoingMessage("invoice", text)


def _told(one: SettledPayment) -> str:
    bills = "、".join(f"{bill.period.month}月{bill.item_name}" for bill in one.bills[:3])
    return f"{words.moment(one.paid_at)} 缴的 {words.money(one.amount_fen)}（{bills or '预存'}）"


INTENT = Intent(name="invoice", answer=answer, go_on=go_on)
