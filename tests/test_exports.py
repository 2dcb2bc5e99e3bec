import logging_helpers
import ranklog
import skypilot_logging
from ranklog.views import VIEWS


def test_logging_helpers_exports_what_the_design_lists():
    assert sorted(logging_helpers.__all__) == sorted(
        [
            "init_logging",
            "shutdown_logging",
            "log_master",
            "get_node_rank",
            "get_rank_info",
            "is_master",
            "RankInfo",
            "InterceptHandler",
            "init_worker",
            "adopt_loggers",
            "ensure_interception",
        ]
    )
    assert all(hasattr(logging_helpers, name) for name in logging_helpers.__all__)


def test_ranklog_exports_read_what_it_gives_and_a_function_for_each_view():
    views = [view.function for view in VIEWS]
    assert views == ["merge", "follow", "first_error", "silent", "group", "ranks", "timeline"]
    assert ranklog.__all__ == sorted(["Damage", "Record", "read", *views])
    assert all(hasattr(ranklog, name) for name in ranklog.__all__)


def test_skypilot_logging_exports_the_guides_functions():
    assert sorted(skypilot_logging.__all__) == [
        "log_all",
        "log_debug",
        "log_error",
        "log_master",
        "log_warning",
        "setup_logger",
    ]
    assert all(hasattr(skypilot_logging, name) for name in skypilot_logging.__all__)
