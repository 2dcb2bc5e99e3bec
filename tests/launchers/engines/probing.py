"""What the identity probe is expected to leave, whoever started it."""

import os
from pathlib import Path

from launchers.engines.hosts import NAMES
from launchers.expected import assert_banner, assert_complete
from launchers.launching import (
    assert_console_shows,
    attempts,
    console,
    file_name,
    line_of,
    read_files,
)

from ranklog import read
from ranklog.line_format import Damage

PROBE = Path(__file__).parent.parent / "programs" / "identity_probe.py"
KILLED_RANK = PROBE.with_name("killed_rank.py")
STEPS = 20
"""Steps that every rank of KILLED_RANK has told before one dies."""


def expected_of_probe(rank):
    """Records of the probe: level, logger, function, line, message."""

    def at(text, message):
        return ("INFO", "probe", "main", line_of(PROBE, text), message)

    master = [at('log_master("master"', "master")] if not rank else []
    return [at('logger.info("probe"', "probe"), *master]


def assert_probed(run_dir, text, identities, *, attempt_fields=({},), expected=expected_of_probe):
    """The probe ran once on each rank, in each attempt, and told each record in one place.

    Args:
        run_dir: Must have these ranks' files in its log directory, and nothing else.
        text: All that stood on the consoles.
        identities: Fields of the banner for each rank, counted from 0; for a single process
            without a rank, its field ``rank`` is given as ``None``.
        attempt_fields: Further fields for each attempt.
        expected: Function of the rank that gives the records of a program, if not the probe.

    Returns:
        The lines of the consoles that are not ours.
    """
    identities = {identity.get("rank", n): identity for n, identity in enumerate(identities)}
    assert os.listdir(run_dir) == ["logs"]
    assert sorted(os.listdir(run_dir / "logs")) == sorted(map(file_name, identities))
    files = read_files(run_dir)
    for rank, identity in identities.items():
        of_rank = attempts(files[file_name(rank)])
        assert len({attempt.banner.pid for attempt in of_rank}) == len(attempt_fields)
        for attempt, fields in zip(of_rank, attempt_fields, strict=True):
            assert_banner(attempt, **{"rank": rank, **identity, **fields})
            assert_complete(attempt, expected(rank))
    lines, others = console(text)
    assert_console_shows(lines, files)
    return others


def read_files_with_stacks(run_dir):
    """Records of each file, none cut; between them may be the stacks of who got SIGTERM."""
    files = {}
    for path in sorted((run_dir / "logs").iterdir()):
        damage = Damage()
        files[path.name] = list(read(path, damage=damage))
        assert damage.cut_records == 0, path
    return files


def assert_told_until_killed(attempt, acknowledged):
    """All steps are there, those that the program knows it told among them, and no end."""
    messages = [record.message for record in attempt.records]
    steps = len(messages) - 1
    assert messages == ["facts", *(f"step {step}" for step in range(1, steps + 1))]
    assert steps >= STEPS
    assert steps - acknowledged in (0, 1)  # killed before it could count the last one
    assert attempt.end is None


def said_by_us(lines):
    """Those of the console's other lines that this project writes.

    The rest is others'. An agent of torchrun that ends before the one on the other host takes
    the store with it, which that one then tells at length, or does not, as it happens.
    """
    return [line for line in lines if line.startswith("ranklog:")]


def probes(run_dir):
    """The first record of each process of a run, which has its host and its variables."""
    files = read_files(run_dir)
    return [attempt.records[0] for records in files.values() for attempt in attempts(records)]


def seen_by_all(run_dir, variable):
    """The value of an environment variable that is the same for all probes of a run."""
    (value,) = {probe.extra["variables"][variable] for probe in probes(run_dir)}
    return value


def first_time(run_dir):
    """When the first probe of a run told."""
    return min(probe.time for probe in probes(run_dir))


def hosts_of_nodes(run_dir):
    """The host that torchrun's rendezvous made each node, as the probes saw it."""
    hosts = {int(p.extra["variables"]["GROUP_RANK"]): p.extra["host"] for p in probes(run_dir)}
    assert sorted(hosts.values()) == list(NAMES)
    return hosts


def shown(lines):
    """Console lines in the terms of `filed`."""
    return [(line.rank, line.stamp, line.level, line.message) for line in lines]


def filed(files):
    """All records but banners and ends: rank, stamp, level, message."""
    return [
        (record.rank, f"{record.time:%H:%M:%S.%f}"[:-3], record.level, record.message)
        for records in files.values()
        for record in records
        if not (record.is_banner or record.is_end)
    ]
