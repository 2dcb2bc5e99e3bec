"""Loguru's default sink is put aside, and nothing else that has its number."""

import textwrap

import pytest
from support import messages, run_python

LOGS = """
    import logging, sys
    from loguru import logger
    from logging_helpers import init_logging
    {before}
    init_logging(run_dir=sys.argv[1])
    logging.info("from stdlib")
    logger.info("from loguru")
"""


@pytest.mark.parametrize("value", ["0", "False", "no"])
def test_our_sink_stays_where_loguru_starts_without_one(run_dir, value):
    ended = run_python(LOGS.format(before=""), str(run_dir), LOGURU_AUTOINIT=value)
    assert (0, 2) == (ended.code, len(ended.err.splitlines()))
    assert ["from stdlib", "from loguru"] == messages(run_dir)


def test_the_programs_first_sink_stays_where_loguru_starts_without_one(run_dir, tmp_path):
    before = f"logger.add({str(tmp_path / 'own.log')!r}, format='{{message}}')"
    ended = run_python(LOGS.format(before=before), str(run_dir), LOGURU_AUTOINIT="0")
    assert (0, 2) == (ended.code, len(ended.err.splitlines()))
    assert "from stdlib\nfrom loguru\n" == (tmp_path / "own.log").read_text()
    assert ["from stdlib", "from loguru"] == messages(run_dir)


def test_a_program_without_stderr_has_its_records_in_the_file(run_dir):
    outer = """
        import os, subprocess, sys
        subprocess.run([sys.executable, "-c", sys.argv[2], sys.argv[1]], preexec_fn=lambda: os.close(2))
    """
    inner = LOGS.format(before="assert sys.stderr is None")
    ended = run_python(outer, str(run_dir), textwrap.dedent(inner))
    assert (0, "", "") == (ended.code, ended.out, ended.err)
    assert ["from stdlib", "from loguru"] == messages(run_dir)


def test_loguru_default_sink_is_put_aside(run_dir):
    ended = run_python(LOGS.format(before=""), str(run_dir))
    assert (0, 2) == (ended.code, len(ended.err.splitlines()))
