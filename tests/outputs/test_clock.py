"""Times as text: the same whatever was written before."""

from datetime import datetime, timedelta, timezone, tzinfo

import hypothesis.strategies as st
import pytest
from hypothesis import given

from logging_helpers.outputs.clock import Clock
from ranklog.line_format import StampFormatter


class Summer(tzinfo):
    """A zone that is an hour ahead in one half of each hour's seconds, as none is."""

    def utcoffset(self, time):
        return timedelta(hours=1 if time.microsecond < 500_000 else 2)

    def dst(self, time):
        return None

    def tzname(self, time):
        return "X"


ZONES = st.sampled_from(
    [
        timezone.utc,
        timezone(timedelta(hours=2), "CEST"),
        timezone(timedelta(hours=1), "CET"),
        timezone(timedelta(hours=-9, minutes=-30)),
        timezone(timedelta(seconds=1)),
        Summer(),
    ]
)
# Few of each, so that times differ in one of them only.
MOMENTS = st.builds(
    datetime,
    st.sampled_from([2, 2026, 9998]),
    st.sampled_from([3, 4]),
    st.sampled_from([1, 2]),
    st.sampled_from([0, 23]),
    st.sampled_from([0, 59]),
    st.sampled_from([0, 59]),
    st.sampled_from([0, 7, 1000, 499_999, 999_999]),
    tzinfo=ZONES,
)


@pytest.mark.parametrize("separator", " T")
@given(times=st.lists(MOMENTS, min_size=1, max_size=6))
def test_a_time_is_written_as_if_it_were_the_first(separator, times):
    clock = Clock(StampFormatter(separator))
    for time in times:
        wall = time.isoformat(timespec="milliseconds")[11:23]
        assert (StampFormatter(separator)(time), wall) == clock(time)


def test_the_time_is_in_utc_in_the_file_and_local_on_the_console():
    zone = timezone(timedelta(hours=2))
    texts = Clock(StampFormatter(" "))(datetime(2026, 10, 5, 23, 50, 0, 123456, zone))
    assert ("2026-10-05 21:50:00.123456+00:00", "23:50:00.123") == texts


def test_a_time_without_zone_is_refused():
    with pytest.raises(TypeError, match="offset-naive"):
        Clock(StampFormatter(" "))(datetime(2026, 10, 5))
