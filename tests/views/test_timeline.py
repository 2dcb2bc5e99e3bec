"""Ranks over time, against counts of every record."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from views.runs import TIME, ask, at, error, objects, start, stop, write

import ranklog
from ranklog.line_format import STANDARD_LEVELS, TextLayout, encode

RECORDS = st.lists(
    st.tuples(
        st.floats(0, 100), st.integers(0, 3), st.sampled_from(("DEBUG", "INFO", "WARNING", "ERROR"))
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=40)
@given(RECORDS, st.integers(1, 12), st.sampled_from((".log", ".jsonl")))
def test_cells_are_those_of_somebody_who_counts_one_by_one(tmp_path_factory, told, columns, suffix):
    path = tmp_path_factory.mktemp("run")
    records = [at(seconds, "x", rank, level=level) for seconds, rank, level in told]
    ranks = {one.rank for one in records}
    write(path, {rank: [one for one in records if one.rank == rank] for rank in ranks}, suffix)
    found = ranklog.timeline(path, columns=columns)
    assert min(one.time for one in records) == found.start
    assert sorted(ranks) == [row.rank for row in found.rows]
    step = timedelta(seconds=found.column_seconds)
    assert found.end == found.start + columns * step
    for row in found.rows:
        own = [one for one in records if one.rank == row.rank]
        errors = [one.time for one in own if one.level == "ERROR"]
        assert row.first_error == min(errors, default=None)
        assert columns == len(row.cells)
        for number, cell in enumerate(row.cells):
            begin = found.start + number * step
            # A record on a border is of the cell that it ends.
            within = [
                one for one in own
                if begin < one.time <= begin + step or (number == 0 and one.time == begin)
            ]  # fmt: skip
            assert (
                len(within),
                max((STANDARD_LEVELS[one.level] for one in within), default=0),
            ) == (
                cell.records,
                cell.worst,
            )
            assert cell.has_first_error == (row.first_error in [one.time for one in within])
            assert 0 == cell.restarts


def test_restarts_and_first_errors_are_marked(tmp_path):
    write(
        tmp_path,
        {
            0: [start(), at(3), error(4, "bad"), start(8), error(9, "again"), at(10)],
            1: [start(rank=1), at(5, "w", 1, level="WARNING"), *[at(7, "x", 1)] * 50, stop(10, 1)],
        },
    )
    found = ranklog.timeline(tmp_path, columns=10)
    assert [0, 0, 0, 0, 0, 0, 0, 1, 0, 0] == [cell.restarts for cell in found.rows[0].cells]
    assert [3] == [n for n, cell in enumerate(found.rows[0].cells) if cell.has_first_error]
    answer = ask("timeline", tmp_path, "--columns", "10")
    assert 0 == answer.code
    assert [
        "0 ░·░!···RE░",
        "1 ░···w·█··░",
    ] == answer.lines[:2]
    assert "one column is 1.000s; times are UTC" in answer.lines
    assert "first error: rank 0, 2024-10-05 23:50:04.123" == answer.lines[-1]


def test_colour_shows_the_worst_level_and_keeps_the_density(tmp_path):
    write(tmp_path, {0: [at(0), at(5, level="WARNING"), at(10, level="CRITICAL")]})
    line = ask("timeline", tmp_path, "--columns", "3", FORCE_COLOR="1").lines[0]
    assert "0 \x1b[32m█\x1b[0m\x1b[33m█\x1b[0m\x1b[1;37;41m!\x1b[0m" == line
    assert not any(
        line.startswith("w, E") for line in ask("timeline", tmp_path, FORCE_COLOR="1").lines
    )


def test_a_thousand_ranks_are_folded_into_what_a_person_can_look_at(tmp_path):
    files = {rank: [at(0, "x", rank), at(10, "y", rank)] for rank in range(1000)}
    files[517].append(error(5, "bad", 517))
    write(tmp_path, files)
    found = ranklog.timeline(tmp_path, columns=2)
    assert 1000 == len(found.rows)
    answer = ask("timeline", tmp_path, "--columns", "2")
    rows = answer.lines[: answer.lines.index("") - 1]
    assert 63 == len(rows)
    assert ["   0-15 ██", "512-527 !█", "992-999 ██"] == [rows[0], rows[32], rows[62]]
    assert "first error: rank 517, 2024-10-05 23:50:05.123" == answer.lines[-1]
    assert 1000 == len(objects(ask("timeline", tmp_path, "--columns", "2", "--json")))


def test_json_has_the_cells_and_raw_the_first_error_of_each_rank(tmp_path):
    bad = error(1, "bad")
    write(tmp_path, {0: [at(0), bad, error(2, "worse")], 1: [at(0, "x", 1)]})
    first, second = objects(ask("timeline", tmp_path, "--columns", "4", "--json"))
    assert list(first) == list(second)
    assert (0, [1, 1, 0, 1]) == (first["rank"], first["records"])
    assert encode(bad, TextLayout()) == ask("timeline", tmp_path, "--raw").out


@pytest.mark.parametrize("columns", [0, -3])
def test_no_columns_are_an_error(tmp_path, columns):
    write(tmp_path, {0: [at(0)]})
    with pytest.raises(ValueError, match=f"columns={columns} is too few; accepted are 1 or more"):
        ranklog.timeline(tmp_path, columns=columns)
    answer = ask("timeline", tmp_path, "--columns", columns)
    assert (2, f"ranklog: --columns {columns} is too few; accepted are 1 or more\n") == (
        answer.code,
        answer.err,
    )


def test_an_empty_run_and_one_of_a_single_moment_can_be_shown(tmp_path):
    write(tmp_path, {0: []})
    assert ["no records"] == ask("timeline", tmp_path).lines
    write(tmp_path, {0: [at(0), at(9)]})
    assert ["no records"] == ask("timeline", tmp_path, "--level", "ERROR").lines
    write(tmp_path, {0: [at(0)]})
    found = ranklog.timeline(tmp_path, columns=3)
    assert (TIME, 1) == (found.start, sum(cell.records for cell in found.rows[0].cells))


def test_filters_narrow_the_picture(tmp_path):
    write(
        tmp_path,
        {0: [at(n, level="ERROR" if n == 50 else "INFO") for n in range(101)], 1: [at(9, "x", 1)]},
    )
    found = ranklog.timeline(tmp_path, columns=10, since="60s", until="40s")
    assert (TIME + timedelta(seconds=40), [0]) == (found.start, [row.rank for row in found.rows])
    assert 21 == sum(cell.records for cell in found.rows[0].cells)
    only = ranklog.timeline(tmp_path, columns=10, level="ERROR")
    assert [1] == [cell.records for row in only.rows for cell in row.cells if cell.records]
