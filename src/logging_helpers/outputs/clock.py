"""The time of a record as text, for the file and for the console."""

from __future__ import annotations

from datetime import datetime, timezone, tzinfo

from ranklog.line_format import StampFormatter

_DIGITS = tuple(f"{number:03d}" for number in range(1000))


class Clock:
    """Writes times, remembering the texts of the second it wrote last.

    Args:
        stamp: Writes the stamps of the file.
    """

    def __init__(self, stamp: StampFormatter) -> None:
        self._stamp = stamp
        # One tuple, so that threads never see a second beside another's texts.
        self._last: tuple[int, int, int, int, tzinfo | None, str, str]
        self._last = (-1, 0, 0, 0, None, "", "")

    def __call__(self, time: datetime) -> tuple[str, str]:
        """The stamp of an aware time, and what a clock on the wall shows, to the millisecond.

        Returns:
            As in ``("2026-10-05 21:50:00.123456+00:00", "23:50:00.123")``.
        """
        second, minute, hour, day, zone, prefix, clock = self._last
        if (
            time.second != second
            or time.minute != minute
            or time.hour != hour
            or time.toordinal() != day
            or time.tzinfo != zone
        ):
            prefix, clock = self._texts(time)
        microsecond = time.microsecond
        milliseconds = _DIGITS[microsecond // 1000]
        return (
            f"{prefix}{milliseconds}{_DIGITS[microsecond % 1000]}+00:00",
            f"{clock}{milliseconds}",
        )

    def _texts(self, time: datetime) -> tuple[str, str]:
        prefix = self._stamp(time)[:20]
        clock = f"{time.hour:02d}:{time.minute:02d}:{time.second:02d}."
        zone = time.tzinfo
        if type(zone) is timezone:  # others may be an hour ahead in summer
            day = time.toordinal()
            self._last = (time.second, time.minute, time.hour, day, zone, prefix, clock)
        return prefix, clock
