"""`@dataclass(frozen=True, slots=True)`, the standard library's, made in a third of the time.

A start makes near two hundred such classes, and the standard library compiles six methods for each
of them. Here one is compiled, the constructor; the others are the same functions for all classes.
"""

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from reprlib import recursive_repr
from typing import Any, Final

_USUAL: Final = {"frozen": True, "slots": True}


def dataclass(**options: Any) -> Callable[[type], type]:  # noqa: ANN401 - the standard library's
    """Return the decorator; what is asked for beyond the usual, the standard library makes."""
    return _frozen if options == _USUAL else dataclasses.dataclass(**options)


def _frozen(cls: type) -> type:
    """Make the class. Raises TypeError where a field is none of the plain kind."""
    made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    known = dataclasses.fields(made)
    if not all(map(_is_plain, known)):
        raise TypeError(f"{cls.__qualname__}: have the standard library make this one")
    made._values = staticmethod(_values(*(one.name for one in known)))  # type: ignore[attr-defined]
    made.__init__ = _constructor(made, known)  # type: ignore[misc]
    for name, method in _METHODS.items():
        if name not in cls.__dict__:
            setattr(made, name, method)
    return made


def _is_plain(one: "dataclasses.Field[Any]") -> bool:
    return one.init and one.compare and one.hash is None and not one.kw_only


def _values(*names: str) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda one: tuple(getattr(one, name) for name in names)


def _constructor(made: type, known: "tuple[dataclasses.Field[Any], ...]") -> Callable[..., None]:
    """Return an `__init__` that fills the slots, as if written by hand."""
    given: dict[str, Any] = {"_missing": dataclasses.MISSING}
    taken, filled = ["self"], []
    for one in known:
        name, value = one.name, one.name
        given[f"_set_{name}"] = getattr(made, name).__set__
        if one.default is not dataclasses.MISSING:
            given[f"_default_{name}"] = one.default
            taken.append(f"{name}=_default_{name}")
        elif one.default_factory is not dataclasses.MISSING:
            given[f"_make_{name}"] = one.default_factory
            taken.append(f"{name}=_missing")
            value = f"_make_{name}() if {name} is _missing else {name}"
        else:
            taken.append(name)
        filled.append(f" _set_{name}(self, {value})")
    filled.append(" self.__post_init__()" if hasattr(made, "__post_init__") else " return")
    text = "\n".join([f"def __init__({', '.join(taken)}):", *filled])
    exec(text, given)  # noqa: S102 - names of fields, as the standard library does it
    constructor: Callable[..., None] = given["__init__"]
    constructor.__qualname__ = f"{made.__qualname__}.__init__"
    return constructor


@recursive_repr()
def _repr(self: Any) -> str:  # noqa: ANN401
    shown = [one.name for one in dataclasses.fields(self) if one.repr]
    told = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{type(self).__qualname__}({told})"


def _eq(self: Any, other: Any) -> bool:  # noqa: ANN401
    if other.__class__ is self.__class__:
        return bool(self._values(self) == other._values(other))
    return NotImplemented


def _hash(self: Any) -> int:  # noqa: ANN401
    return hash(self._values(self))


def _refuse_set(self: Any, name: str, value: object) -> None:  # noqa: ANN401
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(self: Any, name: str) -> None:  # noqa: ANN401
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _getstate(self: Any) -> list[Any]:  # noqa: ANN401
    return [getattr(self, one.name) for one in dataclasses.fields(self)]


def _setstate(self: Any, state: list[Any]) -> None:  # noqa: ANN401
    for one, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, one.name, value)


_METHODS: Final = {
    "__repr__": _repr,
    "__eq__": _eq,
    "__hash__": _hash,
    "__setattr__": _refuse_set,
    "__delattr__": _refuse_delete,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
}
