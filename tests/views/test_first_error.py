"""Which rank failed first, and why: files as they are left by what happens to jobs."""

import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest
from views.runs import ask, at, error, objects, start, stop, uncaught, write

import ranklog
from ranklog.stacks import fatal_error, is_watchdogs, was_at

PEER_GONE = "RuntimeError: [../third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [10.0.0.1]:1"
TIMEOUT = "[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=73)"
OOM = "torch.OutOfMemoryError: CUDA out of memory."
STACKS = b"""Current thread 0x00007f00 (most recent call first):
  File "train.py", line 214 in all_reduce
  File "train.py", line 61 in run_step
"""
ELSEWHERE = b"""Thread 0x00007f01 (most recent call first):
  File "threading.py", line 1 in wait

Current thread 0x00007f00 (most recent call first):
  File "data.py", line 7 in read_shard
"""
SEGFAULT = b"Fatal Python error: Segmentation fault\n\n" + STACKS
ABORTED = b"Fatal Python error: Aborted\n\n" + STACKS
WATCHDOG = ABORTED.replace(b"Current thread", b"Thread")


def failed(rank, seconds, what, *before):
    return [
        start(rank=rank),
        *before,
        uncaught(seconds, what, rank),
        stop(seconds, rank, "exception"),
    ]


def ended(rank, seconds, *more, stacks=STACKS):
    return [start(rank=rank), at(seconds, "step", rank), *more, stacks]


def fine(rank, seconds, *before):
    return [start(rank=rank), *before, stop(seconds, rank)]


RETRY = [error(0.1, "retrying download", rank) for rank in range(4)]
# Files of each rank; the rank that is first, its kind, its echo, and the reason.
CASES = {
    "nothing": ({rank: fine(rank, 9) for rank in range(4)}, None),
    "an exception, and echoes that are earlier by their clock": (
        {
            0: failed(0, 5.2, PEER_GONE),
            1: ended(1, 4, error(5.3, TIMEOUT, 1)),
            2: failed(2, 5.25, OOM),
            3: ended(3, 5),
        },
        (2, "cause", None, f"uncaught {OOM}"),
    ),
    "errors that all have survived, before it": (
        {
            0: failed(0, 5, PEER_GONE, RETRY[0]),
            1: ended(1, 4, RETRY[1]),
            2: failed(2, 4.9, OOM, RETRY[2]),
            3: ended(3, 3.9, RETRY[3], at(4, "step", 3)),
        },
        (2, "cause", None, f"uncaught {OOM}"),
    ),
    "a rank killed without a word": (
        {
            0: failed(0, 9, PEER_GONE, RETRY[0]),
            1: ended(1, 4, RETRY[1]),
            2: [start(rank=2), RETRY[2], at(4, "step 7", 2)],
            3: ended(3, 4, RETRY[3]),
        },
        (2, "no word", None, "step 7"),
    ),
    "a rank that told, and was gone at once": (
        {
            0: failed(0, 9, PEER_GONE),
            1: ended(1, 4),
            2: [start(rank=2), at(4, "step 7", 2), error(4.1, "disk full, giving up", 2)],
            3: [start(rank=3), at(4, "step 7", 3)],
        },
        (2, "cause", None, "disk full, giving up"),
    ),
    "a rank that told, and left by sys.exit": (
        {
            0: failed(0, 5, PEER_GONE),
            1: ended(1, 4),
            2: fine(2, 4.2, error(4.1, "training failed", 2, "KeyError: 'x'")),
            3: [start(rank=3), at(4, "step 7", 3)],
        },
        (2, "cause", None, "training failed | KeyError: 'x'"),
    ),
    "a rank that told, and hung at its end": (
        {
            0: failed(0, 50, PEER_GONE),
            1: ended(1, 4, error(50, TIMEOUT, 1)),
            2: ended(2, 4, error(4.1, "training failed", 2, "KeyError: 'x'")),
            3: ended(3, 4),
        },
        (2, "logged", None, "training failed | KeyError: 'x'"),
    ),
    "a segmentation fault": (
        {
            0: failed(0, 9, PEER_GONE),
            1: ended(1, 4),
            2: ended(2, 4, stacks=SEGFAULT),
            3: ended(3, 3),
        },
        (
            2,
            "cause",
            None,
            'Fatal Python error: Segmentation fault, was at File "train.py", line 214 in all_reduce',
        ),
    ),
    "aborted by watchdogs, because a rank was killed": (
        {
            0: ended(0, 3, stacks=WATCHDOG),
            1: ended(1, 3, stacks=WATCHDOG),
            2: [start(rank=2), at(4, "step 7", 2)],
            3: ended(3, 3, stacks=WATCHDOG),
        },
        (2, "no word", None, "step 7"),
    ),
    "aborted by its own thread": (
        {0: ended(0, 3), 1: ended(1, 3), 2: ended(2, 4, stacks=ABORTED), 3: ended(3, 3)},
        (
            2,
            "cause",
            None,
            'Fatal Python error: Aborted, was at File "train.py", line 214 in all_reduce',
        ),
    ),
    "an exception while another is handled": (
        {
            0: failed(0, 5, PEER_GONE),
            1: ended(1, 4),
            2: [
                start(rank=2),
                error(4.9, "step failed", 2, "KeyError: 'x'"),
                uncaught(5, PEER_GONE, 2),
                stop(5, 2, "exception"),
            ],
            3: ended(3, 4),
        },
        (2, "logged", None, "step failed | KeyError: 'x'"),
    ),
    "echoes alone": (
        {
            0: failed(0, 9, PEER_GONE),
            1: ended(1, 4, error(8, TIMEOUT, 1)),
            2: ended(2, 3),
            3: ended(3, 4),
        },
        (2, "echo", "ended by a signal", 'was at File "train.py", line 214 in all_reduce'),
    ),
    "errors of a job that ended well": (
        {rank: fine(rank, 9, RETRY[rank], at(1, "step", rank)) for rank in range(4)},
        (0, "logged", None, "retrying download"),
    ),
    "an error just before a good end": (
        {0: fine(0, 9, error(8, "2 samples skipped")), **{n: fine(n, 9) for n in (1, 2, 3)}},
        (0, "logged", None, "2 samples skipped"),
    ),
    "a rank that did not come back": (
        {
            **{n: [start(rank=n), start(60, n), *fine(n, 99)[1:]] for n in (0, 1, 2)},
            3: [start(rank=3), at(4, "step 7", 3)],
        },
        (3, "no word", None, "step 7"),
    ),
    "a job that came back smaller": (
        {
            **{n: [start(rank=n), start(60, n, 3), *fine(n, 99)[1:]] for n in (0, 1, 2)},
            3: [start(rank=3), at(4, "step 7", 3)],
        },
        None,
    ),
    "a failure before a restart": (
        {n: [*failed(n, 5, OOM), start(60, n), *fine(n, 99)[1:]] for n in range(4)},
        None,
    ),
    "a failure after a restart": (
        {
            n: [*failed(n, 5, OOM), start(60, n), *failed(n, 99 - n, "ValueError: n")[1:]]
            for n in range(4)
        },
        (3, "cause", None, "uncaught ValueError: n"),
    ),
    "ranks that somebody has interrupted": (
        {
            rank: [
                start(rank=rank),
                at(5 - rank, "interrupted by KeyboardInterrupt", rank, level="WARNING"),
                stop(6, rank, "exception"),
            ]
            for rank in range(4)
        },
        (3, "echo", "interrupted", "interrupted by KeyboardInterrupt"),
    ),
    "an exception, and ranks that somebody has interrupted for it": (
        {
            0: [
                start(),
                at(3, "interrupted by KeyboardInterrupt", level="WARNING"),
                stop(3, 0, "exception"),
            ],
            1: failed(1, 2, OOM),
        },
        (1, "cause", None, f"uncaught {OOM}"),
    ),
    "a rank with the echo as its last word": (
        {
            0: [start(), at(4), error(9, TIMEOUT)],
            1: [start(rank=1), at(4, "step 7", 1)],
        },
        (1, "no word", None, "step 7"),
    ),
    "echoes of ranks that were gone at once": (
        {0: [start(), error(9, TIMEOUT)], 1: [start(rank=1), error(8, TIMEOUT, 1)]},
        (1, "echo", "collective timed out", TIMEOUT),
    ),
    "an exception whose record is lost": (
        {0: [start(), at(4, "step 7"), stop(5, 0, "exception")]},
        (0, "no word", None, "rank 0 of 4 ended: exception"),
    ),
    "disorder in a file": (
        {0: fine(0, 9, error(5, "later"), error(4, "earlier"), at(6))},
        (0, "logged", None, "earlier"),
    ),
    "levels of the program's own": (
        {
            0: fine(0, 9, at(1, "worse", level="WORSE", extra={"levelno": 45})),
            **{
                n: fine(n, 9, at(1, "bad", n, level="BAD", extra={"levelno": 35}))
                for n in (1, 2, 3)
            },
        },
        (0, "logged", None, "worse"),
    ),
}


@pytest.mark.parametrize("suffix", [".log", ".jsonl"])
@pytest.mark.parametrize(("files", "expected"), CASES.values(), ids=CASES)
def test_the_rank_that_failed_first_is_named_with_its_reason(tmp_path, files, expected, suffix):
    write(tmp_path, files, suffix)
    first = ranklog.first_error(tmp_path).first
    answer = ask("first-error", tmp_path)
    assert "" == answer.err
    if expected is None:
        assert first is None
        assert (0, ["no errors, and every rank is running or has finished"]) == (
            answer.code,
            answer.lines,
        )
        return
    assert first is not None
    assert (expected[:3], 1) == ((first.rank, first.kind, first.echo), answer.code)
    assert f"rank {first.rank} " in f"{answer.lines[0]} ".replace(",", " ")
    assert expected[3] == answer.lines[1].partition(": ")[2]


def test_a_rank_killed_a_moment_ago_is_not_below_those_that_were_ended_for_it(
    tmp_path, monkeypatch
):
    now = datetime.now(timezone.utc) - timedelta(seconds=5)
    monkeypatch.setattr("views.runs.TIME", now)
    write(
        tmp_path,
        {
            0: ended(0, 2.4),
            1: ended(1, 2.5),
            2: [start(rank=2), at(2, "step 20", 2)],
            3: ended(3, 2.4),
        },
    )
    answer = ask("first-error", tmp_path)
    assert answer.lines[0].startswith("rank 2 died or hangs without a word, last record ")
    assert "last said: step 20" == answer.lines[1]
    write(tmp_path, {1: [start(rank=1), at(2.6, "step 26", 1)]})  # the job works on
    assert [0, 3] == [one.rank for one in ranklog.first_error(tmp_path).ranks]


def test_the_answer_tells_all_ranks_and_how_much_later_they_failed(tmp_path):
    write(tmp_path, CASES["an exception, and echoes that are earlier by their clock"][0])
    failure = ranklog.first_error(tmp_path)
    assert [
        (3, "echo", -0.25, "ended"),
        (0, "echo", -0.05, "failed"),
        (2, "cause", 0.0, "failed"),
        (1, "echo", 0.05, "ended"),
    ] == [(one.rank, one.kind, one.lag_seconds, one.status) for one in failure.ranks]
    assert failure.first is failure.ranks[2]
    assert ("node2", 102) == (failure.first.host, failure.first.pid)
    assert [] == failure.never_wrote


def test_a_person_reads_rank_and_reason_first_and_then_the_traceback_and_the_others(tmp_path):
    write(tmp_path, CASES["an exception, and echoes that are earlier by their clock"][0])
    assert [
        "rank 2 failed first, 2024-10-05 23:50:05.373 UTC on node2, pid 102",
        "because of: uncaught torch.OutOfMemoryError: CUDA out of memory.",
        "",
        "2024-10-05 23:50:05.373456+00:00 | CRITICAL | r0002 | train.loop:run_step:214"
        " - uncaught torch.OutOfMemoryError: CUDA out of memory.",
        "    ! Traceback (most recent call last):",
        '    !   File "a.py", line 1, in f',
        "    ! torch.OutOfMemoryError: CUDA out of memory.",
        "",
        "rank  time (UTC)      after  status  kind                        reason",
        "   2  23:50:05.373   0.000s  failed  cause                       uncaught torch.OutOfMemoryError: CUDA out of memory.",
        '   3  23:50:05.123  -0.250s  ended   echo: ended by a signal     was at File "train.py", line 214 in all_reduce',
        "   0  23:50:05.323  -0.050s  failed  echo: peer gone             uncaught RuntimeError: [../third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [10.0.0.1]:1",
        "   1  23:50:05.423   0.050s  ended   echo: collective timed out  [Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=73)",
    ] == ask("first-error", tmp_path).lines


def test_where_all_were_is_told_of_a_job_that_hung(tmp_path):
    write(
        tmp_path,
        {rank: ended(rank, 4, stacks=ELSEWHERE if rank == 2 else STACKS) for rank in range(4)},
    )
    lines = ask("first-error", tmp_path).lines
    assert [
        "where they were when they were ended:",
        '  rank 2: File "data.py", line 7 in read_shard',
        '  ranks 0-1,3: File "train.py", line 214 in all_reduce',
    ] == lines[-3:]


def test_a_rank_that_never_wrote_is_told_before_the_echoes(tmp_path):
    write(tmp_path, {rank: failed(rank, 5, PEER_GONE) for rank in (0, 1, 3)})
    answer = ask("first-error", tmp_path)
    assert "1 rank never wrote (no file here): 2" == answer.lines[2]
    write(tmp_path, {rank: fine(rank, 5) for rank in (0, 1, 3)})
    answer = ask("first-error", tmp_path)
    assert (1, ["1 rank never wrote (no file here): 2"]) == (answer.code, answer.lines)


def test_of_many_ranks_the_first_are_shown_and_the_others_named(tmp_path):
    write(tmp_path, {rank: failed(rank, 100 - rank, OOM) for rank in range(70)})
    answer = ask("first-error", tmp_path)
    lines = answer.lines[answer.lines.index("", 3) + 1 :]
    assert 1 + 64 + 1 == len(lines)
    assert ["69", "68"] == [line.split()[0] for line in lines[1:3]]
    assert "and 6 more: 0-5 (--json has all)" == lines[-1]
    assert 70 == len(objects(ask("first-error", tmp_path, "--json")))


def test_ranks_that_never_wrote_have_an_object_as_well(tmp_path):
    write(tmp_path, {rank: failed(rank, 5, OOM) for rank in (0, 1, 3)})
    *_, last = objects(ask("first-error", tmp_path, "--json"))
    first = objects(ask("first-error", tmp_path, "--json"))[0]
    assert (2, "never wrote", "never wrote", False, None) == (
        last["rank"], last["kind"], last["status"], last["is_first"], last["time"],
    )  # fmt: skip
    assert list(first) == list(last)


def test_a_file_of_any_other_name_tells_whose_it_is(tmp_path):
    write(tmp_path, {2: failed(2, 5, OOM)})
    path = (tmp_path / "logs" / "script_2.log").rename(tmp_path / "copied.txt")
    first = ranklog.first_error(path).first
    assert (2, "cause", "node2") == (first.rank, first.kind, first.host)
    assert [2] == [one.rank for one in ranklog.ranks(path)]
    assert [2] == [row.rank for row in ranklog.timeline(path).rows]
    assert "failed" == ranklog.silent(path).ranks[2].status


def test_stacks_are_shown_once(tmp_path):
    write(
        tmp_path,
        {0: ended(0, 4, error(5, "bad")), 1: ended(1, 4, error(4.5, "worse", 1), at(6, "x", 1))},
    )
    for rank in ("0", "1"):
        assert 1 == ask("first-error", tmp_path, "--rank", rank).text.count("line 61 in run_step")


@pytest.mark.parametrize(
    ("filters", "is_said"),
    [
        ((), False),
        (("--rank", "0", "--level", "ERROR", "--attempt", "1"), False),
        (("--level", "CRITICAL"), True),
        (("--logger", "data"), True),
        (("--grep", "data"), True),
        (("--since", "1s"), True),
        (("--until", "1s"), True),
    ],
)
def test_a_reason_that_was_not_asked_for_is_not_said_to_be_missing(tmp_path, filters, is_said):
    write(tmp_path, {0: [start(), at(1), stop(9, how="exception")]})
    answer = ask("first-error", tmp_path, *filters)
    assert answer.lines[0].startswith("rank 0 failed without a word of why")
    assert is_said is ("without the filters, others may say why" in answer.text)


def test_the_words_of_the_first_line_say_what_is_known(tmp_path):
    heads = {
        "a rank killed without a word": "rank 2 died or hangs without a word, last record 2024",
        "a rank that did not come back": "rank 3 did not come back, last record 2024",
        "an exception whose record is lost": "rank 0 failed without a word of why, last record 2024",
        "a rank that told, and hung at its end": (
            "no rank tells why it failed; the earliest error is of rank 2, 2024"
        ),
        "echoes alone": "only echoes of a failure were found, the earliest on rank 2, 2024",
        "errors of a job that ended well": (
            "no rank died, but errors were logged, the earliest by rank 0, 2024"
        ),
    }
    for case in heads:
        write(tmp_path / case, CASES[case][0])
    assert heads == {
        case: ask("first-error", tmp_path / case).lines[0].partition("-10-05 ")[0] for case in heads
    }


def test_json_gives_an_object_for_each_rank_and_raw_the_record_that_speaks_for_it(tmp_path):
    files = CASES["a segmentation fault"][0]
    write(tmp_path, files)
    found = objects(ask("first-error", tmp_path, "--json"))
    assert [(3, False), (1, False), (2, True), (0, False)] == [
        (one["rank"], one["is_first"]) for one in found
    ]
    keys = ["rank", "kind", "time", "lag_seconds", "status", "echo", "first", "error", "last", "host", "pid", "is_first"]  # fmt: skip
    assert all(keys == list(one) for one in found)
    raw = ask("first-error", tmp_path, "--raw").out
    assert raw.count(SEGFAULT) == 1
    assert raw.count(b"uncaught RuntimeError") == 1


def test_filters_say_what_counts_as_an_error(tmp_path):
    write(
        tmp_path, {0: fine(0, 9, at(1, "odd", level="WARNING")), 1: fine(1, 9, error(2, "bad", 1))}
    )
    assert 1 == ranklog.first_error(tmp_path).first.rank
    assert 0 == ranklog.first_error(tmp_path, level="WARNING").first.rank
    assert 1 == ranklog.first_error(tmp_path, level="WARNING", grep="bad").first.rank
    assert ranklog.first_error(tmp_path, level="CRITICAL").first is None
    assert ranklog.first_error(tmp_path, rank=0).first is None
    assert [2, 3] == ranklog.first_error(tmp_path).never_wrote
    assert [] == ranklog.first_error(tmp_path, rank=0).never_wrote


def test_the_errors_of_files_that_a_rank_left_for_others_count(tmp_path):
    write(tmp_path, {0: [start(), error(1, "bad"), stop(2, how="reconfigured")]})
    write(tmp_path, {0: [start(2), stop(9)]}, ".jsonl")
    first = ranklog.first_error(tmp_path, attempt="all").first
    assert ("logged", "bad") == (first.kind, first.error.message)


ABORT = """
import ctypes, faulthandler
faulthandler.enable()
c = ctypes.PyDLL(None) if {by_itself} else ctypes.CDLL(None)
if {by_itself}:
    c.abort()
thread = ctypes.c_ulong()
c.pthread_create(ctypes.byref(thread), None, ctypes.cast(c.abort, ctypes.c_void_p), None)
c.pthread_join(thread, None)
"""


@pytest.mark.parametrize("by_itself", [True, False])
def test_a_thread_of_c_that_aborts_is_told_by_the_stacks_it_leaves(by_itself):
    done = subprocess.run(
        [sys.executable, "-c", ABORT.format(by_itself=by_itself)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Fatal Python error: Aborted" == fatal_error(done.stderr)
    assert (not by_itself) == is_watchdogs(done.stderr)
    assert was_at(done.stderr).startswith('File "<string>", line ')


def test_echoes_that_tell_the_same_share_a_row(tmp_path):
    """So that of a large job the first line is still on the screen."""
    ranks = {rank: ended(rank, 5 + rank / 100) for rank in range(64)}
    ranks[7] = [start(rank=7, world_size=64), uncaught(4, "ValueError: bad batch", 7)]
    ranks[9] = ended(9, 6, stacks=STACKS.replace(b"line 214", b"line 99"))
    lines = ask("first-error", write(tmp_path, ranks)).lines
    table = lines[[line.split()[:2] == ["rank", "time"] for line in lines].index(True) :]
    firsts = [line.split()[0] for line in table]
    assert ["rank", "7", "0-6,8,10-63", "9"] == firsts
    assert "1.000s" in table[2]
