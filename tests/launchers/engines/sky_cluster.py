"""SkyPilot itself: its client and its API server, and a Slurm cluster that it reaches by ssh.

Two "hosts", `host0` and `host1`, have host names, mounts and a /tmp of their own, and share this
machine's network, since SkyPilot installs itself on the nodes from the package index. Their root
user lives in a private directory, which both share, as nodes of a cluster do. `host0` is login
node, controller and node, and runs the client too.

As with `hosts`, the first holder is process 1 of a pid namespace, so its end is everybody's:
the daemons', the API server's, and the mounts'.
"""

import os
import re
import secrets
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from launchers.engines.hosts import Hosts
from launchers.engines.slurm import CONFIGURATION
from launchers.launching import run

CLUSTER = "ranklog-slurm"
"""What SkyPilot calls our Slurm."""
NAMES = ("host0", "host1")
ADDRESSES = ("127.0.1.1", "127.0.1.2")
PREFIX = "ranklog-sky-"
READY_SECONDS = 30
POLL_SECONDS = 0.1
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What finds the package index, for pip and uv on the nodes.
INDEX_VARIABLE = re.compile(r"(PIP|UV)_\w+|SSL_CERT_FILE|(?i:https?|all|no)_proxy", re.ASCII)
PROGRAMS = ("unshare", "nsenter", "munged", "slurmctld", "slurmd", "ssh", "sshd", "rsync")

# /etc/slurm is where a login node's commands look; what is mounted is gone with the namespace.
_HOLD = """
set -e
read -r outer _ < /proc/self/stat
mount -t proc proc /proc
{mounts}
hostname {name}
echo $outer $$
read -r _ || true
"""

_SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host_key
PidFile {directory}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
MaxSessions 100
MaxStartups 100
Subsystem sftp internal-sftp
"""

_CLUSTERS = """\
Host {cluster}
    HostName 127.0.0.1
    Port {port}
    User root
    IdentityFile {directory}/user_key
    IdentitiesOnly yes
"""


@dataclass(frozen=True)
class SkyCluster:
    """A cluster that runs, and SkyPilot beside it.

    Attributes:
        hosts: Where it runs.
        home: Of root on the nodes, which share it.
        variables: Of SkyPilot's client.
        user: What SkyPilot adds to the names of this user's clusters.
        uv: The program of that name.
    """

    hosts: Hosts
    home: Path
    variables: dict[str, str]
    user: str
    uv: str

    @property
    def directory(self):
        """A directory that both hosts see."""
        return self.hosts.directory

    def sky(self, directory, *arguments, timeout_seconds):
        """Run SkyPilot's command line in a directory, to its end."""
        variables = [f"{name}={value}" for name, value in self.variables.items()]
        command = self.hosts.on(0, directory, "env", *variables, "sky", *arguments)
        return run(command, self.directory, timeout_seconds=timeout_seconds)

    def home_of(self, cluster):
        """The home directory of a SkyPilot cluster's tasks, with uv in it.

        SkyPilot would fetch uv's installer, from elsewhere than the package index.
        """
        home = self.home / ".sky_clusters" / f"{cluster}-{self.user}"
        if not home.exists():
            (home / ".local" / "bin").mkdir(parents=True)
            (home / ".local" / "bin" / "uv").symlink_to(self.uv)
        return home


@contextmanager
def sky_cluster(python):
    """Start everything, and end it.

    Args:
        python: Of the environment that has SkyPilot and uv.
    """
    programs = Path(python).parent
    for program in (*PROGRAMS, str(programs / "sky"), str(programs / "uv")):
        if shutil.which(program) is None:
            pytest.fail(f"no program {program!r}; `make test-skypilot` installs it")
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name, ExitStack() as holders:
        directory = Path(name)
        directory.chmod(0o755)
        sshd_port, api_port, *slurm_ports = _free_ports(5)
        _write_files(directory, sshd_port, slurm_ports)
        cache = Path(os.environ.get("UV_CACHE_DIR", directory / "uv-cache"))
        visible = (directory, Path(python).parents[1], cache)
        pids = tuple(_hold_all(holders, directory, visible, cache))
        hosts = Hosts(pids, directory / "no-remote-shell", directory)
        _start_daemons(holders, hosts, directory)
        user = secrets.token_hex(4)
        variables = {
            "HOME": str(directory / "client"),
            "USER": "root",
            "PATH": f"{programs}:{SYSTEM_PATH}",
            "SKYPILOT_DISABLE_USAGE_COLLECTION": "1",
            "SKYPILOT_API_SERVER_LOCAL_PORT": str(api_port),
            "SKYPILOT_USER_ID": user,
        }
        yield SkyCluster(hosts, directory / "home", variables, user, str(programs / "uv"))


def _free_ports(count):
    with ExitStack() as sockets:
        opened = [sockets.enter_context(socket.socket()) for _ in range(count)]
        for each in opened:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in opened]


def _python310():
    """SkyPilot runs on Python 3.10 on the nodes, which uv could not fetch."""
    pyenv = Path.home() / ".pyenv" / "versions"
    for found in (shutil.which("python3.10"), *sorted(pyenv.glob("3.10.*/bin/python3.10"))):
        if found and not os.fspath(found).startswith(str(pyenv.parent / "shims")):
            return found
    pytest.fail("no python3.10, which SkyPilot wants on the nodes")


def _write_files(directory, sshd_port, slurm_ports):
    for name in ("bin", "client/.slurm", "client/.sky", "home/.ssh", "etc/slurm", "run/sshd"):
        (directory / name).mkdir(parents=True)
    for name in ("state", "tmp", *(f"spool/{host}" for host in NAMES)):
        (directory / name).mkdir(parents=True)
    (directory / "bin" / "python3.10").symlink_to(_python310())

    etc = directory / "etc"
    table = [f"{a} {n}\n" for a, n in zip(ADDRESSES, NAMES, strict=True)]
    (etc / "hosts").write_text("".join(["127.0.0.1 localhost\n", *table]))
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    others = [x for x in Path("/etc/passwd").read_text().splitlines() if x[:5] != "root:"]
    root = f"root:*:0:0:root:{directory}/home:/bin/bash"
    (etc / "passwd").write_text("\n".join([root, *others, ""]))
    # Of login shells. What runs in a step of Slurm's has its variables from one.
    variables = {"PATH": f"{directory}/bin:{SYSTEM_PATH}", "UV_SYSTEM_CERTS": "1", "TZ": "UTC"}
    variables |= {n: value for n, value in os.environ.items() if INDEX_VARIABLE.fullmatch(n)}
    lines = [f"export {n}={shlex.quote(value)}\n" for n, value in variables.items()]
    (etc / "profile").write_text("".join(lines))

    controller, *ports = slurm_ports
    nodes = [
        f"NodeName={name} NodeAddr={address} Port={port} CPUs=4 RealMemory=16000 State=UNKNOWN\n"
        for name, address, port in zip(NAMES, ADDRESSES, ports, strict=True)
    ]
    (etc / "slurm" / "slurm.conf").write_text(
        CONFIGURATION.format(
            directory=directory,
            controller=f"{NAMES[0]}({ADDRESSES[0]})",
            nodes=f"SlurmctldPort={controller}\n{''.join(nodes)}",
        )
    )

    for key in ("host_key", "user_key"):
        path = directory / key
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
        subprocess.run(command, check=True, timeout=READY_SECONDS)
    shutil.copy(directory / "user_key.pub", directory / "home" / ".ssh" / "authorized_keys")
    sshd = _SSHD.format(directory=directory, port=sshd_port)
    (directory / "sshd.conf").write_text(sshd)
    clusters = _CLUSTERS.format(directory=directory, port=sshd_port, cluster=CLUSTER)
    (directory / "client" / ".slurm" / "config").write_text(clusters)


def _mounts(directory, visible, cache):
    """Commands that give a host its own files; of /tmp it sees only `visible`.

    SkyPilot installs itself in /tmp on each node, a gigabyte for both.
    """
    tmp = directory / "tmp"
    binds = [
        (path, tmp / path.relative_to("/tmp")) for path in visible if path.is_relative_to("/tmp")
    ]
    # Where SkyPilot has uv keep what it fetched.
    binds.append((cache, tmp / f"uv_cache_{os.getuid()}"))
    commands = [["mount", "-t", "tmpfs", "tmpfs", tmp]]
    commands.append(["mkdir", "-p", cache, *(target for _, target in binds)])
    names = ("hosts", "nsswitch.conf", "passwd", "profile", "slurm")
    binds += [(directory / "etc" / name, Path("/etc", name)) for name in names]
    binds += [(directory / "run", Path("/run"))]
    commands += [["mount", "--bind", *bind] for bind in binds]
    commands.append(["mount", "--rbind", tmp, "/tmp"])
    return "\n".join(shlex.join(map(str, command)) for command in commands)


def _hold_all(holders, directory, visible, cache):
    own = ["unshare", "--uts", "--mount"]
    mounts = _mounts(directory, visible, cache)
    first = None
    for name in NAMES:
        join = ["nsenter", f"--target={first}", "--pid", "--"]
        start = [*own, "--pid", "--kill-child", "--fork"] if first is None else [*join, *own]
        holder = subprocess.Popen(
            [*start, "bash", "-c", _HOLD.format(mounts=mounts, name=name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        holders.callback(holder.communicate, timeout=READY_SECONDS)
        said = holder.stdout.readline().split()
        if len(said) != 2:
            pytest.fail(f"{name} did not start; it needs root and namespaces")
        first = first or int(said[0])
        yield int(said[0])


def _start_daemons(holders, hosts, directory):
    def start(number, program, *arguments):
        daemon = _start(hosts, number, directory, program, *arguments)
        holders.callback(daemon.wait)
        holders.callback(daemon.kill)

    key = directory / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    munge = {name: directory / f"munged.{name}" for name in ("pid-file", "log-file", "seed-file")}
    munge |= {"socket": directory / "munge.socket", "key-file": key}
    options = [f"--{option}={path}" for option, path in munge.items()]
    start(0, "munged", "-F", "--force", *options)
    start(0, "sshd", "-D", "-e", "-f", directory / "sshd.conf")
    start(0, "slurmctld", "-D")
    for number in range(len(NAMES)):
        start(number, "slurmd", "-D")
    deadline = time.monotonic() + READY_SECONDS
    ask = hosts.on(0, directory, "sinfo", "--noheader", "--Node", "--format=%t")
    while (states := subprocess.run(ask, capture_output=True, text=True)).stdout != "idle\nidle\n":
        if time.monotonic() > deadline:
            logs = {path.name: path.read_text()[-2000:] for path in directory.glob("*.out")}
            pytest.fail(f"Slurm did not start; {states}, logs {logs}")
        time.sleep(POLL_SECONDS)


def _start(hosts, number, directory, program, *arguments):
    path = shutil.which(program)  # sshd wants its own full path
    with open(directory / f"{program}.{number}.out", "wb") as out:
        return subprocess.Popen(
            hosts.on(number, directory, path, *map(str, arguments)),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
