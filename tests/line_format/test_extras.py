"""Extra fields, whatever a program puts into them."""

from __future__ import annotations

import json
import math
from collections import OrderedDict, UserDict
from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import extras

from ranklog.line_format import EPOCH, LAYOUTS
from ranklog.line_format.extras import json_text


class Colour(str, Enum):
    RED = "red"


class Size(IntEnum):
    BIG = 3


class Wordy(str):
    def __str__(self) -> str:
        return "other"


class LongFloat(float):
    def __repr__(self) -> str:
        return "a\nb"


class BadRepr:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class NoRepr:
    def __repr__(self) -> str:
        return None  # type: ignore[return-value] # what the test is about


class BadItems(dict[str, int]):
    def items(self) -> Any:
        raise RuntimeError("no")


class Point:
    def __repr__(self) -> str:
        return "Point(\n1)"


def nested(depth: int, innermost: Any = None) -> Any:
    value = innermost
    for _ in range(depth):
        value = [value]
    return value


CYCLE: list[Any] = [1]
CYCLE.append(CYCLE)
DICT_CYCLE: dict[str, Any] = {}
DICT_CYCLE["self"] = DICT_CYCLE
SHARED = [math.inf]


FIELDS = (
    (None, "null"),
    (True, "true"),
    (3, "3"),
    (-0.5, "-0.5"),
    (1e300, "1e+300"),
    ("é\n\x7f", r'"é\n\u007f"'),
    ([1, (2, "x")], '[1,[2,"x"]]'),
    ({"a": {}}, '{"a":{}}'),
    (OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
    (math.nan, '"nan"'),
    (math.inf, '"inf"'),
    (-math.inf, '"-inf"'),
    ([1.5, {"x": math.nan}], '[1.5,{"x":"nan"}]'),
    (LongFloat(2.5), "2.5"),
    (LongFloat("nan"), '"nan"'),
    (Colour.RED, '"red"'),
    (Size.BIG, "3"),
    ([Size.BIG, Colour.RED, Wordy("w"), True, math.nan], '[3,"red","w",true,"nan"]'),
    (Point(), r'"Point(\n1)"'),
    (Decimal("1.5"), "\"Decimal('1.5')\""),
    (date(2026, 1, 2), '"datetime.date(2026, 1, 2)"'),
    ({1}, '"{1}"'),
    (b"x", "\"b'x'\""),
    (UserDict(a=1), "\"{'a': 1}\""),
    (BadRepr(), '"<unrepresentable BadRepr: RuntimeError>"'),
    ([BadRepr(), math.nan], '["<unrepresentable BadRepr: RuntimeError>","nan"]'),
    (NoRepr(), '"<unrepresentable NoRepr: TypeError>"'),
    (BadItems(a=1), "\"{'a': 1}\""),
    (CYCLE, '[1,"[1, [...]]"]'),
    (DICT_CYCLE, '{"self":"{\'self\': {...}}"}'),
    ([SHARED, SHARED], '[["inf"],["inf"]]'),
    (2**64, "18446744073709551616"),
    (10**299 + 1, str(10**299 + 1)),
    (10**5000, json.dumps(hex(10**5000))),
    (-(10**5000), json.dumps(hex(-(10**5000)))),
    ({(1, 2): 3}, '{"(1, 2)":3}'),
    ({(1,): math.nan, Wordy("k"): 1, 2: 3}, '{"(1,)":"nan","k":1,"2":3}'),
    ({BadRepr: 1}, json.dumps({repr(BadRepr): 1}, separators=(",", ":"))),
    ({"": 1, "a b": 2, "\x9b": 3}, '{"":1,"a b":2,"\\u009b":3}'),
)


@pytest.mark.parametrize(("value", "written"), FIELDS, ids=range(len(FIELDS)))
def test_a_field_is_json_where_it_can_be_and_its_repr_elsewhere(value: Any, written: str) -> None:
    assert f'{{"x":{written},"y":1}}' == json_text({"x": value, "y": 1})


@pytest.mark.parametrize(
    "value",
    [BadItems(), Mock(spec=dict), Mock(spec=str), Mock(spec=int)],
    ids=["mapping without items", "mock dict", "mock str", "mock int"],
)
def test_a_field_that_lies_about_what_it_is_costs_no_other_field(value: Any) -> None:
    read = json.loads(json_text({"bad": value, "nan": math.nan, "good": [1]}))
    assert {"bad": repr(value), "nan": "nan", "good": [1]} == read


def test_containers_too_deep_for_json_are_cut_at_32() -> None:
    fields = {"x": nested(100_000), "y": 1}
    innermost = "<unrepresentable list: RecursionError>"
    assert {"x": nested(31, innermost), "y": 1} == json.loads(json_text(fields))


@pytest.mark.parametrize("value", ["x", math.nan])
def test_fields_that_change_meanwhile_raise_nothing(value: object) -> None:
    class Grows:
        def __repr__(self) -> str:
            fields[f"new{len(fields)}"] = 1
            return "grows"

    fields: dict[str, Any] = {"a": Grows(), "b": value, "c": 1}
    assert isinstance(json.loads(json_text(fields)), dict)


@given(fields=extras())
@settings(max_examples=60)
def test_extra_fields_are_one_line_without_controls(fields: dict[str, Any]) -> None:
    text = json_text(fields)
    assert [c for c in text if ord(c) < 32 or 127 <= ord(c) < 160] == []
    assert list(fields) == list(json.loads(text))


@given(
    fields=st.dictionaries(
        st.text(max_size=3),
        st.sampled_from((BadRepr(), NoRepr(), BadItems(), CYCLE, DICT_CYCLE, object(), math.nan))
        | st.integers(10**299, 10**301)
        | st.binary(max_size=3)
        | st.complex_numbers(),
        max_size=5,
    )
)
@settings(max_examples=60)
def test_no_field_makes_a_layout_raise_or_keeps_it_from_reading_all(fields: dict[str, Any]) -> None:
    assert list(fields) == list(json.loads(json_text(fields)))


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_a_layout_writes_hostile_extra_fields_as_it_writes_others(name: str) -> None:
    layout = LAYOUTS[name]()
    origin = layout.head("INFO", 0, 7, False) + layout.site("a", "f", 1)
    fields = {"x": math.nan, "y": Point(), "z": "\ud800"}
    data = layout.encode(layout.stamp(EPOCH), origin, "m", True, None, fields)
    assert b'{"x":"nan","y":"Point(\\n1)","z":"\\ud800"}' in data


NUMPY = {
    "float32": (np.float32(1.5), "1.5"),
    "int64": (np.int64(7), "7"),
    "bool": (np.bool_(True), "true"),
    "float32 that is none": (np.float32("nan"), '"nan"'),
    "scalar array": (np.array(2.5), "2.5"),
    "array": (np.array([1, 2]), '"array([1, 2])"'),
    "complex": (np.complex64(1), json.dumps(repr(np.complex64(1)))),
}


@pytest.mark.parametrize(("value", "expected"), NUMPY.values(), ids=NUMPY.keys())
def test_a_numpy_number_is_a_number(value, expected):
    assert f'{{"x":{expected}}}' == json_text({"x": value})
