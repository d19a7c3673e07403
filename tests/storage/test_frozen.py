"""Our quick frozen dataclass behaves as the standard library's does."""

import copy
import dataclasses
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from storage import frozen

Kinds = tuple[type[Any], type[Any], type[Any]]


@frozen.dataclass(frozen=True, slots=True)
class Parcel:
    """Pickled by its name."""

    label: str
    weight: int = 1


def build(dataclass: Callable[..., Any]) -> Kinds:
    @dataclass(frozen=True, slots=True)
    class Nothing:
        pass

    @dataclass(frozen=True, slots=True)
    class Base(Nothing):
        name: str
        hidden: str = dataclasses.field(repr=False)

    @dataclass(frozen=True, slots=True)
    class Thing(Base):
        count: int = 3
        facts: Mapping[str, int] = dataclasses.field(default_factory=dict)

        def __post_init__(self) -> None:
            if self.count < 0:
                raise ValueError(self.count)

    return Nothing, Base, Thing


@pytest.fixture(params=[dataclasses.dataclass, frozen.dataclass], ids=["theirs", "ours"])
def kinds(request: pytest.FixtureRequest) -> Kinds:
    return build(request.param)


def test_it_is_filled_compared_and_shown(kinds: Kinds):
    nothing, base, thing = kinds
    one, same = thing("a", "b"), thing(name="a", hidden="b", count=3, facts={})

    assert nothing() == nothing()
    assert one == same
    assert one != thing("a", "b", 4)
    assert one != base("a", "b")
    assert repr(one).endswith("Thing(name='a', count=3, facts={})")
    assert one.facts is not thing("a", "b").facts
    assert not hasattr(one, "__dict__")
    assert hash(base("a", "b")) == hash(base("a", "b"))
    assert {base("a", "b"): 1}[base("a", "b")] == 1
    assert thing.__match_args__ == ("name", "hidden", "count", "facts")


def test_it_cannot_be_changed(kinds: Kinds):
    one = kinds[2]("a", "b")

    with pytest.raises(dataclasses.FrozenInstanceError):
        one.name = "c"
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):  # theirs stumbles here
        one.unknown = "c"
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.name


def test_it_is_replaced_copied_and_taken_apart(kinds: Kinds):
    one = kinds[2]("a", "b")

    assert dataclasses.replace(one, name="c") == kinds[2]("c", "b")
    assert dataclasses.asdict(one) == {"name": "a", "hidden": "b", "count": 3, "facts": {}}
    assert copy.deepcopy(one) == one
    assert dataclasses.is_dataclass(one)


def test_it_refuses_what_the_class_refuses(kinds: Kinds):
    with pytest.raises(ValueError, match="-1"):
        kinds[2]("a", "b", -1)
    with pytest.raises(TypeError):
        kinds[2]("a")
    with pytest.raises(TypeError):
        kinds[2]("a", "b", unknown=1)


def test_it_crosses_to_another_process():
    assert pickle.loads(pickle.dumps(Parcel("a", 2))) == Parcel("a", 2)


def test_a_field_out_of_the_ordinary_is_refused_and_an_order_is_the_standard_librarys():
    with pytest.raises(TypeError, match="standard library"):

        @frozen.dataclass(frozen=True, slots=True)
        class Odd:
            secret: int = dataclasses.field(compare=False)

    @frozen.dataclass(frozen=True, slots=True, order=True)
    class Ranked:
        place: int

    assert Ranked(1) < Ranked(2)
