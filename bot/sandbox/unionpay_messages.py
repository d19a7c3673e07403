"""How UnionPay tells a trade or what went back of it: in replies, queries and notices."""

from collections.abc import Mapping

from bot.sandbox.unionpay_book import Return, Trade, trace
from bot.sandbox.unionpay_codes import resp_msg

ECHOED = (
    "accessType",
    "bizType",
    "encoding",
    "merId",
    "orderId",
    "origQryId",
    "reqReserved",
    "signMethod",
    "txnSubType",
    "txnTime",
    "txnType",
    "version",
)
DEBIT_CARD = "01"


def echo(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a request that its reply carries too."""
    return {name: fields[name] for name in ECHOED if fields.get(name)}


def outcome(code: str, detail: str = "") -> dict[str, str]:
    """Return respCode and respMsg."""
    return {"respCode": code, "respMsg": resp_msg(code, detail)}


def original(code: str) -> dict[str, str]:
    """Return what a query says of the trade it asks about."""
    return {"origRespCode": code, "origRespMsg": resp_msg(code)}


def told_trade(trade: Trade) -> dict[str, str]:
    """Return a paid trade as its notice, its front page and its query tell it."""
    return {
        **echo(trade.params),
        **_money(trade.amount_fen, trade.query_id),
        "accNo": trade.card,
        "payCardType": DEBIT_CARD,
        "settleDate": trade.clearing_day.strftime("%m%d") if trade.clearing_day else "",
    }


def told_return(back: Return) -> dict[str, str]:
    """Return a refund or undo as its notice and its query tell it."""
    return {
        **echo(back.params),
        **_money(back.amount_fen, back.query_id),
        "settleDate": back.clearing_day.strftime("%m%d") if back.clearing_day else "",
    }


def _money(amount_fen: int, query_id: str) -> dict[str, str]:
    trace_no, trace_time = trace(query_id)
    return {
        "currencyCode": "156",
        "txnAmt": str(amount_fen),
        "settleAmt": str(amount_fen),
        "settleCurrencyCode": "156",
        "queryId": query_id,
        "traceNo": trace_no,
        "traceTime": trace_time,
    }
