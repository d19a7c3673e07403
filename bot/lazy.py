"""The one lazy loader: modules that start-up must not wait for, loaded by name when needed."""

import importlib
from types import ModuleType


def load(name: str) -> ModuleType:
    """Import a module by its full name, once; later calls are a dictionary look-up.

    Raises ModuleNotFoundError.
    """
    return importlib.import_module(name)
