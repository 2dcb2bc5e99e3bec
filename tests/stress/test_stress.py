"""The short form of `make stress`: the same scenarios, fewer records."""

import pytest
from rank_files import NOTHING
from scenarios import BROKEN, DISTURBED, SHORT_SHARED

pytestmark = pytest.mark.stress


@pytest.mark.parametrize(
    "scenario", [*SHORT_SHARED, *DISTURBED], ids=lambda scenario: scenario.name
)
def test_nothing_is_lost_doubled_torn_or_misplaced(scenario, tmp_path):
    assert NOTHING == scenario.run(tmp_path / "logs", **scenario.short)


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("scenario", DISTURBED, ids=lambda scenario: scenario.name)
def test_the_checker_sees_the_losses_of_a_broken_sink(scenario, kind, tmp_path):
    assert scenario.losses(tmp_path, kind).lost > 0
