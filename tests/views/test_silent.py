"""Which ranks stopped, hang or never wrote, told from the ends of their files."""

import gzip
import json
import os
from datetime import timedelta

import pytest
from views.runs import TIME, ask, at, objects, start, stop, uncaught, write

import ranklog
from ranklog.line_format import TextLayout, encode
from ranklog.run import Run
from ranklog.views.silent import RankState, _answer

STACKS = b'Current thread 0x00007f00 (most recent call first):\n  File "a.py", line 1 in f\n'
SEGFAULT = b"Fatal Python error: Segmentation fault\n\n" + STACKS


def states(path, seconds, **filters):
    """Statuses by rank, as seen so many seconds after the start of the run."""
    from ranklog.selection import make_selection

    answer = _answer(Run(path, make_selection(filters)), TIME + timedelta(seconds=seconds))
    return {one.rank: one.status for one in answer.ranks}


def steps(rank, until, every=1):
    return [start(rank=rank), *(at(second, "step", rank) for second in range(0, until, every))]


STATUSES = {
    "finished": [start(rank=1), stop(9, 1)],
    "finished, after a shutdown": [start(rank=1), stop(9, 1, "shutdown")],
    "failed": [start(rank=1), uncaught(8, "KeyError: 'x'", 1), stop(9, 1, "exception")],
    "crashed": [start(rank=1), at(9, "step", 1), SEGFAULT],
    "ended": [start(rank=1), at(9, "step", 1), STACKS],
    "running": [start(rank=1), at(99, "step", 1)],
    "silent": [start(rank=1), at(1, "step", 1), at(9, "step", 1)],
    "running, after an end": [start(rank=1), stop(9, 1), start(98, 1), at(99, "step", 1)],
    "finished, and a worker is late": [start(rank=1), stop(9, 1), at(9.1, "late", 1, pid=7)],
    "absent": [start(rank=1), at(30, "step", 1)],
}


@pytest.mark.parametrize("suffix", [".log", ".jsonl"])
@pytest.mark.parametrize(("status", "files"), STATUSES.items(), ids=STATUSES)
def test_each_rank_has_a_status(tmp_path, status, files, suffix):
    others = [start(), *([start(60)] if status == "absent" else []), at(98, "step"), at(99, "step")]
    write(tmp_path, {0: others, 1: files}, suffix)
    expected = {0: "running", 1: status.partition(",")[0], 2: "never wrote", 3: "never wrote"}
    assert expected == states(tmp_path, 100)


def test_silence_is_measured_against_the_cadence_of_each_rank(tmp_path):
    write(
        tmp_path,
        {
            0: steps(0, 1000),
            1: steps(1, 994),  # once a second, and now none for 6 s
            2: steps(2, 990, every=100),  # behind by 99 s, as ever
            3: steps(3, 997),  # not patient enough yet: 3 s are no 5
        },
    )
    assert {0: "running", 1: "silent", 2: "running", 3: "running"} == states(tmp_path, 1000)
    # All stopped at once: only the clock tells, after a minute, or three times the cadence.
    assert "running" == states(tmp_path, 1050)[0]
    assert "silent" == states(tmp_path, 1070)[0]
    assert "running" == states(tmp_path, 1290)[2]
    assert "silent" == states(tmp_path, 1310)[2]


@pytest.mark.parametrize("suffix", [".log", ".jsonl"])
def test_the_cadence_of_a_rank_is_known_right_after_a_rotation(tmp_path, suffix):
    slow = steps(2, 1000, every=100)
    write(tmp_path, {0: steps(0, 1000), 2: slow[:-1]}, suffix)
    live = tmp_path / "logs" / f"script_2{suffix}"
    live.rename(live.with_suffix(f".20261006T000000.000000Z{suffix}"))
    write(tmp_path, {2: slow[-1:]}, suffix)
    assert {0: "running", 2: "running"} == states(tmp_path, 1000, rank="0,2")


@pytest.mark.parametrize("suffix", [".log", ".jsonl"])
def test_stacks_that_a_rank_leaves_right_after_a_rotation_are_its_own(tmp_path, suffix):
    write(tmp_path, {0: [start(), at(99)], 1: [start(rank=1), at(9, "step", 1)]}, suffix)
    live = tmp_path / "logs" / f"script_1{suffix}"
    live.rename(live.with_suffix(f".20261006T000000.000000Z{suffix}"))
    live.write_bytes(SEGFAULT)
    assert "crashed" == states(tmp_path, 100)[1]


def test_where_a_rank_has_failed_the_others_are_not_given_a_minute(tmp_path):
    """One was killed, the others were ended for it; or one failed, and the others hang."""
    write(tmp_path, {0: [start(), at(9), STACKS], 1: [start(rank=1), at(9, "x", 1)]})
    assert {0: "ended", 1: "running"} == states(tmp_path, 14, rank="0,1")
    assert {0: "ended", 1: "silent"} == states(tmp_path, 37, rank="0,1")
    write(tmp_path, {0: [start(), at(9), stop(9)]})
    assert {0: "finished", 1: "running"} == states(tmp_path, 37, rank="0,1")


def test_the_answer_tells_how_far_each_rank_is_behind(tmp_path):
    write(tmp_path, {0: [start(0, world_size=3), at(2), at(8)], 1: [start(1, 1, 3), at(3, "x", 1)]})
    answer = _answer(Run(tmp_path), TIME + timedelta(seconds=12))
    assert RankState(2, "never wrote") == answer.ranks[2]
    assert [(0, "running", 0.0, 6.0, "node0", 100), (1, "running", 5.0, 2.0, "node1", 101)] == [
        (one.rank, one.status, one.behind_seconds, one.cadence_seconds, one.host, one.pid)
        for one in answer.ranks[:2]
    ]
    assert (3, TIME + timedelta(seconds=8), 4.0) == (
        answer.world_size,
        answer.newest,
        answer.age_seconds,
    )


def test_a_job_that_came_back_smaller_misses_nobody(tmp_path):
    again = {rank: [start(0, rank), start(50, rank, 2), at(60, "step", rank)] for rank in (0, 1)}
    write(tmp_path, again | {rank: [start(0, rank), at(9, "step", rank)] for rank in (2, 3)})
    assert {0: "running", 1: "running"} == states(tmp_path, 61)


def test_an_earlier_attempt_can_be_asked_for(tmp_path):
    again = [start(50, 0), at(60), stop(61)]
    write(tmp_path, {0: [start(world_size=1), at(1), SEGFAULT, *again]})
    assert {0: "finished", 1: "never wrote", 2: "never wrote", 3: "never wrote"} == states(
        tmp_path, 99
    )
    assert "crashed" == states(tmp_path, 99, attempt=1)[0]
    assert "finished" == states(tmp_path, 99, attempt="last")[0]


def test_ranks_can_be_chosen_also_those_that_never_wrote(tmp_path):
    write(tmp_path, {0: [start(), stop(1)]})
    assert [0, 3] == list(states(tmp_path, 2, rank="0,-1"))
    assert [1] == list(states(tmp_path, 2, rank=1))


def test_a_run_without_banners_knows_the_ranks_that_have_files(tmp_path):
    write(tmp_path, {0: [at(1)], 2: [at(2, "x", 2)]})
    assert {0: "running", 1: "never wrote", 2: "running"} == states(tmp_path, 3)


def test_only_heads_and_tails_are_read(tmp_path):
    ten_gigabytes = 10 << 30
    logs = write(tmp_path, {0: [start(world_size=1), at(1)]}) / "logs"
    with open(logs / "script.log", "r+b") as file:
        file.seek(ten_gigabytes)  # a hole: what is between is never read
        file.write(b"\n" + encode(at(8, "the last"), TextLayout()))
    answer = _answer(Run(tmp_path), TIME + timedelta(seconds=9))
    assert ("the last", "running", 100) == (
        answer.ranks[0].last.message,
        answer.ranks[0].status,
        answer.ranks[0].pid,
    )


def test_what_is_asked_of_the_command_is_answered_as_fast(tmp_path):
    logs = write(tmp_path, {0: [start(world_size=1), at(1)]}) / "logs"
    with open(logs / "script.log", "r+b") as file:
        file.seek(10 << 30)
        file.write(b"\n" + encode(stop(8), TextLayout()))
    answer = ask("silent", tmp_path)
    assert (0, "1 finished: 0") == (answer.code, answer.lines[-2])


def test_a_person_sees_a_table_and_below_it_who_is_in_which_state(tmp_path):
    write(
        tmp_path,
        {
            0: [start(world_size=6), at(8), stop(9)],
            1: [start(rank=1), uncaught(8, "KeyError: 'x'", 1), stop(9, 1, "exception")],
            2: [start(rank=2), at(3, "two\nlines", 2), STACKS],
            3: [start(rank=3), at(4, "a\x1b[31m\tb", 3)],
            5: [start(rank=5), at(9, "x", 5), SEGFAULT],
        },
    )
    answer = ask("silent", tmp_path)
    assert 1 == answer.code
    assert [
        "rank  status       last record (UTC)  behind  cadence  host   pid  it said",
        "   0  finished     23:50:09.123       0.000s   8.000s  node0  100  rank 0 of 4 ended: exit",
        "   1  failed       23:50:09.123       0.000s   8.000s  node1  101  rank 1 of 4 ended: exception",
        "   2  ended        23:50:03.123       6.000s   3.000s  node2  102  two…",
        r"   3  silent       23:50:04.123       5.000s   4.000s  node3  103  a\x1b[31m b",
        "   4  never wrote  -                       -        -  -        -",
        "   5  crashed      23:50:09.123       0.000s   9.000s  node5  105  x",
        "",
        "1 finished: 0",
        "1 ended (by a signal): 2",
        "1 failed (an exception nobody caught): 1",
        "1 crashed: 5",
        "1 silent (died or hangs): 3",
        "1 never wrote (no file here): 4",
    ] == answer.lines[:-1]
    assert answer.lines[-1].startswith("newest record of the run: 2024-10-05 23:50:09.123 UTC, ")


def test_of_many_ranks_only_those_are_shown_that_are_not_fine(tmp_path):
    files = {rank: [start(rank=rank, world_size=101), stop(9, rank)] for rank in range(99)}
    write(tmp_path, files | {99: [start(rank=99), at(1, "x", 99), STACKS]})
    lines = ask("silent", tmp_path).lines
    assert ["99", "100"] == [line.split()[0] for line in lines[1:3]]
    assert [
        "and 99 more ranks (--json has all)",
        "",
        "99 finished: 0-98",
        "1 ended (by a signal): 99",
        "1 never wrote (no file here): 100",
    ] == lines[3:-1]
    assert 101 == len(objects(ask("silent", tmp_path, "--json")))


def test_json_has_every_key_and_raw_the_last_record(tmp_path):
    write(tmp_path, {0: [start(world_size=2), at(8, "last"), STACKS]})
    answer = ask("silent", tmp_path, "--json")
    first, second = objects(answer)
    assert list(first) == list(second) == list(RankState._fields)
    assert ("last", STACKS.decode().rstrip()) == (first["last"]["message"], first["last"]["raw"])
    assert (1, "never wrote", None) == (second["rank"], second["status"], second["last"])
    assert encode(at(8, "last"), TextLayout()) + STACKS == ask("silent", tmp_path, "--raw").out


def test_a_compressed_end_and_one_that_cannot_be_read_are_no_obstacle(tmp_path):
    logs = (
        write(tmp_path, {0: [start(world_size=2), at(1)], 1: [start(rank=1), stop(9, 1)]}) / "logs"
    )
    data = (logs / "script_1.log").read_bytes()
    (logs / "script_1.20261006T000000.000000Z.log.gz").write_bytes(gzip.compress(data))
    (logs / "script_1.log").write_bytes(b"")
    assert "finished" == states(tmp_path, 10)[1]


def test_all_is_fine_only_where_every_rank_is(tmp_path):
    write(tmp_path, {rank: [start(rank=rank), stop(9, rank)] for rank in range(4)})
    assert 0 == ask("silent", tmp_path).code
    assert {one.status for one in ranklog.silent(tmp_path).ranks} == {"finished"}
    os.remove(tmp_path / "logs" / "script_3.log")
    assert 1 == ask("silent", tmp_path).code
    assert json.loads(ask("silent", tmp_path, "--json", "--rank", "-1").out)["rank"] == 3
