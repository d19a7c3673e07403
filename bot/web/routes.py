"""Every page's address (路由): the method, the path, the door behind it, and the way through it."""

from collections.abc import Mapping
from typing import Final

LINK: Final = "{token:[A-Za-z0-9_-]{16,96}}"
ONCE: Final = "{once:[A-Za-z0-9_-]{32}}"
NAME: Final = "[A-Za-z0-9_.-]{1,40}"
COMMUNITY: Final = "{community:[0-9]{1,18}}"
UNIT: Final = "{token:[0-9]{1,18}}"
TARIFF: Final = "{tariff:[0-9]{1,18}}"
TICKET: Final = "{ticket:G[0-9]{8,10}}"

DOORS: Final[Mapping[str, tuple[str, str]]] = {
    "checkout": ("bot.web.checkout", "CheckoutDoor"),
    "prepay": ("bot.web.prepay", "PrepayDoor"),
    "outside": ("bot.web.outside", "OutsideDoor"),
    "receipts": ("bot.web.receipts", "ReceiptDoor"),
    "refunds": ("bot.web.refunds", "RefundDoor"),
    "tax": ("bot.web.tax_invoices", "TaxInvoiceDoor"),
    "invoices": ("bot.web.invoices", "TaxInvoiceFormDoor"),
    "clearances": ("bot.web.clearances", "ClearanceDoor"),
    "statements": ("bot.web.statements", "StatementDoor"),
    "payer_statements": ("bot.web.payer_statements", "PayerStatementDoor"),
    "reconciliation": ("bot.web.reconciliation", "ReconciliationDoor"),
    "disclosure": ("bot.web.disclosure", "DisclosureDoor"),
    "counter": ("bot.web.counter", "CounterDoor"),
    "counter_papers": ("bot.web.counter_desk", "CounterPaperDoor"),
    "counter_waivers": ("bot.web.counter_waivers", "CounterWaiverDoor"),
    "counter_write_offs": ("bot.web.counter_write_offs", "CounterWriteOffDoor"),
    "console_sign_in": ("bot.web.console_sign_in", "ConsoleSignInDoor"),
    "console_today": ("bot.web.console_today", "ConsoleTodayDoor"),
    "console_units": ("bot.web.console_units", "ConsoleUnitsDoor"),
    "console_statements": ("bot.web.console_statements", "ConsoleStatementDoor"),
    "console_tickets": ("bot.web.console_tickets", "ConsoleTicketsDoor"),
    "console_money": ("bot.web.console_money", "ConsoleMoneyDoor"),
    "console_texts": ("bot.web.console_texts", "ConsoleTextsDoor"),
    "console_tariffs": ("bot.web.console_tariffs", "ConsoleTariffsDoor"),
    "webhooks": ("bot.web.webhooks", "WebhookDoor"),
}
"""Door → its module and class, built when somebody first comes to it."""

ROUTES: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("POST", f"/notify/{{gateway:{NAME}}}/{{account:{NAME}}}", "webhooks", "receive"),
    ("GET", f"/pay/{LINK}", "checkout", "show"),
    ("POST", f"/pay/{LINK}", "checkout", "press"),
    ("GET", f"/pay/{LINK}/state", "checkout", "state"),
    ("GET", f"/pay/{LINK}/oauth", "checkout", "come_back"),
    ("GET", f"/pay/{LINK}/prepay", "prepay", "show"),
    ("POST", f"/pay/{LINK}/prepay", "prepay", "press"),
    ("GET", f"/pay/{LINK}/prepay/oauth", "prepay", "come_back"),
    ("GET", f"/pay/outside/{ONCE}", "outside", "show"),
    ("POST", f"/pay/outside/{ONCE}", "outside", "press"),
    ("GET", f"/pay/outside/{ONCE}/state", "outside", "state"),
    ("GET", f"/receipts/{LINK}", "receipts", "show"),
    ("GET", f"/refunds/{LINK}", "refunds", "show"),
    ("POST", f"/refunds/{LINK}", "refunds", "press"),
    ("GET", f"/invoices/{LINK}", "invoices", "show"),
    ("POST", f"/invoices/{LINK}", "invoices", "press"),
    ("GET", f"/tax-invoices/{LINK}", "tax", "download"),
    ("GET", f"/clearances/{LINK}", "clearances", "show"),
    ("GET", f"/statements/{LINK}", "statements", "show"),
    ("GET", f"/statements/{LINK}/statement.xlsx", "statements", "sheet"),
    ("GET", f"/statements/all/{LINK}", "payer_statements", "show"),
    ("GET", f"/statements/all/{LINK}/statement.xlsx", "payer_statements", "sheet"),
    ("GET", f"/reconciliation/{LINK}", "reconciliation", "show"),
    ("GET", f"/disclosure/{COMMUNITY}", "disclosure", "show"),
    ("GET", f"/disclosure/{COMMUNITY}/shared/{{cost:[0-9]{{1,18}}}}", "disclosure", "shared"),
    ("GET", f"/counter/{LINK}", "counter", "show"),
    ("POST", f"/counter/{LINK}", "counter", "press"),
    ("GET", f"/counter/{LINK}/order", "counter", "show_order"),
    ("GET", f"/counter/{LINK}/waiver", "counter_waivers", "show"),
    ("POST", f"/counter/{LINK}/waiver", "counter_waivers", "press"),
    ("GET", f"/counter/{LINK}/write-off", "counter_write_offs", "show"),
    ("POST", f"/counter/{LINK}/write-off", "counter_write_offs", "press"),
    ("GET", f"/counter/{LINK}/done", "counter_papers", "done"),
    ("POST", f"/counter/{LINK}/void", "counter_papers", "void"),
    ("GET", f"/counter/{LINK}/day", "counter_papers", "day"),
    ("POST", f"/counter/{LINK}/day", "counter_papers", "close"),
    ("POST", f"/counter/{LINK}/receive", "counter_papers", "receive"),
    ("GET", "/console", "console_today", "show"),
    ("GET", "/console/", "console_today", "show"),
    ("GET", "/console/sign-in", "console_sign_in", "show"),
    ("POST", "/console/sign-in", "console_sign_in", "press"),
    ("GET", f"/console/enter/{ONCE}", "console_sign_in", "show_link"),
    ("POST", f"/console/enter/{ONCE}", "console_sign_in", "enter"),
    ("POST", "/console/sign-out", "console_sign_in", "leave"),
    ("GET", "/console/units", "console_units", "find"),
    ("GET", f"/console/units/{UNIT}", "console_units", "show"),
    ("GET", f"/console/statements/{UNIT}", "console_statements", "show"),
    ("GET", f"/console/statements/{UNIT}/statement.xlsx", "console_statements", "sheet"),
    ("GET", "/console/tickets", "console_tickets", "show"),
    ("GET", "/console/tickets/state", "console_tickets", "state"),
    ("GET", f"/console/tickets/{TICKET}", "console_tickets", "show_one"),
    ("POST", f"/console/tickets/{TICKET}", "console_tickets", "press"),
    ("GET", "/console/money", "console_money", "show"),
    ("GET", "/console/refunds", "console_money", "refunds"),
    ("GET", "/console/texts", "console_texts", "show"),
    ("POST", "/console/texts", "console_texts", "press"),
    ("GET", "/console/tariffs", "console_tariffs", "show"),
    ("GET", f"/console/tariffs/{TARIFF}", "console_tariffs", "show_one"),
    ("POST", f"/console/tariffs/{TARIFF}", "console_tariffs", "press"),
)
"""Addresses that a document, a link or a platform knows stay as they are."""
