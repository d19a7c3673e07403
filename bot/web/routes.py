"""Every page's address (路由): the method, the path, the door behind it, and the way through it."""

from collections.abc import Mapping
from typing import Final

LINK: Final = "{token:[A-Za-z0-9_-]{16,96}}"
ONCE: Final = "{once:[A-Za-z0-9_-]{32}}"
NAME: Final = "[A-Za-z0-9_.-]{1,40}"
COMMUNITY: Final = "{community:[0-9]{1,18}}"
UNIT: Final = "{token:[0-9]{1,18}}"
TICKET: Final = "{ticket:G[0-9]{8,10}}"
BILL: Final = "{bill:B[0-9]{4}-[0-9]{2}-[0-9]{6,9}}"
PAYMENT: Final = "{payment:[0-9]{1,18}}"
REFUND: Final = "{refund:T[0-9A-Za-z-]{8,39}}"
APPLICATION: Final = "{application:F[0-9]{9,16}}"
DIFFERENCE: Final = "{difference:[0-9]{1,18}}"
BANK_ROW: Final = "{row:[0-9]{1,18}}"
DEBTOR: Final = "{unit:[0-9]{1,18}}"
LETTER: Final = "{letter:L[0-9]{4}-[0-9]{5,9}}"
WAIVER: Final = "{waiver:JM[0-9]{9,12}}"

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
    "console_issuing": ("bot.web.console_issuing", "ConsoleIssuingDoor"),
    "console_payments": ("bot.web.console_payments", "ConsolePaymentsDoor"),
    "console_refunds": ("bot.web.console_refunds", "ConsoleRefundsDoor"),
    "console_invoices": ("bot.web.console_invoices", "ConsoleInvoicesDoor"),
    "console_reconciliation": ("bot.web.console_reconciliation", "ConsoleReconciliationDoor"),
    "console_suspense": ("bot.web.console_suspense", "ConsoleSuspenseDoor"),
    "console_dunning": ("bot.web.console_dunning", "ConsoleDunningDoor"),
    "console_bills": ("bot.web.console_bills", "ConsoleBillsDoor"),
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
    ("GET", "/console/payments", "console_payments", "find"),
    ("GET", f"/console/payments/{PAYMENT}", "console_payments", "show"),
    ("POST", f"/console/payments/{PAYMENT}", "console_payments", "press"),
    ("GET", "/console/refunds", "console_refunds", "find"),
    ("GET", f"/console/refunds/{REFUND}", "console_refunds", "show"),
    ("POST", f"/console/refunds/{REFUND}", "console_refunds", "press"),
    ("GET", "/console/invoices", "console_invoices", "find"),
    ("GET", f"/console/invoices/{APPLICATION}", "console_invoices", "show"),
    ("POST", f"/console/invoices/{APPLICATION}/issued", "console_invoices", "issued"),
    ("POST", f"/console/invoices/{APPLICATION}/decline", "console_invoices", "decline"),
    ("GET", "/console/reconciliation", "console_reconciliation", "show"),
    ("GET", f"/console/differences/{DIFFERENCE}", "console_reconciliation", "show_one"),
    ("POST", f"/console/differences/{DIFFERENCE}", "console_reconciliation", "close"),
    ("GET", "/console/suspense", "console_suspense", "find"),
    ("GET", f"/console/suspense/{BANK_ROW}", "console_suspense", "show"),
    ("POST", f"/console/suspense/{BANK_ROW}", "console_suspense", "press"),
    ("GET", "/console/dunning", "console_dunning", "find"),
    ("GET", "/console/dunning/plan", "console_dunning", "plan"),
    ("POST", "/console/dunning/plan", "console_dunning", "set"),
    ("GET", f"/console/dunning/{DEBTOR}", "console_dunning", "show"),
    ("POST", f"/console/dunning/{DEBTOR}", "console_dunning", "press"),
    ("GET", f"/console/dunning/{DEBTOR}/letters/{LETTER}", "console_dunning", "letter"),
    ("GET", "/console/bills", "console_bills", "find"),
    ("GET", "/console/bills/issue", "console_issuing", "show"),
    ("POST", "/console/bills/issue", "console_issuing", "press"),
    ("GET", f"/console/bills/{BILL}", "console_bills", "show"),
    ("POST", f"/console/bills/{BILL}", "console_bills", "press"),
    ("POST", f"/console/bills/{BILL}/waiver", "console_bills", "ask"),
    ("GET", f"/console/waivers/{WAIVER}/paper", "console_bills", "paper"),
)
"""Addresses that a document, a link or a platform knows stay as they are."""
