"""What the command line can do; only the module of the command that was typed is loaded."""

import sys
from typing import Final

import typer

from bot.lazy import load

COMMANDS: Final = (
    ("demo", "bot.cli.demo", "The bot, the scheduler and the sandbox in one process."),
    ("sandbox", "bot.cli.sandbox", "The imitated platforms alone."),
    ("run", "bot.cli.run", "The bot for real use."),
    ("understand", "bot.cli.understand", "What the recogniser makes of lines on stdin."),
    ("import", "bot.cli.imports", "Take a property office's spreadsheets in."),
    ("print", "bot.cli.printing", "Paper bills by building, with a QR to pay."),
    ("menu", "bot.cli.menu", "Publish the official account's menu."),
    ("opening", "bot.cli.opening", "Sign a community's opening sheet."),
    ("staff", "bot.cli.staff", "Who works in the office."),
    ("audit", "bot.cli.audit", "Prove the books."),
    ("book", "bot.cli.book", "Our own book, to compare with the platforms'."),
    ("doctor", "bot.cli.doctor", "What is configured, missing, or will not work."),
)
"""Name, module with a `command` (a function, or a group of functions), and what it is for."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command that was typed; exit status 0, 1 (it says no) or 2 (cannot be understood)."""
    typed = sys.argv[1:] if arguments is None else arguments
    modules = {name: module for name, module, _ in COMMANDS}
    if not typed or typed[0] not in modules:
        typer.echo(_help(typed), err=bool(typed) and typed[0] != "--help")
        sys.exit(0 if typed[:1] in ([], ["--help"]) else 2)
    command = load(modules[typed[0]]).command
    group = command
    if not isinstance(command, typer.Typer):
        group = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        group.command()(command)
    group(args=typed[1:], prog_name=f"wuyebot {typed[0]}")


def _help(typed: list[str]) -> str:
    lines = [f"  {name:<12}{what}" for name, _, what in COMMANDS]
    head = [f"wuyebot has no command {typed[0]!r}."] if typed and typed[0] != "--help" else []
    return "\n".join([*head, "Usage: wuyebot COMMAND [OPTIONS]", "", *lines])
