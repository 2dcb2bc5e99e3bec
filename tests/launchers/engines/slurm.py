"""A Slurm of its own: munged, slurmctld and two slurmd, on the two hosts.

Everything private is in one directory: the configuration, keys, sockets, spools and logs. The
ports are private because the hosts' network is. The hosts' end ends the daemons and all that
they started.
"""

import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from launchers.engines.hosts import ADDRESSES, NAMES, Hosts

START_SECONDS = 30
COMMAND_SECONDS = 20
POLL_SECONDS = 0.1

CONFIGURATION = """\
ClusterName=ranklog
SlurmctldHost={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={directory}/munge.socket
CredType=cred/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=2
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd.%n.pid
SlurmdSpoolDir={directory}/spool/%n
StateSaveLocation={directory}/state
SlurmctldLogFile={directory}/slurmctld.log
SlurmdLogFile={directory}/slurmd.%n.log
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1
SlurmdParameters=config_overrides
RebootProgram=/bin/true
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=YES
"""


@dataclass(frozen=True)
class Slurm:
    """A cluster that runs. Its commands are run on host0."""

    hosts: Hosts
    configuration: Path

    def on_cluster(self, directory, *command):
        """The command line that runs one of Slurm's commands in a directory."""
        configuration = f"SLURM_CONF={self.configuration}"
        return self.hosts.on(0, directory, "env", configuration, *map(str, command))

    def ask(self, directory, *command):
        """Run one of Slurm's commands to its end and return what it prints."""
        done = subprocess.run(
            self.on_cluster(directory, *command),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_SECONDS,
        )
        assert done.returncode == 0, done
        return done.stdout

    def wait_until_idle(self, directory, *, timeout_seconds):
        """Wait until no job is queued or runs; jobs that still do then fail the test."""
        deadline = time.monotonic() + timeout_seconds
        while jobs := self.ask(directory, "squeue", "--noheader"):
            if time.monotonic() > deadline:
                self.ask(directory, "scancel", "--user=root")
                pytest.fail(f"jobs not ended after {timeout_seconds} s: {jobs}")
            time.sleep(POLL_SECONDS)

    def start_requeued(self, directory, job_id, *changes, timeout_seconds):
        """Wait until a job is queued again, and make it start at once, with changes to it.

        By itself it waits for two minutes: until the credentials of its last run are sure to
        have expired. They are revoked to the second.
        """
        deadline = time.monotonic() + timeout_seconds
        while self.ask(directory, "squeue", "--noheader", "--format=%r") != "BeginTime\n":
            assert time.monotonic() < deadline, f"job {job_id} not requeued"
            time.sleep(POLL_SECONDS)
        changes = (*changes, "StartTime=now+2seconds")
        self.ask(directory, "scontrol", "update", f"JobId={job_id}", *changes)


@contextmanager
def slurm_on(hosts):
    """Start Slurm on the hosts, whose end is its end."""
    for program in ("munged", "slurmctld", "slurmd", "srun"):
        if shutil.which(program) is None:
            pytest.fail(f"no program {program!r}; `make test-launchers` installs it")
    directory = hosts.directory / "slurm"
    for name in ("state", *(f"spool/{host}" for host in NAMES)):
        (directory / name).mkdir(parents=True)
    configuration = directory / "slurm.conf"
    nodes = [
        f"NodeName={name} NodeAddr={address} CPUs=4 State=UNKNOWN"
        for name, address in zip(NAMES, ADDRESSES, strict=True)
    ]
    configuration.write_text(
        CONFIGURATION.format(directory=directory, controller=NAMES[0], nodes="\n".join(nodes))
    )
    slurm = Slurm(hosts, configuration)
    daemons = []
    try:
        daemons.append(_start_munged(hosts, directory))
        daemons.append(_start(hosts, 0, directory, "slurmctld", "-D", "-f", configuration))
        for number in range(len(NAMES)):
            daemons.append(_start(hosts, number, directory, "slurmd", "-D", "-f", configuration))
        _wait_until_up(slurm, directory, daemons)
        yield slurm
    finally:
        for daemon in reversed(daemons):
            daemon.kill()
            daemon.wait()


def _start(hosts, number, directory, *command):
    with open(directory / f"{command[0]}.{number}.out", "wb") as out:
        return subprocess.Popen(
            hosts.on(number, directory, *map(str, command)),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _start_munged(hosts, directory):
    key = directory / "munge.key"
    key.write_bytes(bytes(range(128)))
    key.chmod(0o400)
    paths = {
        "socket": "munge.socket",
        "pid-file": "munged.pid",
        "log-file": "munged.log",
        "seed-file": "munged.seed",
    }
    options = [f"--{option}={directory / name}" for option, name in paths.items()]
    # --force: it would not be run as root, nor below a directory that others may write to.
    return _start(hosts, 0, directory, "munged", "-F", "--force", f"--key-file={key}", *options)


def _wait_until_up(slurm, directory, daemons):
    deadline = time.monotonic() + START_SECONDS
    states = None
    while states != ["idle", "idle"]:
        dead = [daemon.args for daemon in daemons if daemon.poll() is not None]
        if dead or time.monotonic() > deadline:
            logs = {
                path.name: path.read_text()[-2000:] for path in directory.glob("*.[lo][ou][gt]")
            }
            pytest.fail(f"Slurm did not start; nodes {states}, ended {dead}, logs {logs}")
        time.sleep(POLL_SECONDS)
        asked = subprocess.run(
            slurm.on_cluster(directory, "sinfo", "--noheader", "--Node", "--format=%t"),
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        states = asked.stdout.split()
