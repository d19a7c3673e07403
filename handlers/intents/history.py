"""What was paid before (缴费记录): the newest payments, those of some months, or a statement."""

from datetime import date
from typing import Final

from handlers import statements, words
from handlers.deps import HandlerDeps
from handlers.flats import LINK_LASTS
from handlers.turn import Intent, Turn
from storage.lazy import regex
from storage.links import PayLink
from storage.periods import BillingPeriod, shanghai_day
from storage.ports.chat import OutgoingMessage
from storage.queries.payer_statements import statement_for_holder
from storage.queries.payments import SettledPayment, settled_payments
from storage.queries.residents import Home
from storage.queries.statements import days_of_months, days_of_year, statement_for

SHOWN: Final = 6
PLAINLY: Final = 3
ASKED_FOR: Final = 50
_ASKS_FOR_STATEMENT: Final = regex(
    r"对账|往来|台账|流水|statement|[交缴付]了?多少|(?:一共|总共|合计).{0,4}[交缴付]|都列出来"
)

_OF_ALL: Final = regex(r"全部|所有|名下|[几每][套处间]|合并|合在?一?起|一起|总的?对账")


async def answer(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List payments that paid something she may see, the newest first; or tell the statement."""
    slots, said = turn.understood.slots, turn.understood.normal
    asks_for_statement = slots.fee_item is None and _ASKS_FOR_STATEMENT.search(said)
    if asks_for_statement and _OF_ALL.search(said) and _neighbours(turn):
        return await _statement_of_all(turn, deps)
    home, period = turn.home, slots.period
    if asks_for_statement:
        return await _statement(turn, deps)
    found = await deps.db.read(settled_payments, home.binding_id, limit=ASKED_FOR)
    if period is not None:
        found = [one for one in found if period.first <= _month(one) <= period.last]
    if not found:
        when = "您问的时间里" if period is not None else "这里"
        text = (
            f"{home.label} {when}还没有缴费记录。\n"
            "刚缴的要过几分钟才有；回复“账单”可以查看待缴账单。"
        )
        return OutgoingMessage("history", text)
    more = f"更早的还有 {len(found) - SHOWN} 笔，可以说月份，例如“8月缴费记录”。"
    text = words.lines(
        f"{home.label} 缴费记录",
        *map(line, found[:SHOWN]),
        more if len(found) > SHOWN else "",
        "要看收据，回复“收据”；要逐笔对账，回复“对账单”。",
    )
    return OutgoingMessage("history", text)


async def _statement(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Sum up some months, or the year so far, with a link to every line."""
    first_on, last_on = _days(turn)
    link = _link(turn, turn.home)
    found = await deps.db.read(statement_for, link, first_on=first_on, last_on=last_on)
    text = words.lines(
        statements.summary(found),
        "您绑定了几处房屋，回复“全部对账单”可以合在一起看。" if _neighbours(turn) else "",
        "点下面的链接看每一笔，也可以下载表格。",
    )
    url = deps.links.statement_url(link, first_on=first_on, last_on=last_on)
    return OutgoingMessage("history", text, url=url)


async def _statement_of_all(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """Sum up the same for all her flats of a community, with a link to every line."""
    first_on, last_on = _days(turn)
    link = _link(turn, _any_home(turn))
    found = await deps.db.read(statement_for_holder, link, first_on=first_on, last_on=last_on)
    text = words.lines(statements.summary_of_all(found), "点下面的链接看每一笔，也可以下载表格。")
    url = deps.links.all_units_url(link, first_on=first_on, last_on=last_on)
    return OutgoingMessage("history", text, url=url)


async def in_plain(turn: Turn, deps: HandlerDeps) -> OutgoingMessage:
    """List the last payments: the day and the sum."""
    found = await deps.db.read(settled_payments, turn.home.binding_id, limit=PLAINLY)
    if not found:
        return OutgoingMessage("history", "这里还没有缴过费。\n要看账单，回复 1。")
    paid = (
        f"{words.day(shanghai_day(one.paid_at))} {words.money(one.amount_fen)}" for one in found
    )
    text = words.lines(f"{turn.home.label} 缴过：", *paid, "要收据，回复“收据”。")
    return OutgoingMessage("history", text)


def _days(turn: Turn) -> tuple[date, date]:
    """Return the days of the months that were named, or the year so far."""
    period = turn.understood.slots.period
    if period is None:
        return days_of_year(turn.today)
    months = BillingPeriod(*period.first), BillingPeriod(*period.last)
    return days_of_months(*months, today=turn.today)


def _link(turn: Turn, home: Home) -> PayLink:
    return PayLink(home.unit_id, home.binding_id, home.link_epoch, turn.today + LINK_LASTS)


def _any_home(turn: Turn) -> Home:
    """Return the flat the talk is about, or her first one: all of its community are told."""
    return turn.person.home or turn.person.homes[0]


def _neighbours(turn: Turn) -> bool:
    """Say whether she has bound several flats of one community."""
    if not turn.person.homes:
        return False
    community_id = _any_home(turn).community_id
    return sum(one.community_id == community_id for one in turn.person.homes) > 1


def _month(one: SettledPayment) -> tuple[int, int]:
    day = shanghai_day(one.paid_at)
    return day.year, day.month


def line(one: SettledPayment) -> str:
    """Tell one payment: when, how much, for what, and what of it was asked back."""
    paid = "、".join(f"{bill.period.month}月{bill.item_name}" for bill in one.bills[:3])
    more = f"等 {len(one.bills)} 笔" if len(one.bills) > 3 else ""
    asked_back = f"，其中 {words.money(one.refunded_fen)} 已申请退款" if one.refunded_fen else ""
    return (
        f"{words.moment(one.paid_at)} {words.money(one.amount_fen)}"
        f" {words.gateway(one.gateway)}（{paid or '预存'}{more}）{asked_back}"
    )


INTENT = Intent(name="history", answer=answer, in_plain=in_plain)
