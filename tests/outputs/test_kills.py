"""What SIGKILL leaves behind."""

import subprocess
import sys

import pytest
from rank_files import TIMEOUT_SECONDS, messages, with_helpers

# Forks a process per writer, which opens the file itself, and kills them at random moments.
# Prints how many calls of each had returned.
KILLING = """
import os, random, signal, sys, time
from rank_files import _ours
directory, kills, writers, gzip = sys.argv[1], *map(int, sys.argv[2:])
random.seed(4)

def start(name):
    read_end, write_end = os.pipe()
    child = os.fork()
    if child:
        os.close(write_end)
        return child, read_end
    write = _ours(directory, 2048, gzip)
    number = 0
    while True:
        write(f"{name}/{number}" + "." * random.choice((0, 5000)))
        os.write(write_end, b".")
        number += 1

for run in range(kills // writers):
    running = {f"{run}-{n}": start(f"{run}-{n}") for n in range(writers)}
    for child, read_end in running.values():
        os.read(read_end, 1)
    time.sleep(random.uniform(0, 0.02))
    for child, _ in running.values():
        os.kill(child, signal.SIGKILL)
    for name, (child, read_end) in running.items():
        os.waitpid(child, 0)
        returned = 1
        while dots := os.read(read_end, 65536):
            returned += len(dots)
        os.close(read_end)
        print(name, returned)
"""


@pytest.mark.parametrize(("writers", "gzip"), [(1, 0), (3, 0), (3, 1)])
def test_a_record_whose_call_had_returned_survives_whole_and_once(
    writers, gzip, logs, child_environment
):
    environ = with_helpers(child_environment)
    command = [sys.executable, "-c", KILLING, str(logs), "51", str(writers), str(gzip)]
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, check=True, timeout=TIMEOUT_SECONDS
    )
    returned = dict(text.split() for text in done.stdout.splitlines())
    assert 51 == len(returned)
    kept = {name: [] for name in returned}
    for message in messages(logs)[0]:
        name, _, number = message.rstrip(".").partition("/")
        kept[name].append(int(number))
    for name, count in returned.items():
        whole = list(range(int(count)))
        # One more may have been written whose call had not returned.
        assert sorted(kept[name]) in (whole, [*whole, len(whole)])
