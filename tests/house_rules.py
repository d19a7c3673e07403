"""The rules of the house as functions: each takes the rooms' files and returns what breaks it."""

import ast
import re

from tests.house_files import ROOMS, Files, Rule, at
from tests.house_names import names_speak

BELOW = {
    "storage": set(),
    "handlers": {"storage"},
    "scheduler": {"storage"},
    "bot": {"storage", "handlers", "scheduler"},
}
"""Room → the rooms that it may import besides itself."""

FLOORS = (
    {
        *(
            "models",
            "kinds",
            "errors",
            "charge_errors",
            "counter_errors",
            "bank_errors",
            "paying_kinds",
            "tax_errors",
            "ticket_errors",
            "write_off_errors",
            "ticket_kinds",
            "work_kinds",
            "ports",
            "periods",
            "money",
            "crashpoints",
            "lazy",
        ),
        *("frozen", "workdays"),
    },
    {
        *("rules", "events", "telling", "figure_events", "database", "gate", "sql"),
        *("prepared", "many", "postgres"),
    },
    {
        *("ledger", "outbox", "inbox", "audit", "queries", "links", "backup", "steps", "reports"),
        "relocation",
    },
    {"operations"},
    {"migrations", "migrate"},
)
"""Inside storage: a name imports its own floor and the floors before it."""

LIBRARY_ROOMS = {
    "sqlalchemy": ("storage/",),
    "alembic": ("storage/migrations/", "storage/migrate.py"),
    "apscheduler": ("scheduler/runner.py",),
    "aiohttp": ("bot/",),
    "wechatpy": ("bot/channels/",),
    "jinja2": ("bot/web/",),
    "chinese_calendar": ("storage/workdays.py",),
}
SANDBOX = "bot/sandbox/"
LOADER = "storage/lazy.py"
REVISIONS = "storage/migrations/versions/"
# A batch of strangers' calls, the edge of a conversation, the clock and the web: there a bug of
# one must not stop the others.
CATCH_ALL = (
    "storage/database.py",
    "storage/gate.py",
    "storage/postgres.py",
    "handlers/router.py",
    "scheduler/runner.py",
    "scheduler/guard.py",
    "bot/web/middleware.py",
)
ENVIRONMENT = ("bot/config.py",)
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
LONG_FILES: frozenset[str] = frozenset()
"""Files that are known to be too long, each until it is split."""


def rooms_import_downwards(files: Files) -> list[str]:
    """Check the arrows between the rooms, and that the sandbox knows nothing of ours."""
    found = []
    for source in files:
        for line, name in source.imports():
            room = name.split(".")[0]
            if room not in ROOMS:
                continue
            if source.path.startswith(SANDBOX):
                allowed = name == "bot" or (name + ".").startswith("bot.sandbox.")
            else:
                allowed = room == source.room or room in BELOW[source.room]
            if not allowed:
                found.append(at(source, line, f"imports {name}"))
    return found


def _floor(module: str) -> int | None:
    name = [*module.split("."), ""][1]
    return next((n for n, names in enumerate(FLOORS) if name in names), None)


def storage_imports_downwards(files: Files) -> list[str]:
    """Check the floors inside storage; a name without a floor is told to find one."""
    found = []
    for source in files:
        if source.room != "storage" or source.path == "storage/__init__.py":
            continue
        own = _floor(source.module)
        if own is None:
            found.append(at(source, 1, "stands on no floor: name it in FLOORS"))
            continue
        for line, name in source.imports():
            other = _floor(name) if name.startswith("storage.") else None
            if other is not None and other > own:
                found.append(at(source, line, f"imports {name}, which stands higher"))
            elif source.path.startswith("storage/ports/") and _is_of_ours(name):
                found.append(at(source, line, f"is a port and imports {name}"))
    return found


def _is_of_ours(name: str) -> bool:
    return name.split(".")[0] in ROOMS and not name.startswith("storage.frozen")


def tables_stay_in_storage(files: Files) -> list[str]:
    """Check that only storage knows the tables."""
    return [
        at(source, line, f"imports {name}")
        for source in files
        if source.room != "storage"
        for line, name in source.imports()
        if (name + ".").startswith("storage.models.")
    ]


def libraries_stay_in_their_rooms(files: Files) -> list[str]:
    """Check that a library is imported only where it lives."""
    found = []
    for source in files:
        for line, name in source.imports():
            homes = LIBRARY_ROOMS.get(name.split(".")[0])
            if homes and not source.path.startswith(homes):
                found.append(at(source, line, f"imports {name}, which lives in {homes[0]}"))
    return found


def no_circles(files: Files) -> list[str]:
    """Check that no file reaches itself through its imports."""
    modules = {source.module: source.path for source in files}
    edges = {
        source.path: sorted({modules[name] for _, name in source.imports() if name in modules})
        for source in files
    }
    done: set[str] = set()
    found: list[str] = []

    def visit(path: str, trail: tuple[str, ...]) -> None:
        if path in trail:
            found.append(" -> ".join((*trail[trail.index(path) :], path)))
        elif path not in done:
            for other in edges[path]:
                if other != path:
                    visit(other, (*trail, path))
            done.add(path)

    for path in edges:
        visit(path, ())
    return found


def imports_are_plain(files: Files) -> list[str]:
    """Check for TYPE_CHECKING, relative imports, late imports and hidden ones."""
    found = []
    for source in files:
        relative = [n for n in source.nodes(ast.ImportFrom) if getattr(n, "level", 0)]
        found += [at(source, n, "imports relatively") for n in relative]
        for node in source.nodes(ast.FunctionDef, ast.AsyncFunctionDef):
            late = [n for n in ast.walk(node) if isinstance(n, (ast.Import, ast.ImportFrom))]
            found += [at(source, n, "imports inside a function") for n in late]
        if source.path != LOADER and re.search(r"\b(import_module|__import__)\s*\(", source.text):
            found.append(at(source, 1, f"imports by name; that is done in {LOADER}"))
        if "TYPE_CHECKING" in source.text:
            found.append(at(source, 1, "has TYPE_CHECKING"))
    return found


def captions_open_every_file(files: Files) -> list[str]:
    """Check that each file opens with one sentence and each `__init__` holds no more."""
    found = []
    for source in files:
        caption = (ast.get_docstring(source.tree) or "").split("\n\n")[0]
        if not re.fullmatch(r"\S.*[.。?!]", caption):
            found.append(at(source, 1, "does not open with a caption of one line and a full stop"))
        if source.path.endswith("__init__.py") and len(source.tree.body) > 1:
            found.append(at(source, 2, "holds more than a caption"))
    return found


def files_and_functions_are_small(files: Files) -> list[str]:
    """Check that a file fits on a few screens and a function on one."""
    found = []
    for source in files:
        if source.path.startswith(REVISIONS):
            continue
        lines = source.text.count("\n")
        if lines > MAX_FILE_LINES and source.path not in LONG_FILES:
            found.append(at(source, 1, f"has {lines} lines"))
        for node in source.nodes(ast.FunctionDef, ast.AsyncFunctionDef):
            assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                found.append(at(source, node, f"{node.name} has {length} lines"))
    return found


def only_the_ledger_writes_postings(files: Files) -> list[str]:
    """Check that no other file inserts, updates or deletes a posting."""
    table = r"(\w+\.)*postings\b"
    writes = re.compile(
        rf"\b(insert|update|delete)\(\s*{table}|\b{table}\.(insert|update|delete)\("
        r"|\b(insert\s+into|update|delete\s+from)\s+postings\b",
        re.IGNORECASE,
    )
    return [
        at(source, source.text.count("\n", 0, match.start()) + 1, "writes postings")
        for source in files
        if source.path != "storage/ledger.py" and not source.path.startswith("storage/migrations/")
        for match in writes.finditer(source.text)
    ]


def _catches_all(node: ast.ExceptHandler) -> bool:
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    names = {kind.id if isinstance(kind, ast.Name) else None for kind in kinds}
    last = node.body[-1]
    raises_again = isinstance(last, ast.Raise) and last.exc is None
    bare = node.type is None
    return (bare or bool(names & {"Exception", "BaseException"})) and not raises_again


def trouble_is_named(files: Files) -> list[str]:
    """Check that `except Exception` stands only at the edges, or raises again."""
    return [
        at(source, node, "catches everything")
        for source in files
        if source.path not in CATCH_ALL
        for node in source.nodes(ast.ExceptHandler)
        if isinstance(node, ast.ExceptHandler) and _catches_all(node)
    ]


def _is_floating(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
        return "calls float()"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        right = node.right
        if isinstance(right, ast.Constant) and right.value in {100}:
            return "divides by 100"
    if isinstance(node, (ast.arg, ast.AnnAssign)) and isinstance(node.annotation, ast.Name):
        name = node.arg if isinstance(node, ast.arg) else getattr(node.target, "id", "")
        if node.annotation.id == "float" and re.search("fen|yuan|amount|money|price", name):
            return f"keeps {name} as a float"
    return None


def money_never_floats(files: Files) -> list[str]:
    """Check that where money is counted nothing becomes a float; likeness of words may be one."""
    found = []
    for source in files:
        if source.room == "bot" or source.path.startswith("handlers/understanding/"):
            continue
        for node in source.everything:
            what = _is_floating(node)
            if what:
                found.append(at(source, node, what))
    return found


def _is_loose(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        # A scanner that matches at a position of its own is no loose end.
        by_module = isinstance(node.func.value, ast.Name) and node.func.value.id == "re"
        if node.func.attr == "match" and (by_module or len(node.args) < 2):
            return "matches a beginning: use fullmatch"
    text = node.value if isinstance(node, ast.Constant) else None
    if isinstance(text, str) and re.search(r"(?<!\\)(\\\\)*\\d", text):
        return r"has \d in a pattern: use [0-9]"
    return None


def parsers_match_whole_ascii(files: Files) -> list[str]:
    r"""Check for `match`, which forgets the end, and `\d`, which takes any script's digits."""
    found = []
    for source in files:
        for node in source.everything:
            what = _is_loose(node)
            if what:
                found.append(at(source, node, what))
    return found


def the_environment_is_read_once(files: Files) -> list[str]:
    """Check that settings come from the configuration only."""
    return [
        at(source, source.text.count("\n", 0, match.start()) + 1, "reads the environment")
        for source in files
        if source.path not in ENVIRONMENT and not source.path.startswith(SANDBOX)
        for match in re.finditer(r"\bos\.(environ|getenv)\b", source.text)
    ]


RULES: tuple[Rule, ...] = (
    rooms_import_downwards,
    storage_imports_downwards,
    tables_stay_in_storage,
    libraries_stay_in_their_rooms,
    no_circles,
    imports_are_plain,
    captions_open_every_file,
    files_and_functions_are_small,
    names_speak,
    only_the_ledger_writes_postings,
    trouble_is_named,
    money_never_floats,
    parsers_match_whole_ascii,
    the_environment_is_read_once,
)
