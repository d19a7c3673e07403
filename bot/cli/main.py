"""What the command line can do; only the module of the command that was typed is loaded."""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from storage.lazy import load

COMMANDS: Final = (
    ("demo", "bot.cli.demo", "The bot, the scheduler and the sandbox in one process."),
    ("sandbox", "bot.cli.sandbox", "The imitated platforms alone."),
    ("run", "bot.cli.run", "The bot for real use."),
    ("understand", "bot.cli.understand", "What the recogniser makes of lines on stdin."),
    ("import", "bot.cli.imports", "Take a property office's spreadsheets in."),
    ("export", "bot.cli.exports", "Write what is in the books as spreadsheets."),
    ("handover", "bot.cli.handover", "A unit changes hands: settle, decide, close, prove."),
    ("print", "bot.cli.printing", "Paper bills by building, with a QR to pay."),
    ("menu", "bot.cli.menu", "Publish the official account's menu."),
    ("opening", "bot.cli.opening", "Sign a community's opening sheet."),
    ("community", "bot.cli.community", "How an office is reached, and what it has chosen."),
    ("faq", "bot.cli.faq", "Questions that a community answers itself: try, add, change."),
    ("own-text", "bot.cli.own_text", "Greeting, words after hours, phones of a community."),
    ("late-fee", "bot.cli.late_fee", "Late fees: terms, what they come to, waivers."),
    ("dunning", "bot.cli.dunning", "Dunning: the plan, holds, debts by age, letters."),
    ("staff", "bot.cli.staff", "Who works in the office."),
    ("tariff", "bot.cli.tariffs", "Prices in force, what a sheet comes to, empty flats."),
    ("discount", "bot.cli.discounts", "What is taken off bills: granted, listed, ended."),
    ("bills", "bot.cli.billing", "What a month would bill, issuing it, correcting a bill."),
    ("period", "bot.cli.periods", "Close a month, or open it again."),
    ("refund-terms", "bot.cli.refund_terms", "What may be given back of which fee."),
    ("tax-invoice", "bot.cli.tax_invoices", "Tax invoices: applications, sheets, files."),
    ("bank", "bot.cli.bank", "Bank statements in; claiming what nobody has claimed."),
    ("payee", "bot.cli.payees", "Who collects which fee: merchant, bank account, invoices."),
    ("parking", "bot.cli.parking", "Number plates for the barrier, each with its last day."),
    ("income", "bot.cli.income", "What a month earned, and what came in."),
    ("contentment", "bot.cli.contentment", "How residents rated what was done for them."),
    ("figures", "bot.cli.figures", "Collection rates, summary of fees, ages, a forecast."),
    ("statement", "bot.cli.statement", "One statement for a payer with many units."),
    ("deposit", "bot.cli.deposit", "Deposits: ask, inspect, deduct, give back."),
    ("cash", "bot.cli.counter", "The counter: take money, void, close the day, pay out."),
    ("waiver", "bot.cli.waivers", "Waivers of principal: ask, decide, report."),
    ("write-off", "bot.cli.write_offs", "Bad debt: ask, decide, take back, report."),
    ("sharing", "bot.cli.sharing", "Shared costs: draft, publish, bill, take back."),
    ("reconcile", "bot.cli.reconcile", "How days agreed with the platforms' statements."),
    ("audit", "bot.cli.audit", "Prove the books."),
    ("book", "bot.cli.book", "Our own book, to compare with the platforms'."),
    ("migrate-database", "bot.cli.migrate_database", "Move the books from SQLite to PostgreSQL."),
    ("restore", "bot.cli.restore", "Prove a backup, or put it in a stopped bot's place."),
    ("doctor", "bot.cli.doctor", "What is configured, missing, or will not work."),
)
"""Name, module with a `command` (a function, or a group of functions), and what it is for."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command that was typed; exit status 0, 1 (it says no) or 2 (cannot be understood)."""
    find(sys.argv[1:] if arguments is None else arguments)()


def find(typed: Sequence[str]) -> Callable[[], None]:
    """Return what was typed, loaded and ready to be called.

    `run --config FILE`, as a service manager types it, does not wait for the command-line library.
    """
    modules = {name: module for name, module, _ in COMMANDS}
    match typed:
        case ["run", "--config", str(file)]:
            return partial(_serve, _serving(), Path(file))
        case [str(name), *words] if name in modules:
            return _parsed(name, load(modules[name]).command, words)
    return partial(_explain, typed)


def _serving() -> Any:  # noqa: ANN401 - a module
    with load("bot.certificates").postponed():
        return load("bot.serving")


def _serve(serving: Any, config: Path) -> None:  # noqa: ANN401 - a module
    try:
        serving.serve(config)
    except serving.CannotServe as trouble:
        sys.stderr.write(f"{trouble}\n")
        sys.exit(1)


def _parsed(name: str, command: Any, words: list[str]) -> Callable[[], None]:  # noqa: ANN401
    typer = load("typer")
    group = command
    if not isinstance(command, typer.Typer):
        group = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        group.command()(command)
    return partial(group, args=words, prog_name=f"wuyebot {name}")


def _explain(typed: Sequence[str]) -> None:
    """Print the commands; what cannot be understood ends with status 2."""
    is_asked = list(typed[:1]) in ([], ["--help"])
    lines = [f"  {name:<18}{what}" for name, _, what in COMMANDS]
    head = [] if is_asked else [f"wuyebot has no command {typed[0]!r}."]
    out = sys.stdout if is_asked else sys.stderr
    out.write("\n".join([*head, "Usage: wuyebot COMMAND [OPTIONS]", "", *lines, ""]))
    sys.exit(0 if is_asked else 2)
