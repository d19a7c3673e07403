"""A planted bug: a caption, the tests to try first, and a patch that is found by its own lines."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "patches"
FIRST = "Tried first: "


class DoesNotApply(Exception):
    """A patch whose lines are not in its file, or more than once."""


@dataclass(frozen=True)
class Bug:
    """One patch of the folder."""

    name: str
    caption: str
    first: str
    """The tests that are nearest to it; the others follow where these see nothing."""
    path: str
    hunks: tuple[tuple[str, str], ...]
    """(lines as they are, lines as they become)."""

    def apply(self, source: str) -> str:
        """Return the source with the bug in it. Raises DoesNotApply."""
        for old, new in self.hunks:
            if source.count(old) != 1:
                raise DoesNotApply(f"{self.name}: {source.count(old)} places in {self.path}")
            source = source.replace(old, new)
        return source

    @contextmanager
    def planted(self, tree: Path) -> Iterator[None]:
        """Have the bug in a tree for a while."""
        file = tree / self.path
        source = file.read_text(encoding="utf-8")
        file.write_text(self.apply(source), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(source, encoding="utf-8")


def bugs() -> list[Bug]:
    """Return all bugs in the order of their numbers."""
    return [_read(file) for file in sorted(FOLDER.glob("*.patch"))]


def _read(file: Path) -> Bug:
    head, _, diff = file.read_text(encoding="utf-8").partition("\n--- a/")
    caption, first = head.split("\n", 1)
    path, _, rest = diff.partition("\n")
    hunks = [_hunk(one) for one in rest.split("\n@@ ")[1:]]
    return Bug(file.stem, caption, first.strip().removeprefix(FIRST), path, tuple(hunks))


def _hunk(text: str) -> tuple[str, str]:
    lines = text.splitlines(keepends=True)[1:]
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    return old, new
