"""The Python files of the four rooms, as the rules of the house look at them."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOMS = ("storage", "handlers", "scheduler", "bot")


@dataclass(frozen=True)
class Source:
    """One Python file of the rooms."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Parse the file, once."""
        return ast.parse(self.text)

    @cached_property
    def everything(self) -> tuple[ast.AST, ...]:
        """Walk the tree, once: every rule looks at it again."""
        return tuple(ast.walk(self.tree))

    @property
    def room(self) -> str:
        """Return the room that the file stands in."""
        return self.path.split("/")[0]

    @property
    def module(self) -> str:
        """Return the dotted name under which the file is imported."""
        return self.path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")

    def nodes(self, *kinds: type[ast.AST]) -> Iterator[ast.AST]:
        """Walk all nodes of these kinds."""
        return (node for node in self.everything if isinstance(node, kinds))

    def imports(self) -> Iterator[tuple[int, str]]:
        """Yield line and name of all that is imported, `from a import b` as both a and a.b."""
        for node in self.nodes(ast.Import, ast.ImportFrom):
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.lineno, node.module
                yield from ((node.lineno, f"{node.module}.{a.name}") for a in node.names)


Files = list[Source]
Rule = Callable[[Files], list[str]]


def read_rooms(root: Path) -> Files:
    """Read every Python file of the four rooms under a root; a room may be missing."""
    paths = (path for room in ROOMS for path in sorted((root / room).rglob("*.py")))
    return [Source(str(p.relative_to(root)), p.read_text(encoding="utf-8")) for p in paths]


def at(source: Source, node: ast.AST | int, what: str) -> str:
    """Say where a rule is broken, and how."""
    line = node if isinstance(node, int) else getattr(node, "lineno", 1)
    return f"{source.path}:{line} {what}"
