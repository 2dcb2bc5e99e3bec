"""What was said by which ranks, counted as somebody would count it who has the time."""

import string
from collections import Counter, defaultdict
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from views.runs import TIME, ask, at, error, objects, start, uncaught, write

import ranklog
from ranklog import messages
from ranklog.line_format import TextLayout, encode
from ranklog.masking import mask
from ranklog.messages import MOST_EXACT, MessageCounter


def said_by(records):
    """Counts by text and level, then by rank: one record after the other."""
    counts = defaultdict(Counter)
    for one in records:
        last = (one.exception or "").rpartition("\n")[2]
        text = one.message if one.message.endswith(last) else f"{one.message} | {last}"
        text = text.encode("utf-8", "backslashreplace").decode()  # what can be printed
        counts[text, one.level][one.rank or 0] += 1
    return counts


def by_mask(counts):
    families = defaultdict(Counter)
    for (text, level), ranks in counts.items():
        families[mask(text), level] += ranks
    return families


WORDS = st.sampled_from(
    (
        "step",
        "loss is",
        "a\nb",
        "x\0y",
        "\x1b[1m",
        "saved /data/run/a.bin",
        "日本",
        "at 0x7ffe12",
        "",
    )
)
NUMBERS = st.integers(0, 30).map(str) | st.just("") | st.floats(0, 1).map(lambda n: f"{n:.2f}")
TEXTS = st.builds(" ".join, st.lists(WORDS | NUMBERS, max_size=3)) | st.text(
    string.ascii_lowercase + "\n\0é\ud800", max_size=5
)
RECORDS = st.lists(
    st.builds(
        at,
        st.integers(0, 5),
        TEXTS,
        st.integers(0, 3),
        level=st.sampled_from(("INFO", "INFO", "ERROR")),
        exception=st.none() | st.none() | st.sampled_from(("T\nKeyError: 1", "T\nKeyError: 2", "")),
    ),
    max_size=60,
)


@settings(max_examples=60)
@given(RECORDS, st.sampled_from((".log", ".jsonl")))
def test_counts_are_those_of_somebody_who_counts_one_by_one(tmp_path_factory, records, suffix):
    path = tmp_path_factory.mktemp("run")
    by_rank = defaultdict(list)
    for one in sorted(records, key=lambda one: one.time):
        by_rank[one.rank].append(one)
    write(path, by_rank or {0: []}, suffix)
    counts = said_by(ranklog.read(path))
    families = by_mask(counts)
    groups = ranklog.group(path).groups
    masked = {(one.message, one.level): one.counts for one in groups if one.is_masked}
    exact = {(one.message, one.level): one.counts for one in groups if not one.is_masked}
    assert len(groups) == len(masked) + len(exact)
    assert exact == {key: dict(sorted(counts[key].items())) for key in exact}
    told = defaultdict(Counter, {key: Counter(ranks) for key, ranks in masked.items()})
    for (text, level), ranks in exact.items():
        assert (mask(text), level) not in masked
        told[mask(text), level] += Counter(ranks)
    assert families == told
    written = b"".join(file.read_bytes() for file in sorted((path / "logs").iterdir()))
    assert all(one.example in written for one in groups)
    if records:
        assert max(one.last for one in groups) == max(one.time for one in records)
        assert min(one.first for one in groups) == min(one.time for one in records)


def test_texts_that_differ_in_numbers_are_told_apart_up_to_a_few(tmp_path):
    def groups(count):
        said = [at(n, f"code {100 + n}", rank) for rank in (0, 1) for n in range(count)]
        write(tmp_path, {rank: [one for one in said if one.rank == rank] for rank in (0, 1)})
        return {one.message: one.counts for one in ranklog.group(tmp_path).groups}

    assert {f"code {100 + n}": {0: 1, 1: 1} for n in range(MOST_EXACT)} == groups(MOST_EXACT)
    assert {"code #": {0: MOST_EXACT + 1, 1: MOST_EXACT + 1}} == groups(MOST_EXACT + 1)


def test_what_each_rank_says_of_itself_is_one_message(tmp_path):
    write(tmp_path, {rank: [at(0, f"rank {rank} is ready", rank)] for rank in range(3)})
    (found,) = ranklog.group(tmp_path).groups
    assert ("rank # is ready", True, {0: 1, 1: 1, 2: 1}, 3) == (
        found.message,
        found.is_masked,
        found.counts,
        found.records,
    )


def test_kinds_with_a_cross_are_no_hex_numbers(tmp_path):
    write(tmp_path, {0: [at(n, f"mesh {n // 9 + 1}x{n % 9}") for n in range(30)]})
    assert ["mesh #x#"] == [one.message for one in ranklog.group(tmp_path).groups]


def test_past_a_limit_of_texts_only_kinds_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(messages, "MOST_LABELS", 20)
    letters = string.ascii_lowercase
    write(
        tmp_path, {0: [at(n, f"user {letters[n % 26]} {'1' * (n // 26 + 1)}") for n in range(104)]}
    )
    groups = ranklog.group(tmp_path).groups
    assert {f"user {letter} #": {0: 4} for letter in letters} == {
        one.message: one.counts for one in groups
    }
    assert {True} == {one.is_masked for one in groups}


def test_a_flood_of_texts_is_not_masked_again_with_every_block(monkeypatch):
    monkeypatch.setattr(messages, "MOST_LABELS", 100)
    calls = Counter()
    monkeypatch.setattr(messages, "mask", lambda text: calls.update(["mask"]) or mask(text))
    counter = MessageCounter()
    reader = TextLayout().reader()
    texts = ["".join(letters) for letters in product(string.ascii_lowercase[:12], repeat=3)]
    for number in range(0, len(texts), 10):
        data = b"".join(encode(at(0, text), TextLayout()) for text in texts[number : number + 10])
        counter.add(reader, 0, [reader.split(data, ranklog.Damage())])
    assert calls["mask"] < 3 * len(texts)
    assert len(texts) == len(list(counter.said()))


def test_levels_are_told_apart_and_errors_come_first(tmp_path):
    write(
        tmp_path,
        {
            0: [at(0, "a"), at(1, "a", level="WARNING"), error(2, "b"), at(3, "c"), at(4, "c")],
            1: [at(0, "d", 1, level="WORSE", extra={"levelno": 45}), at(3, "a", 1)],
        },
    )
    assert [
        ("ERROR", 40, "b", {0: 1}),
        ("WORSE", 45, "d", {1: 1}),
        ("WARNING", 30, "a", {0: 1}),
        ("INFO", 20, "a", {0: 1, 1: 1}),
        ("INFO", 20, "c", {0: 2}),
    ] == [
        (one.level, one.level_number, one.message, one.counts)
        for one in ranklog.group(tmp_path).groups
    ]


def test_an_exception_is_told_by_its_last_line(tmp_path):
    write(
        tmp_path,
        {
            0: [error(0, "step failed", 0, "KeyError: 'x'"), uncaught(1, "ValueError: y")],
            1: [error(0, "step failed", 1, "KeyError: 'z'")],
        },
    )
    assert [
        "step failed | KeyError: 'x'",
        "step failed | KeyError: 'z'",
        "uncaught ValueError: y",
    ] == [one.message for one in ranklog.group(tmp_path).groups]


def test_who_is_the_exception_of_64_ranks(tmp_path):
    files = {rank: [at(0, "loaded the shards", rank)] for rank in range(64) if rank != 17}
    files[17] = [at(0, "hello", 17), at(1, "retrying", 17, level="WARNING")]
    write(tmp_path, files)
    answer = ranklog.group(tmp_path)
    assert list(range(64)) == answer.ranks
    assert [("retrying", [17], False), ("loaded the shards", [17], True)] == [
        (one.group.message, one.ranks, one.is_missing) for one in answer.outliers
    ]
    assert [
        "warnings:",
        "[rank 17 ×1] WARNING retrying",
        "",
        "others:",
        "[ranks 0-16,18-63 ×63] INFO loaded the shards",
        "[rank 17 ×1] INFO hello",
        "",
        "outliers:",
        "rank 17 alone said: retrying",
        "63 ranks said: loaded the shards; rank 17 did not",
    ] == ask("group", tmp_path).lines
    found = {one["message"]: one for one in objects(ask("group", tmp_path, "--json"))}
    assert ([17], []) == (
        found["loaded the shards"]["missing"],
        found["loaded the shards"]["alone"],
    )
    assert ([], [17]) == (found["retrying"]["missing"], found["retrying"]["alone"])
    assert ([], []) == (found["hello"]["missing"], found["hello"]["alone"])


@pytest.mark.parametrize(("ranks", "without", "is_told"), [
    (2, 1, False), (3, 1, True), (10, 2, False), (20, 2, True), (20, 3, False),
])  # fmt: skip
def test_one_in_ten_may_be_the_exception(tmp_path, ranks, without, is_told):
    write(tmp_path, {r: [at(0, "hello" if r < without else "ready", r)] for r in range(ranks)})
    outliers = ranklog.group(tmp_path).outliers
    assert is_told == any(one.group.message == "ready" for one in outliers)


def test_a_person_sees_one_line_for_each_message_and_no_more_than_can_be_read(tmp_path):
    many = [at(n, f"word {string.ascii_letters[n]}") for n in range(45)]
    write(tmp_path, {0: [error(0, "two\nlines\nof three\x1b", 0, "KeyError: 'x'"), *many]})
    lines = ask("group", tmp_path).lines
    assert [
        "errors:",
        r"[rank 0 ×1] ERROR two … of three\x1b | KeyError: 'x'",
        "",
        "others:",
    ] == lines[:4]
    assert "and 6 more (--all shows them)" == lines[-1]
    assert 40 == sum(line.startswith("[") for line in lines)
    assert 46 == sum(line.startswith("[") for line in ask("group", tmp_path, "--all").lines)
    assert 46 == len(objects(ask("group", tmp_path, "--all", "--json")))
    raw = ask("group", tmp_path, "--raw", "--level", "error").out
    assert raw == encode(error(0, "two\nlines\nof three\x1b", 0, "KeyError: 'x'"), TextLayout())


def test_only_the_last_attempt_counts_unless_told_otherwise(tmp_path):
    write(tmp_path, {0: [start(world_size=1), at(1, "a"), start(9, world_size=1), at(10, "b")]})
    last = {one.message: one.records for one in ranklog.group(tmp_path, logger="train").groups}
    every = ranklog.group(tmp_path, logger="train", attempt="all").groups
    assert ({"b": 1}, {"a": 1, "b": 1}) == (last, {one.message: one.records for one in every})
    assert min(one.first for one in every) > TIME
