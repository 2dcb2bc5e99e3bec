"""Records of many sources in time order, whatever blocks they come in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import TIME

from ranklog.merging import Batch, Ordering, block_bytes, merge
from ranklog.stamps import stamp_of

Item = tuple[int, int]  # source, position in it
Blocks = list[list[int]]  # milliseconds


def stamp(milliseconds: int) -> bytes:
    return stamp_of(TIME + timedelta(milliseconds=milliseconds))


def batches(blocks: Blocks, source: int = 0, notes: list[tuple[bytes, bytes]] | None = None):
    """A source's batches, whose items say where they stood in it."""
    steps = [] if notes is None else notes
    ordering = Ordering(lambda before, after: steps.append((before, after)))
    position = 0
    for block in blocks:
        items = [(source, position + number) for number in range(len(block))]
        position += len(block)
        yield ordering.batch([stamp(time) for time in block], items)


def merged(sources: list[Blocks]) -> list[Item]:
    streams = [batches(blocks, number) for number, blocks in enumerate(sources)]
    return [item for items in merge(streams) for item in items]


def naive(sources: list[Blocks]) -> list[Item]:
    """By time, source and place in it."""
    every = [
        (time, source, position)
        for source, blocks in enumerate(sources)
        for position, time in enumerate(time for block in blocks for time in block)
    ]
    return [(source, position) for _, source, position in sorted(every)]


@st.composite
def slightly_disordered(draw: st.DrawFn) -> Blocks:
    """Blocks in which no record is older than what was there two blocks before."""
    blocks: Blocks = []
    floor = newest = draw(st.integers(0, 30))
    for _ in range(draw(st.integers(0, 6))):
        block = draw(st.lists(st.integers(floor, floor + 40), max_size=6))
        floor, newest = newest, max([newest, *block])
        blocks.append(block)
    return blocks


@given(sources=st.lists(slightly_disordered(), max_size=5))
def test_a_merge_is_the_stable_sort_of_all_records(sources: list[Blocks]) -> None:
    assert naive(sources) == merged(sources)


@given(
    sources=st.lists(st.lists(st.lists(st.integers(0, 10**6), max_size=5), max_size=6), max_size=4)
)
def test_whatever_the_clocks_say_no_record_is_lost_or_doubled(sources: list[Blocks]) -> None:
    found = merged(sources)
    assert sorted(naive(sources)) == sorted(found)


@given(blocks=st.lists(st.lists(st.integers(0, 10**6), max_size=5), max_size=6))
def test_no_batch_has_a_key_below_the_floor_of_one_before(blocks: Blocks) -> None:
    made = list(batches(blocks))
    floors = list(accumulate((one.floor for one in made), max, initial=b""))
    assert floors[1:] == [one.floor for one in made]
    late = [
        key for floor, one in zip(floors, made, strict=False) for key in one.keys if key < floor
    ]
    assert late == []
    assert all(one.keys == sorted(one.keys) for one in made if one.is_sorted)


@given(
    times=st.lists(st.lists(st.integers(0, 30_000), max_size=5), min_size=1, max_size=4),
    steps=st.lists(st.integers(60_001, 10**7), max_size=3),
    size=st.integers(1, 5),
)
def test_where_the_clock_was_set_back_the_file_keeps_its_order(
    times: list[list[int]], steps: list[int], size: int
) -> None:
    """Between two steps the clock goes on; each is told of once."""
    flat: list[int] = []
    expected: list[tuple[bytes, bytes]] = []
    now = 10**8
    for gaps, step in zip(times, [0, *steps], strict=False):
        if step and flat:
            expected.append((stamp(now), stamp(now - step)))
            now -= step
            flat.append(now)
        for gap in gaps:
            now += gap
            flat.append(now)
    blocks = [flat[begin : begin + size] for begin in range(0, len(flat), size)]
    notes: list[tuple[bytes, bytes]] = []
    found = [item for items in merge([batches(blocks, 0, notes)]) for item in items]
    assert ([(0, n) for n in range(len(flat))], expected) == (found, notes)


def test_a_record_that_is_one_minute_late_is_sorted_and_one_that_is_later_stays() -> None:
    notes: list[tuple[bytes, bytes]] = []
    blocks = [[60_000, 0, 60_001], [0, 200_000]]
    found = [item for items in merge([batches(blocks, 0, notes)]) for item in items]
    assert [(0, 1), (0, 0), (0, 2), (0, 3), (0, 4)] == found
    assert [(stamp(60_001), stamp(0))] == notes


def test_a_record_later_than_two_blocks_comes_as_early_as_what_was_given_out_allows() -> None:
    blocks = [[0, 10], [20, 30], [40, 50], [5, 60]]
    assert [0, 1, 2, 3, 6, 4, 5, 7] == [position for _, position in merged([blocks])]


def counted(blocks: Blocks, drawn: list[int], source: int) -> Iterator[Batch]:
    for batch in batches(blocks, source):
        drawn[source] += len(batch.items)
        yield batch


@pytest.mark.parametrize("densities", [(1, 1), (1, 7), (50, 1), (1, 1, 1, 200)])
def test_of_no_source_more_is_held_than_two_blocks_and_a_half(densities: tuple[int, ...]) -> None:
    size, count = 10, 200
    drawn, given_out = [0] * len(densities), [0] * len(densities)
    streams = []
    for source, density in enumerate(densities):
        times = [number * density for number in range(size * count)]
        blocks = [times[begin : begin + size] for begin in range(0, len(times), size)]
        streams.append(counted(blocks, drawn, source))
    held = 0
    for items in merge(streams):
        held = max(held, *(a - b for a, b in zip(drawn, given_out, strict=True)))
        for source, _ in items:
            given_out[source] += 1
    assert [size * count] * len(densities) == given_out
    assert held <= 2.5 * size


def test_the_merge_goes_on_while_a_source_has_nothing_that_is_wanted() -> None:
    """Only the newest stamps of its blocks are known."""
    drawn = 0

    def empty() -> Iterator[Batch]:
        nonlocal drawn
        ordering = Ordering(lambda before, after: None)
        for number in range(1_000):
            drawn += 1
            yield ordering.batch([], [], stamp(number * 10))

    dense = batches([[number * 10 + one for one in range(10)] for number in range(1_000)], 1)
    steps = []
    found: list[Item] = []
    for items in merge([empty(), dense]):
        found += items
        steps.append(drawn)
    assert [(1, number) for number in range(10_000)] == found
    assert steps[0] <= 5
    assert len(steps) >= 900


@pytest.mark.parametrize(
    ("sources", "size"),
    [(0, 1 << 20), (1, 1 << 20), (8, 393_216), (64, 49_152), (192, 16_384), (1_024, 16_384)],
)
def test_blocks_are_the_smaller_the_more_sources_there_are(sources: int, size: int) -> None:
    assert size == block_bytes(sources)
