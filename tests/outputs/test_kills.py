"""What SIGKILL leaves behind."""

import pytest
from disturbed import run_disturbed
from rank_files import NOTHING


@pytest.mark.parametrize(("writers", "gzip"), [(1, 0), (3, 0), (3, 1)])
def test_a_record_whose_call_had_returned_survives_whole_and_once(writers, gzip, logs):
    """Also where the writer that is killed holds the lock of a rotation: every other round has one."""
    found = run_disturbed("kills", logs, times=51, writers=writers, max_bytes=2048, gzip=gzip)
    assert NOTHING == found
