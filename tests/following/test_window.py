"""Records of many files come in order, as far as a short wait allows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ranklog.following.window import Arrival, Window


def stamp(second: int) -> bytes:
    return f"2026-10-05 23:50:{second:02d}.000000".encode()


def arrival(second: int, arrived: float, source: int = 0, number: int = 0) -> Arrival:
    return Arrival(stamp(second), source, number, arrived, (source, second))


def values(given_out: list[tuple[Arrival, float | None]]) -> list[object]:
    return [one.value for one, _ in given_out]


def test_a_record_waits_for_earlier_ones_and_no_longer() -> None:
    window = Window(0.5)
    window.add([arrival(3, 10.0)])
    assert values(window.due(10.4, [])) == []
    window.add([arrival(2, 10.4, 1)])
    assert values(window.due(10.5, [])) == [(1, 2), (0, 3)]
    assert window.held() == []


def test_what_is_later_than_all_that_waited_long_enough_waits_on() -> None:
    window = Window(0.5)
    window.add([arrival(2, 10.0), arrival(9, 10.3)])
    assert values(window.due(10.5, [])) == [(0, 2)]
    assert window.held() == [(0, 9)]
    assert values(window.rest()) == [(0, 9)]


def test_a_late_record_says_by_how_much() -> None:
    window = Window(0.5)
    window.add([arrival(7, 10.0)])
    assert [late for _, late in window.due(10.5, [])] == [None]
    window.add([arrival(4, 10.6), arrival(8, 10.6)])
    assert [late for _, late in window.due(11.1, [])] == [3.0, None]


def test_equal_stamps_come_by_source_then_by_number() -> None:
    window = Window(0.5)
    some = [Arrival(stamp(1), source, number, 0.0, (source, number)) for source, number in
            ((1, 5), (0, 7), (1, 4), (0, 6))]  # fmt: skip
    window.add(some)
    assert values(window.due(1.0, [])) == [(0, 6), (0, 7), (1, 4), (1, 5)]


def test_while_a_file_has_more_to_read_nothing_above_it_is_given_out_and_all_below_at_once() -> (
    None
):
    window = Window(0.5)
    window.add([arrival(2, 10.0), arrival(5, 10.0)])
    assert values(window.due(10.0, [stamp(3), stamp(9)])) == [(0, 2)]
    assert values(window.due(12.0, [stamp(3)])) == []
    # Once all are read, what was held waits a whole window: the last record of a file comes later.
    assert values(window.due(12.4, [])) == []
    assert values(window.due(12.5, [])) == [(0, 5)]


@given(st.lists(st.tuples(st.integers(0, 59), st.integers(0, 3), st.floats(0, 5)), max_size=30))
def test_nothing_is_lost_or_doubled_and_late_ones_are_those_out_of_order(
    written: list[tuple[int, int, float]],
) -> None:
    window = Window(0.5)
    given_out: list[tuple[Arrival, float | None]] = []
    now = 0.0
    for number, (second, source, pause) in enumerate(written):
        window.add([Arrival(stamp(second), source, number, now, number)])
        now += pause
        given_out += window.due(now, [])
    given_out += window.rest()
    assert sorted(values(given_out)) == list(range(len(written)))
    newest = b""
    for one, late in given_out:
        assert (late is not None) == (one.key < newest)
        newest = max(newest, one.key)
