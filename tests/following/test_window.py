"""Records of many files come in order, as far as a short wait allows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ranklog.following.window import Given, Lot, Window


def stamp(second: int) -> bytes:
    return f"2026-10-05 23:50:{second:02d}.000000".encode()


def lot(*seconds: int, name: str = "", more: bytes = b"") -> Lot:
    return Lot(list(map(stamp, seconds)), [f"{name}{one}".encode() for one in seconds], more=more)


def values(some: list[Given]) -> list[str]:
    return [item.decode() for one in some for item in one.items]


def test_a_record_waits_for_earlier_ones_and_no_longer() -> None:
    window = Window(0.5)
    window.add([lot(3)], 0, 10.0)
    assert window.due(10.4, []) == []
    window.add([lot(2)], 1, 10.4)
    assert values(window.due(10.5, [])) == ["2", "3"]
    assert window.held() == []


def test_what_is_later_than_all_that_waited_long_enough_waits_on() -> None:
    window = Window(0.5)
    window.add([lot(2)], 0, 10.0)
    window.add([lot(1, 9)], 1, 10.3)
    assert values(window.due(10.5, [])) == ["1", "2"]
    assert [one.items for one in window.held()] == [[b"9"]]
    assert values(window.rest()) == ["9"]


def test_late_records_say_by_how_much_and_stand_alone() -> None:
    window = Window(0.5)
    window.add([lot(7)], 0, 10.0)
    assert [one.late_seconds for one in window.due(10.5, [])] == [None]
    window.add([lot(4, 5, 8, 9)], 0, 10.6)
    assert [(["4"], 3.0), (["5"], 2.0), (["8", "9"], None)] == [
        (values([one]), one.late_seconds) for one in window.due(11.1, [])
    ]


def test_a_record_that_comes_again_stands_alone() -> None:
    window = Window(0.5)
    window.add([lot(1, 2), lot(2, name="again", more=b"stacks"), lot(3)], 0, 10.0)
    assert [(["1", "2"], b""), (["again2"], b"stacks"), (["3"], b"")] == [
        (values([one]), one.more) for one in window.due(10.5, [])
    ]


def test_equal_stamps_come_by_source_then_in_file_order() -> None:
    window = Window(0.5)
    window.add([lot(1, 1, name="b"), lot(1, name="c")], 1, 0.0)
    window.add([lot(1, name="a")], 0, 0.1)
    assert values(window.due(1.0, [])) == ["a1", "b1", "b1", "c1"]


def test_while_a_file_has_more_to_read_nothing_above_it_is_given_out_and_all_below_at_once() -> (
    None
):
    window = Window(0.5)
    window.add([lot(5, 2)], 0, 10.0)
    assert values(window.due(10.0, [stamp(3), stamp(9)])) == ["2"]
    assert values(window.due(12.0, [stamp(3)])) == []
    # Once all are read, what a file holds as its last record comes within half a window.
    assert values(window.due(12.2, [])) == []
    assert values(window.due(12.25, [])) == ["5"]


@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 59), min_size=1, max_size=4), st.integers(0, 3), st.floats(0, 2)
        ),
        max_size=20,
    )
)
def test_nothing_is_lost_or_doubled_and_late_ones_are_those_out_of_order(
    written: list[tuple[list[int], int, float]],
) -> None:
    window = Window(0.5)
    found: list[Given] = []
    now = 0.0
    for number, (seconds, source, pause) in enumerate(written):
        window.add([lot(*seconds, name=f"{number}.")], source, now)
        now += pause
        found += window.due(now, [])
    found += window.rest()
    expected = [f"{number}.{one}" for number, (some, _, _) in enumerate(written) for one in some]
    assert sorted(values(found)) == sorted(expected)
    newest = 0
    for given_out in found:
        for text in values([given_out]):
            second = int(text.partition(".")[2])
            assert (given_out.late_seconds is not None) == (second < newest)
            newest = max(newest, second)
