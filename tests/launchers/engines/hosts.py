"""Two "hosts" on this machine: network namespaces with host names of their own.

Nothing of them has a name that outlives them. `host0`'s first process is process 1 of a pid
namespace that both share; it ends when its standard input closes, so when this process dies
however, and the kernel then ends everything that runs on either host and takes the
namespaces, links and mounts with it.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

NAMES = ("host0", "host1")
ADDRESSES = ("10.77.0.1", "10.77.0.2")
PREFIX = "ranklog-hosts-"
READY_SECONDS = 20

# The pid as seen from outside must be read before /proc shows the new namespace. Shared
# memory is a host's own, and the hosts have no name service to wait for.
_HOLD = """
set -e
read -r outer _ < /proc/self/stat
mount -t proc proc /proc
mount -t tmpfs tmpfs /dev/shm
mount --bind {directory}/hosts /etc/hosts
mount --bind {directory}/nsswitch.conf /etc/nsswitch.conf
hostname {name}
ip link set lo up
echo $outer $$
read -r _ || true
"""

_REMOTE_SHELL = """\
#!/bin/sh
# As ssh: HOST COMMAND... For use on one of the hosts.
case $1 in {cases} *) echo "no host $1" >&2; exit 255 ;; esac
shift
exec nsenter --target $pid --net --uts --mount --wdns="$PWD" sh -c "$*"
"""


@dataclass(frozen=True)
class Hosts:
    """Two hosts that run.

    Attributes:
        pids: Of the process that holds each host.
        remote_shell: A program used as ``ssh`` is, from one of the hosts.
        directory: For files of the engines that run on the hosts.
    """

    pids: tuple[int, ...]
    remote_shell: Path
    directory: Path

    def on(self, number, directory, *command):
        """The command line that runs `command` on a host, in a directory."""
        target = f"--target={self.pids[number]}"
        namespaces = ("--net", "--uts", "--mount", "--pid")
        enter = ["nsenter", target, *namespaces, f"--wdns={directory}", "--"]
        # Launchers leave directories behind where temporary files go.
        return [*enter, "env", f"TMPDIR={self.directory}", *command]


@contextmanager
def two_hosts():
    """Start two hosts, and end them and everything on them afterwards."""
    for program in ("ip", "nsenter", "unshare"):
        if shutil.which(program) is None:
            pytest.fail(f"no program {program!r}; `make test-launchers` installs it")
    _remove_leftovers()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        table = [f"{a} {n}\n" for a, n in zip(ADDRESSES, NAMES, strict=True)]
        (directory / "hosts").write_text("".join(["127.0.0.1 localhost\n", *table]))
        (directory / "nsswitch.conf").write_text("hosts: files\n")
        holders = []
        try:
            outer, inner = zip(*_hold_all(directory, holders), strict=True)
            _link(outer)
            yield Hosts(outer, _write_remote_shell(directory, inner), directory)
        finally:
            # The first holder's end is everybody's.
            for holder in holders:
                holder.communicate(timeout=READY_SECONDS)


def _remove_leftovers():
    """Remove the directories of runs that were killed; nothing else of them is left."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        pid = path.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(path, ignore_errors=True)


def _hold_all(directory, holders):
    own = ["unshare", "--net", "--uts", "--mount"]
    first = None
    for name in NAMES:
        start = [*own, "--pid", "--kill-child"] if first is None else [*_join_pids(first), *own]
        holder = subprocess.Popen(
            [*start, "bash", "-c", _HOLD.format(directory=shlex.quote(str(directory)), name=name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        holders.append(holder)
        said = holder.stdout.readline().split()
        if len(said) != 2:
            pytest.fail(f"{name} did not start; it needs root and namespaces")
        outer, inner = map(int, said)
        first = first or outer
        yield outer, inner


def _join_pids(pid):
    return ["nsenter", f"--target={pid}", "--pid", "--"]


def _link(pids):
    ends = [["name", "eth0", "netns", str(pid)] for pid in pids]
    commands = [["ip", "link", "add", *ends[0], "type", "veth", "peer", *ends[1]]]
    for pid, address in zip(pids, ADDRESSES, strict=True):
        ip = ["nsenter", f"--target={pid}", "--net", "--", "ip"]
        commands.append([*ip, "address", "add", f"{address}/24", "dev", "eth0"])
        commands.append([*ip, "link", "set", "eth0", "up"])
    for command in commands:
        subprocess.run(command, check=True, timeout=READY_SECONDS)


def _write_remote_shell(directory, pids):
    cases = "".join(f"{n}) pid={p} ;; " for n, p in zip(NAMES, pids, strict=True))
    path = directory / "remote_shell"
    path.write_text(_REMOTE_SHELL.format(cases=cases))
    path.chmod(0o755)
    return path
