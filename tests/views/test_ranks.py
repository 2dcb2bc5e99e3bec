"""The table of ranks and their attempts, against counts of every record."""

import gzip
from collections import Counter, defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st
from views.runs import TIME, ask, at, objects, start, stop, write

import ranklog
from ranklog.line_format import TextLayout, encode, live_name

STEPS = st.lists(
    st.sampled_from(("INFO", "INFO", "DEBUG", "ERROR", "Level 17", "banner", "end")), max_size=12
)


@settings(max_examples=40)
@given(st.lists(STEPS, min_size=1, max_size=4), st.sampled_from((".log", ".jsonl")))
def test_counts_are_those_of_somebody_who_counts_one_by_one(tmp_path_factory, ranks, suffix):
    path = tmp_path_factory.mktemp("run")
    files, expected = {}, defaultdict(Counter)
    for rank, steps in enumerate(ranks):
        attempt, files[rank] = 0, []
        for number, step in enumerate(steps):
            attempt += step == "banner"
            made = {"banner": start, "end": stop}.get(step)
            one = made(number, rank) if made else at(number, "x", rank, level=step)
            files[rank].append(one)
            expected[rank, attempt][one.level] += 1
    write(path, files, suffix)
    found = ranklog.ranks(path)
    assert sorted(expected) == [(one.rank, one.attempt) for one in found]
    assert expected == {(one.rank, one.attempt): Counter(one.records) for one in found}
    for one in found:
        assert one.file_bytes == (path / "logs" / live_name(one.rank, suffix)).stat().st_size
        records = [r for r in files[one.rank] if one.first <= r.time <= one.last]
        assert sum(one.records.values()) == len(records)
        has_banner = one.attempt > 0
        assert (100 + one.rank if has_banner else None) == one.pid
        assert (one.banner != b"") == has_banner


def test_a_person_sees_hosts_pids_levels_times_and_bytes(tmp_path):
    logs = (
        write(
            tmp_path,
            {
                0: [
                    start(),
                    at(1, level="ERROR"),
                    at(2, level="WORSE", extra={"levelno": 45}),
                    start(60),
                ],
                1: [at(1, "x", 1, level="DEBUG")],
            },
        )
        / "logs"
    )
    data = encode(start(-9, 1, restart=3), TextLayout())
    (logs / "script_1.20261005T000000.000000Z.log.gz").write_bytes(gzip.compress(data))
    sizes = [
        sum(f.stat().st_size for f in logs.glob(name)) for name in ("script.log", "script_1.*")
    ]
    answer = ask("ranks", tmp_path)
    assert 0 == answer.code
    assert [line.split() for line in (
        "rank attempt host pid DEBUG INFO ERROR WORSE first (UTC) last (UTC) bytes pieces",
        f"0 1 node0 100 1 1 1 23:50:00.123 23:50:02.123 {sizes[0]:,} 0",
        f"0 2 node0 100 1 23:51:00.123 23:51:00.123 {sizes[0]:,} 0",
        f"1 1 node1 101 1 1 23:49:51.123 23:50:01.123 {sizes[1]:,} 1",
        "all on 2024-10-05",
    )] == [line.split() for line in answer.lines]  # fmt: skip
    assert [None, None, 3] == [one["restart"] for one in objects(ask("ranks", tmp_path, "--json"))]
    raw = ask("ranks", tmp_path, "--raw").out
    assert b"".join(encode(one, TextLayout()) for one in (start(), start(60))) + data == raw


def test_times_of_several_days_are_shown_with_them(tmp_path):
    write(tmp_path, {0: [at(0), at(86_400)]})
    assert "2024-10-05 23:50:00.123  2024-10-06 23:50:00.123" in ask("ranks", tmp_path).lines[1]
    assert 2 == len(ask("ranks", tmp_path).lines)


def test_filters_choose_what_is_counted(tmp_path):
    write(
        tmp_path, {0: [start(), at(1), at(2, level="ERROR"), start(9), at(10)], 1: [at(1, "x", 1)]}
    )
    (one,) = ranklog.ranks(tmp_path, level="ERROR")
    assert (0, 1, {"ERROR": 1}, TIME.second + 2) == (
        one.rank,
        one.attempt,
        one.records,
        one.first.second,
    )
    assert [(0, 2)] == [(one.rank, one.attempt) for one in ranklog.ranks(tmp_path, attempt=2)]
    assert [1] == [one.rank for one in ranklog.ranks(tmp_path, rank=1)]


def test_an_empty_run_has_no_ranks(tmp_path):
    write(tmp_path, {0: []})
    answer = ask("ranks", tmp_path)
    assert (0, ["no records"]) == (answer.code, answer.lines)
