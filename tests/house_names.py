"""The rule of names: which words say nothing, and where a short name is still too short."""

import ast
import re
from collections.abc import Iterator

from tests.house_files import Files, Source, at

# The formats of the street are theirs: there a field is called what the platform calls it.
FOREIGN_FIELDS = ("bot/sandbox/", "bot/gateways/", "bot/channels/")
BANNED_WORDS = frozenset(
    "data info helper helpers util utils service process flag tmp status invoice".split()  # noqa: SIM905
)
BANNED_ALONE = frozenset(("item", "order", "fee", "record"))
"""Too little for a file, a class, a function or a field; a local variable may be so short."""

# The platforms speak HTTP, where a status is a number.
SPEAK_HTTP = ("bot/sandbox/", "bot/gateways/", "bot/channels/", "bot/web/", "storage/ports/")
# The columns of SQLAlchemy call these by name.
NAMED_BY_LIBRARIES = frozenset(("process_bind_param", "process_result_value"))
INTENTS = frozenset(
    """
    bind unbind my_units unpaid bill_detail history tariff due_date pay payment_status balance
    prepay receipt invoice refund_request refund_status refund_policy dispute feedback repair
    notices contact human mute unmute report meter help greeting thanks goodbye confirm cancel
    out_of_scope
    """.split()  # noqa: SIM905
)


def _declared(source: Source) -> Iterator[tuple[int, str]]:
    """Yield what others may call by name: functions, classes, fields."""
    for node in source.everything:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.lineno, node.name
        if isinstance(node, ast.ClassDef) and not source.path.startswith(FOREIGN_FIELDS):
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                    yield field.lineno, field.target.id


def _local(source: Source) -> Iterator[tuple[int, str]]:
    """Yield parameters, variables, and what is kept on `self`; a field only where it is ours."""
    fields = {
        field.target
        for kind in source.nodes(ast.ClassDef)
        if isinstance(kind, ast.ClassDef)
        for field in kind.body
        if isinstance(field, ast.AnnAssign)
    }
    for node in source.everything:
        if isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node not in fields:
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            is_own = isinstance(node.value, ast.Name) and node.value.id == "self"
            yield from [(node.lineno, node.attr)] if is_own else []


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_")


def _says_nothing(name: str) -> bool:
    # A 发票 is a tax_invoice; a bill (账单) is never an invoice.
    words = _snake(name).replace("tax_invoice", "tax").split("_")
    return bool(BANNED_WORDS.intersection(words)) or (words[-1] == "record" and len(words) > 1)


def _is_no_noun(name: str) -> bool:
    """Judge a declared name; `manager` is a person here, so only a class may not be one."""
    snake = _snake(name)
    is_class = name[:1].isupper() and not name.isupper()
    return (
        (snake in BANNED_ALONE and not name.startswith("_"))
        or snake.startswith(("handle_", "do_"))
        or (is_class and snake.endswith("manager"))
    )


def names_speak(files: Files) -> list[str]:
    """Check that no name says only that a thing is a thing; the intents' names are given."""
    found = []
    for source in files:
        stem = source.module.split(".")[-1]
        declared = [(1, stem), *_declared(source)]
        banned = [row for row in declared if _is_no_noun(row[1])]
        banned += [row for row in (*declared, *_local(source)) if _says_nothing(row[1])]
        spared = INTENTS | NAMED_BY_LIBRARIES
        if source.path.startswith(SPEAK_HTTP):
            spared |= {"status"}
        found += [
            at(source, line, f"names {name}")
            for line, name in sorted(set(banned))
            if _snake(name) not in spared
        ]
    return found
