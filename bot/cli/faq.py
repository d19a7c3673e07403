"""`wuyebot faq`: a community's own questions with answers (常见问题): tried, then saved."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from bot.cli.acting import day_or_exit, read_books, write_books
from bot.cli.own_words import (
    ApplyOption,
    ByOption,
    CommunityArgument,
    hosts_or_exit,
    manager_or_exit,
    office_or_exit,
)
from bot.cli.places import ConfigOption, FolderOption, database_url, fail
from bot.spreadsheets.cells import SheetProblem, WorkbookRefused
from bot.spreadsheets.faqs import read_faqs, write_faqs
from bot.spreadsheets.reading import read_workbook
from bot.spreadsheets.taking import Taken
from handlers import own_words
from handlers.faq import try_sentence
from handlers.understanding.recogniser import Recogniser
from storage.database import Database
from storage.operations.own_words import (
    FaqDraft,
    FaqObjection,
    FaqPlan,
    FaqReason,
    FaqRow,
    change_faq,
    import_faqs,
    plan_faqs,
    switch_off_faq,
    write_faq,
)
from storage.periods import shanghai_day
from storage.queries.faqs import Faq, faqs_for, faqs_of
from storage.queries.residents import Contact, Staff

T = TypeVar("T")

command = typer.Typer(add_completion=False, help="常见问题：住户怎么问，机器人怎么答")

PhrasingsArgument = Annotated[list[str], typer.Argument(help="几种问法，每种加引号")]
AnswerOption = Annotated[str, typer.Option(help="答案；可以写 {电话} {上班时间} {地址} {公司}")]
SinceOption = Annotated[str, typer.Option("--from", help="从哪天起，默认今天")]
UntilOption = Annotated[str, typer.Option("--until", help="到哪天为止（含），默认一直")]
NumberArgument = Annotated[int, typer.Argument(help="编号，见 list")]


@command.command("list")
def list_(
    community: CommunityArgument, config: ConfigOption = None, folder: FolderOption = None
) -> None:
    """Print every question of a community with its answer."""

    async def work(db: Database) -> list[Faq]:
        community_id, _ = await office_or_exit(db, community, on=_today())
        return await db.read(faqs_of, community_id)

    for one in read_books(database_url(config, folder), work):
        until = f"到 {one.last_on}" if one.last_on else "起"
        state = "" if one.is_enabled else "（已停用）"
        typer.echo(f"{one.faq_id}  {' / '.join(said for said, _ in one.phrasings)}{state}")
        typer.echo(f"    {one.from_on} {until}：{one.answer}")


@command.command("try")
def try_(
    community: CommunityArgument,
    text: Annotated[str, typer.Argument(help="住户会说的话")],
    day: Annotated[str, typer.Option("--on", help="哪一天，默认今天")] = "",
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Print which question answers a text, and how surely; nothing is changed."""
    on = day_or_exit(day, otherwise=_today())

    async def work(db: Database) -> str:
        community_id, office = await office_or_exit(db, community, on=on)
        tried = try_sentence(
            text, await db.read(faqs_for, (community_id,), on=on), Recogniser(), today=on
        )
        understood, match, line = tried.understood, tried.match, tried.line
        meant = f"机器人自己的理解：{understood.intent}（把握 {understood.confidence:.0%}）"
        if match is None:
            return f"{meant}\n这一天没有可以回答的常见问题。"
        near = f"最接近 {match.faq.faq_id} 的“{match.phrasing}”，相似 {match.likeness:.0%}"
        if not tried.is_own:
            need = "这句话由机器人自己回答" if line > 1 else f"到 {line:.0%} 才用它回答"
            return f"{meant}\n{near}；{need}。"
        return f"{meant}\n{near}，用它回答：\n{own_words.fill(match.faq.answer, office)}"

    typer.echo(read_books(database_url(config, folder), work))


@command.command("add")
def add(
    community: CommunityArgument,
    phrasings: PhrasingsArgument,
    answer: AnswerOption,
    by: ByOption,
    since: SinceOption = "",
    until: UntilOption = "",
    apply: ApplyOption = False,  # noqa: FBT002
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Show what residents would read; --apply saves it. Stop a running SQLite bot for that."""
    draft = _draft(phrasings, answer, since, until)
    url, hosts = database_url(config, folder), hosts_or_exit(config, folder)
    _show(url, community, draft, hosts, ends=not apply)
    number = _save(
        url,
        community,
        by,
        draft,
        lambda db, place_id, writer, now: db.write(
            write_faq, draft, community_id=place_id, by=writer, now=now
        ),
    )
    typer.echo(f"已保存，编号 {number}。")


@command.command("change")
def change(
    community: CommunityArgument,
    number: NumberArgument,
    phrasings: PhrasingsArgument,
    answer: AnswerOption,
    by: ByOption,
    since: SinceOption = "",
    until: UntilOption = "",
    apply: ApplyOption = False,  # noqa: FBT002
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Write a question anew under its number, all of it; --apply saves it."""
    draft = _draft(phrasings, answer, since, until)
    url, hosts = database_url(config, folder), hosts_or_exit(config, folder)
    _show(url, community, draft, hosts, ends=not apply)
    _save(
        url,
        community,
        by,
        draft,
        lambda db, place_id, writer, now: db.write(
            change_faq, number, draft, community_id=place_id, by=writer, now=now
        ),
    )
    typer.echo(f"{number} 已改。")


@command.command("export")
def export(
    community: CommunityArgument,
    file: Annotated[Path, typer.Argument(help="写到哪个 .xlsx 文件")],
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Write the questions that are switched on to a sheet, which `import` takes back in."""

    async def work(db: Database) -> list[Faq]:
        community_id, _ = await office_or_exit(db, community, on=_today())
        return await db.read(faqs_of, community_id)

    found = [one for one in read_books(database_url(config, folder), work) if one.is_enabled]
    try:
        write_faqs(file, found)
    except OSError as trouble:
        fail(f"没有写成 {file}：{trouble.strerror}")
    typer.echo(f"{len(found)} 条，已写到 {file}。")


@command.command("import")
def import_(
    community: CommunityArgument,
    file: Annotated[Path, typer.Argument(help=".xlsx 文件：编号（新的留空）、问法、答案")],
    by: ByOption,
    apply: ApplyOption = False,  # noqa: FBT002
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Say what a sheet of questions would change; --apply takes all of it in, or none.

    Questions that the sheet does not name stay. Stop a running SQLite bot for --apply.
    """
    today, recogniser = _today(), Recogniser()
    try:
        sheet = read_faqs(
            read_workbook(file), lambda said: recogniser.understand(said, today=today), today=today
        )
    except WorkbookRefused as refused:
        fail(f"! {refused.problem}")
    url, hosts = database_url(config, folder), hosts_or_exit(config, folder)

    async def look(db: Database) -> FaqPlan:
        community_id, office = await office_or_exit(db, community, on=today)
        problems = [*sheet.problems, *_unfit_answers(sheet, office, hosts)]
        plan = await db.read(plan_faqs, sheet.rows, community_id=community_id)
        _end_at([*problems, *(_problem(sheet, one) for one in plan.objections)])
        return plan

    async def work(db: Database) -> FaqPlan:
        community_id, _ = await office_or_exit(db, community, on=today)
        writer, now = await manager_or_exit(db, by), datetime.now(UTC)
        plan = await db.write(
            import_faqs, sheet.rows, community_id=community_id, by=writer, now=now
        )
        _end_at([_problem(sheet, one) for one in plan.objections])
        return plan

    plan = read_books(url, look)
    for at in (*plan.new, *plan.changed):
        row = sheet.rows[at]
        what = "新增" if row.number is None else f"改 {row.number}"
        typer.echo(f"+ {what}：{' / '.join(said for said, _ in row.draft.phrasings)}")
    if not apply:
        typer.echo(f"预览：新增 {len(plan.new)} 条，改 {len(plan.changed)} 条；加 --apply 保存。")
        return
    plan = write_books(url, work)
    typer.echo(f"已保存：新增 {len(plan.new)} 条，改 {len(plan.changed)} 条。")


def _unfit_answers(
    sheet: Taken[FaqRow], office: Contact, hosts: frozenset[str]
) -> Iterator[SheetProblem]:
    for row, place in zip(sheet.rows, sheet.places, strict=True):
        for objection in own_words.objections(row.draft.answer, office, hosts):
            yield place.problem("answer", objection)


def _problem(sheet: Taken[FaqRow], one: FaqObjection) -> SheetProblem:
    field, said = {
        FaqReason.UNKNOWN: ("faq_number", f"没有编号是 {one.detail} 的常见问题；新的请留空"),
        FaqReason.TWICE: ("faq_number", f"编号 {one.detail} 写了两次"),
        FaqReason.TAKEN: ("phrasings", f"“{one.detail}”已经是另一条的问法"),
        FaqReason.UNFIT: (one.detail, own_words.FIELDS.get(one.detail, one.detail)),
    }[one.reason]
    return sheet.places[one.index].problem(field, said)


def _end_at(problems: Sequence[SheetProblem]) -> None:
    """End with what is wrong in a sheet, if anything is."""
    if problems:
        lines = [f"! {one}" for one in problems]
        fail("\n".join([*lines, f"没有保存任何内容：{len(problems)} 处有问题，请改正后重试。"]))


@command.command("off")
def off(
    community: CommunityArgument,
    number: NumberArgument,
    by: ByOption,
    config: ConfigOption = None,
    folder: FolderOption = None,
) -> None:
    """Answer a question no more; `change` brings it back. Stop a running SQLite bot first."""

    async def work(db: Database) -> None:
        community_id, _ = await office_or_exit(db, community, on=_today())
        writer, now = await manager_or_exit(db, by), datetime.now(UTC)
        await db.write(switch_off_faq, number, community_id=community_id, by=writer, now=now)

    write_books(database_url(config, folder), work)
    typer.echo(f"{number} 已停用。")


def _today() -> date:
    return shanghai_day(datetime.now(UTC))


def _draft(phrasings: list[str], answer: str, since: str, until: str) -> FaqDraft:
    """Read what was typed; end where a phrasing already means something of ours."""
    today = _today()
    read, found = own_words.read_phrasings(phrasings, Recogniser(), today=today)
    if found:
        fail("没有保存：\n" + "\n".join(found))
    last_on = day_or_exit(until, otherwise=today) if until else None
    return FaqDraft(read, answer.strip(), day_or_exit(since, otherwise=today), last_on)


async def _tried(db: Database, community: str, draft: FaqDraft, hosts: frozenset[str]) -> None:
    """Show what residents would read, or end with what stands against it."""
    _, office = await office_or_exit(db, community, on=draft.from_on)
    if found := own_words.objections(draft.answer, office, hosts):
        fail("没有保存：\n" + "\n".join(found))
    typer.echo(own_words.fill(draft.answer, office))


def _show(url: str, community: str, draft: FaqDraft, hosts: frozenset[str], *, ends: bool) -> None:
    """Show what residents would read; with `ends` that is all, and nothing is saved."""
    read_books(url, lambda db: _tried(db, community, draft, hosts))
    if ends:
        typer.echo("预览，尚未保存；加 --apply 保存。")
        raise typer.Exit


def _save(
    url: str,
    community: str,
    by: str,
    draft: FaqDraft,
    write: Callable[[Database, int, Staff, datetime], Awaitable[T]],
) -> T:
    """Save what the manager with a phone number drafted for a community, or end."""

    async def work(db: Database) -> T:
        community_id, _ = await office_or_exit(db, community, on=draft.from_on)
        writer = await manager_or_exit(db, by)
        return await write(db, community_id, writer, datetime.now(UTC))

    try:
        return write_books(url, work)
    except ValueError as unfit:
        fail(f"没有保存：{own_words.FIELDS.get(str(unfit), str(unfit))}。")
