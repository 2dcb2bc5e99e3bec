"""Sizes in bytes and in words."""

import pytest

from logging_helpers import init_logging
from logging_helpers.settings.sizes import parse_bytes

ACCEPTED = 'accepted are bytes as a number of 1 or more, or text such as "100 MB" or "64 MiB"'


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, 1),
        (100_000_000, 100_000_000),
        ("1 B", 1),
        ("100 MB", 100_000_000),
        ("100MB", 100_000_000),
        (" 100 mb ", 100_000_000),
        ("64 MiB", 64 * 1024**2),
        ("10 kB", 10_000),
        ("10 KiB", 10 * 1024),
        ("10 GB", 10**10),
        ("2 GiB", 2 * 1024**3),
        ("1 TB", 10**12),
        ("1 TiB", 1024**4),
        ("1.5 kB", 1500),
    ],
)
def test_bytes_and_words_are_sizes(size, expected):
    assert expected == parse_bytes(size, "x")


@pytest.mark.parametrize(
    "size", ["ten", "", "100", "MB", "1 XB", "1 iB", "-1 MB", "0.1 B", "1,5 MB", "1 MB 2", 0, -1]
)
def test_what_is_no_size_is_named_with_its_source(size):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        parse_bytes(size, "argument rotation")
    assert f"argument rotation={size!r} is not a size; {ACCEPTED}" == str(raised.value)


@pytest.mark.parametrize("size", [1.5, True, b"1 MB", None])
def test_a_size_of_another_type_is_named_with_its_source(size):
    with pytest.raises(TypeError) as raised:
        parse_bytes(size, "argument rotation")
    assert f"argument rotation={size!r} is not a size; {ACCEPTED}" == str(raised.value)


def test_init_logging_names_the_argument():
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is compared
        init_logging(rotation="ten")
    assert f"argument rotation='ten' is not a size; {ACCEPTED}" == str(raised.value)
