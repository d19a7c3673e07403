"""What the documents say of the program is what the program says: tables are written from it."""

import os
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.cli.main import COMMANDS
from bot.roles import parse
from bot.web.metrics import Metrics
from scheduler.registry import JOBS
from storage.kinds import Account
from storage.lazy import load
from storage.queries.health import Pulse

ROOT = Path(__file__).parent.parent
LABELS = {
    "wuyebot_callbacks_total": "chat callbacks by what became of them: heard, repeated (the"
    " platform's second try), refused (not theirs), late (answered by the outbox)",
    "wuyebot_webhooks_total": "payment notices by gateway and outcome: heard, unknown (not our"
    " order, asked for again), not_kept (no database), else why it was refused",
    "wuyebot_language_model_total": "opinions asked of the language model, by what became of them",
    "wuyebot_messages": "outbox rows by state; `dead` were given up, `unknown` may have arrived",
    "wuyebot_open_orders": "payment orders without an end: being paid, or not yet expired",
    "wuyebot_payments": "payments settled, ever",
    "wuyebot_open_discrepancies": "differences that nobody has closed",
    "wuyebot_alarms": "alarms that have not ended, by kind",
}
"""What each metric means to whoever watches."""


def printed() -> dict[str, str]:
    """Return name → type of every metric, as a scraper sees them."""
    metrics = Metrics()
    metrics.heard.inc()
    metrics.webhooks.labels("wechat_pay", "heard").inc()
    metrics.opinions.labels("named").inc()
    text = metrics.text(Pulse({"waiting": 1}, 1, 1, 1, {"queue": 1})).decode()
    names = {re.split("[{ ]", line)[0] for line in text.splitlines() if not line.startswith("#")}
    kinds = dict(re.findall("^# TYPE (\\S+) (\\S+)$", text, re.MULTILINE))
    return {one: kinds[one] for one in names if not one.endswith("_created")}


def metrics_table() -> Iterator[str]:
    yield from ("| metric | type | meaning |", "| --- | --- | --- |")
    kinds = printed()
    for name, meaning in LABELS.items():
        yield f"| `{name}` | {kinds[name]} | {meaning} |"


def jobs_table() -> Iterator[str]:
    yield from ("| job | when | what |", "| --- | --- | --- |")
    for job in JOBS:
        when = f"`{job.cron}`" if job.has_rows else "ticks"
        caption = (load(f"scheduler.jobs.{job.name}").__doc__ or "").splitlines()[0]
        yield f"| `{job.name}` | {when} | {caption} |"


def commands_table() -> Iterator[str]:
    yield from ("| command | what it is for |", "| --- | --- |")
    for name, _, what in COMMANDS:
        yield f"| `wuyebot {name}` | {what} |"


@pytest.mark.parametrize(
    ("file", "mark", "table"),
    [
        ("operating.md", "metrics", metrics_table),
        ("developing.md", "jobs", jobs_table),
        ("developing.md", "commands", commands_table),
    ],
)
def test_a_table_of_the_documents_is_what_the_program_says(
    file: str, mark: str, table: Callable[[], Iterator[str]]
):
    path = ROOT / "docs" / file
    text = path.read_text(encoding="utf-8")
    before, _, after = text.partition(f"<!-- {mark} -->\n")
    _, _, rest = after.partition("<!-- end -->")
    written = f"{before}<!-- {mark} -->\n" + "\n".join(table()) + f"\n<!-- end -->{rest}"
    if os.environ.get("UPDATE_DOCS") == "1":
        path.write_text(written, encoding="utf-8")
        return

    assert text == written, "UPDATE_DOCS=1 pytest tests/test_docs.py"


def test_every_metric_has_a_meaning_and_alerts_ask_only_for_those_there_are():
    alerts = (ROOT / "deploy" / "prometheus-alerts.yml").read_text(encoding="utf-8")

    asked = set(re.findall(r"\bwuyebot_[a-z_]+", alerts))

    assert set(printed()) == set(LABELS)
    assert asked
    assert asked <= set(LABELS)


def test_every_account_of_the_ledger_stands_in_the_books_document():
    text = (ROOT / "docs" / "books.md").read_text(encoding="utf-8")

    assert [one for one in Account if f"`{one}`" not in text] == []


def test_what_is_deployed_are_words_that_the_program_takes():
    compose = (ROOT / "deploy" / "compose.yml").read_text(encoding="utf-8")
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    commands = re.findall(r"command: \[run, --config, \S+, --roles, \"([a-z,]+)\"\]", compose)

    assert len(commands) == 2
    assert frozenset[str]().union(*(parse(one) for one in commands)) == {
        *("web", "worker", "scheduler")
    }
    copied = set(re.findall(r"^COPY (\w+) \1$", dockerfile, re.MULTILINE))
    assert copied == set(wheel["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


def test_every_link_between_documents_leads_somewhere():
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    links = [
        (page.parent / one).resolve()
        for page in pages
        for one in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    ]

    assert [one for one in links if not one.exists()] == []
