"""What start-up must not wait for: modules loaded by name when needed, patterns compiled at use."""

import importlib
import re
from types import ModuleType
from typing import Any, cast


def load(name: str) -> ModuleType:
    """Import a module by its full name, once; later calls are a dictionary look-up.

    Raises ModuleNotFoundError.
    """
    return importlib.import_module(name)


def regex(text: str) -> re.Pattern[str]:
    """Return a regular expression that is compiled when it is first used; then it is as any other.

    Raises re.error at that first use.
    """
    return cast("re.Pattern[str]", _Pattern(text))


class _Pattern:
    """Takes its methods from the compiled pattern, each when it is first asked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a pattern has
        found = getattr(re.compile(self._text), name)
        setattr(self, name, found)
        return found
