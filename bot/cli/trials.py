"""What a command would change of the next bills: before, after, and how it comes about."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final

import typer

from bot.cli.places import fail
from storage.money import yuan
from storage.queries.discount_trials import BillTrial

ApplyOption = Annotated[bool, typer.Option("--apply", help="真的登记；不写只看下一期账单会变多少")]
UNCHANGED: Final = "以后两年没有哪一张账单会因此改变。"
NOT_DONE: Final = "以上只是试算，没有改动；确认无误后加上 --apply。"


def show_trials(trials: Sequence[BillTrial], *, otherwise: str) -> None:
    """Print bill by bill what would change, or `otherwise` where none does."""
    for one in trials:
        before, after = yuan(one.before_fen), yuan(one.after_fen)
        typer.echo(f"{one.unit_label} {one.item_name} {one.period}：{before}元 → {after}元")
        typer.echo(f"  {one.sum}" if one.sum else "  不用出账")
    if not trials:
        typer.echo(otherwise)


def percent_or_exit(text: str) -> Decimal:
    """Read "30" or "8.33", or end; how much is too much is not said here."""
    try:
        return Decimal(text)
    except InvalidOperation:
        fail(f"{text} 不是百分数，写成 30 或者 8.33 这样。")
