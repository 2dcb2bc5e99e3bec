"""Every record in time order, as it was logged, as text, or as JSON."""

import json

from views.runs import ask, at, error, start, stop, write

import ranklog
from ranklog.line_format import JsonLayout, TextLayout, encode

STACKS = b'Current thread 0x00007f00 (most recent call first):\n  File "a.py", line 1 in f\n'


def mixed_run(path):
    """Rank 0 in text, rank 1 in JSON, both with stacks."""
    write(path, {0: [start(), at(1, "a"), error(3, "c\nd", 0, "KeyError: 'x'"), STACKS]})
    return write(path, {1: [at(2, "b", 1), at(4, "e", 1, pid=7), STACKS, stop(5, 1)]}, ".jsonl")


def test_raw_gives_the_bytes_of_both_formats(tmp_path):
    mixed_run(tmp_path)
    text, json_lines = TextLayout(), JsonLayout()
    expected = [
        encode(start(), text),
        encode(at(1, "a"), text),
        encode(at(2, "b", 1), json_lines),
        encode(error(3, "c\nd", 0, "KeyError: 'x'"), text) + STACKS,
        encode(at(4, "e", 1, pid=7), json_lines) + STACKS,
        encode(stop(5, 1), json_lines),
    ]
    assert b"".join(expected) == ask("merge", tmp_path, "--raw").out
    assert expected == list(ranklog.merge(tmp_path))


def test_a_person_gets_text_whatever_the_format(tmp_path):
    answer = ask("merge", mixed_run(tmp_path))
    assert (0, "") == (answer.code, answer.err)
    text = TextLayout()
    assert (
        b"".join(
            [
                encode(start(), text),
                encode(at(1, "a"), text),
                encode(at(2, "b", 1), text),
                encode(error(3, "c\nd", 0, "KeyError: 'x'"), text) + STACKS,
                encode(at(4, "e", 1), text) + STACKS,
                encode(stop(5, 1), text),
            ]
        )
        == answer.out
    )


def test_json_gives_one_object_a_record_with_the_pid_of_its_banner(tmp_path):
    answer = ask("merge", mixed_run(tmp_path), "--json")
    found = [json.loads(line) for line in answer.text.splitlines()]
    assert [(0, 100), (0, 100), (1, None), (0, 100), (1, 7), (1, None)] == [
        (one["rank"], one["pid"]) for one in found
    ]
    assert [None, None, None, STACKS.decode().rstrip(), STACKS.decode().rstrip(), None] == [
        one["raw"] for one in found
    ]


def test_filters_choose_from_both_formats(tmp_path):
    mixed_run(tmp_path)

    def messages(*filters):
        out = ask("merge", tmp_path, "--json", *filters).text
        return [json.loads(line)["message"].partition("\n")[0] for line in out.splitlines()]

    assert ["c"] == messages("--level", "warning")
    assert ["b", "e", "rank 1 of 4 ended: exit"] == messages("--rank", "1")
    assert ["a", "b", "c", "e"] == messages("--logger", "train")
    assert ["c"] == messages("--grep", "Key.rror")
    assert ["c", "e", "rank 1 of 4 ended: exit"] == messages("--since", "2s")
    assert ["rank 0 of 4 started", "a"] == messages("--until", "2024-10-05 23:50:01.5")
    assert ["a", "b"] == messages("--since", "4s", "--until", "3s", "--logger", "train.loop")


def test_two_processes_that_share_a_file_of_tiny_pieces_come_in_order(tmp_path):
    """What the one has written just before the other rotated stands pieces away."""
    # One of both is always 20 records behind; each piece has four.
    times = [number if number % 2 else max(number - 40, 0) for number in range(200)]
    logs = tmp_path / "logs"
    logs.mkdir()
    for number in range(0, 200, 4):
        lines = [encode(at(time, f"{time}"), TextLayout()) for time in times[number : number + 4]]
        piece = "" if number == 196 else f".20261006T0000{number // 4:02d}.000000Z"
        (logs / f"script{piece}.log").write_bytes(b"".join(lines))
    answer = ask("merge", tmp_path)
    assert (0, "") == (answer.code, answer.err)
    stamps = [line[:26] for line in answer.out.splitlines()]
    assert (200, sorted(stamps)) == (len(stamps), stamps)


def test_a_link_to_itself_is_named_and_stops_nothing(tmp_path):
    write(tmp_path, {0: [start(), at(1, "a")]})
    loop = tmp_path / "logs" / "script_1.log"
    loop.symlink_to(loop)
    for view in ("merge", "ranks", "first-error", "silent", "group", "timeline"):
        answer = ask(view, tmp_path)
        assert (1, True, False) == (answer.code, str(loop) in answer.err, b"" == answer.out), view
