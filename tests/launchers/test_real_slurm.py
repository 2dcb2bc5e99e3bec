import shlex

import pytest
from launchers.engines.hosts import NAMES, two_hosts
from launchers.engines.mpich import mpiexec
from launchers.engines.probing import (
    PROBE,
    assert_probed,
    first_time,
    hosts_of_nodes,
    said_by_us,
    seen_by_all,
)
from launchers.engines.slurm import slurm_on
from launchers.launching import mpirun, python_of, run, torchrun

pytestmark = pytest.mark.launchers

TIMEOUT_SECONDS = 60
WITHOUT_RANK = {
    "rank": None,
    "world_size": None,
    "local_rank": None,
    "local_world_size": None,
    "node_rank": None,
    "launcher": None,
    "restart": None,
}
MPI_AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


@pytest.fixture(scope="module")
def slurm():
    with two_hosts() as hosts, slurm_on(hosts) as slurm:
        yield slurm


def probe(run_dir="run"):
    return [python_of("RANKLOG_TORCH_PYTHON"), PROBE, run_dir]


def srun_identity(host, *, local_rank, world_size, job_id):
    return {
        "host": host,
        "world_size": world_size,
        "local_rank": local_rank,
        "local_world_size": None,
        "node_rank": NAMES.index(host),
        "launcher": "slurm",
        "restart": None,
        "job_id": job_id,
    }


def three_and_one(job_id):
    """Identities of four processes, three on host0 and one on host1."""
    places = [("host0", 0), ("host0", 1), ("host0", 2), ("host1", 0)]
    return [
        srun_identity(host, local_rank=local_rank, world_size=4, job_id=job_id)
        for host, local_rank in places
    ]


def daemon_conflict(number, used):
    """The banner's field where SLURM_PROCID numbers the daemon that started the process."""
    return {"conflicts": [f"SLURM_PROCID={number} describes the launcher daemon, {used} used"]}


def submit(slurm, directory, script, *options):
    """Submit a batch script, which writes to one file, and return its job id."""
    path = directory / "job.sh"
    path.write_text(f"#!/bin/bash\n{script}\n")
    output = ("--output=batch.out", "--open-mode=append")
    return slurm.ask(directory, "sbatch", "--parsable", *output, *options, path).strip()


def test_srun_numbers_the_processes_of_two_nodes_with_unequal_shares(slurm, tmp_path):
    srun = ("srun", "-N2", "-n4", "--distribution=plane=3")
    command = slurm.on_cluster(tmp_path, *srun, *probe())
    finished = run(command, tmp_path, timeout_seconds=TIMEOUT_SECONDS)
    assert finished.code == 0, finished

    job_id = seen_by_all(tmp_path / "run", "SLURM_JOB_ID")
    assert assert_probed(tmp_path / "run", finished.err, three_and_one(job_id)) == []


@pytest.mark.parametrize("shell", [[], ["bash", "-c", 'exec "$@"', "bash"]], ids=["bare", "bash"])
def test_srun_in_an_allocation_is_a_step_whatever_the_job_is_called(slurm, tmp_path, shell):
    # The job's name is "interactive", and that of `srun bash` is "bash".
    srun = ("srun", "-N2", "-n4", "--distribution=plane=3", *shell)
    salloc = () if shell else ("salloc", "--quiet", "-N2", "-n4")
    command = slurm.on_cluster(tmp_path, *salloc, *srun, *probe())
    finished = run(command, tmp_path, timeout_seconds=TIMEOUT_SECONDS)
    assert finished.code == 0, finished

    job_id = seen_by_all(tmp_path / "run", "SLURM_JOB_ID")
    assert assert_probed(tmp_path / "run", finished.err, three_and_one(job_id)) == []


def test_python_directly_in_a_batch_script_has_no_rank(slurm, tmp_path):
    job_id = submit(slurm, tmp_path, shlex.join(map(str, probe())), "-N2", "-n4")
    slurm.wait_until_idle(tmp_path, timeout_seconds=TIMEOUT_SECONDS)

    assert seen_by_all(tmp_path / "run", "SLURM_PROCID") == "0"
    text = (tmp_path / "batch.out").read_text()
    identity = {"host": "host0", "job_id": job_id, **WITHOUT_RANK}
    assert assert_probed(tmp_path / "run", text, [identity]) == []


def test_python_directly_in_an_allocation_has_no_rank(slurm, tmp_path):
    command = slurm.on_cluster(tmp_path, "salloc", "--quiet", "-N2", "-n4", *probe())
    finished = run(command, tmp_path, timeout_seconds=TIMEOUT_SECONDS)
    assert finished.code == 0, finished

    job_id = seen_by_all(tmp_path / "run", "SLURM_JOB_ID")
    identity = {"host": "host0", "job_id": job_id, **WITHOUT_RANK}
    assert assert_probed(tmp_path / "run", finished.err, [identity]) == []


def test_each_task_of_an_array_is_a_job_with_a_directory_of_its_own(slurm, tmp_path):
    script = shlex.join(["srun", "--nodelist=host1", *map(str, probe("runs/{job_id}"))])
    # One by one, so that their lines do not mix.
    submit(slurm, tmp_path, script, "-N1", "-n1", "--array=0-1%1", "--nodelist=host1")
    slurm.wait_until_idle(tmp_path, timeout_seconds=TIMEOUT_SECONDS)

    run_dirs = list((tmp_path / "runs").iterdir())
    assert len(run_dirs) == 2
    texts = (tmp_path / "batch.out").read_text().splitlines(keepends=True)
    assert len(texts) == 4
    by_start = sorted(run_dirs, key=first_time)
    for run_dir, text in zip(by_start, ("".join(texts[:2]), "".join(texts[2:])), strict=True):
        job_id = seen_by_all(run_dir, "SLURM_JOB_ID")
        assert run_dir.name == job_id
        identity = srun_identity("host1", local_rank=0, world_size=1, job_id=job_id)
        assert assert_probed(run_dir, text, [identity | {"node_rank": 0}]) == []


def mpi_identity(host, local_rank, local_world_size, *, launcher, job_id):
    return {
        "host": host,
        "world_size": 4,
        "local_rank": local_rank,
        "local_world_size": local_world_size,
        "node_rank": None,
        "launcher": launcher,
        "restart": None,
        "job_id": job_id,
    }


MPI_PLACES = [("host0", 0, 3), ("host0", 1, 3), ("host0", 2, 3), ("host1", 0, 1)]


def test_mpirun_in_an_allocation_beats_the_daemons_slurm_variables(slurm, tmp_path):
    salloc = ("salloc", "--quiet", "-N2", "-n4", "--job-name=mpi")
    command = slurm.on_cluster(
        tmp_path, *salloc, *mpirun("--bind-to", "none", "-n", "4"), PROBE, "run"
    )
    finished = run(command, tmp_path, timeout_seconds=TIMEOUT_SECONDS, **MPI_AS_ROOT)
    assert finished.code == 0, finished

    job_id = seen_by_all(tmp_path / "run", "SLURM_JOB_ID")
    identities = [mpi_identity(*p, launcher="openmpi", job_id=job_id) for p in MPI_PLACES]
    # The daemon on host0 is started without srun, that on host1 as the only task of a step.
    identities[3] |= daemon_conflict(0, "OMPI_COMM_WORLD_RANK=3")
    assert assert_probed(tmp_path / "run", finished.err + finished.out, identities) == []


def test_mpiexec_in_an_allocation_beats_the_proxies_slurm_variables(slurm, tmp_path):
    salloc = ("salloc", "--quiet", "-N2", "-n4", "--job-name=mpi")
    command = slurm.on_cluster(tmp_path, *salloc, *mpiexec("-n", "4"), PROBE, "run")
    finished = run(command, tmp_path, timeout_seconds=TIMEOUT_SECONDS)
    assert finished.code == 0, finished

    job_id = seen_by_all(tmp_path / "run", "SLURM_JOB_ID")
    identities = [mpi_identity(*p, launcher="mpich", job_id=job_id) for p in MPI_PLACES]
    # The proxies are one step of two tasks.
    for rank, proxy in ((1, 0), (2, 0), (3, 1)):
        identities[rank] |= daemon_conflict(proxy, f"PMI_RANK={rank}")
    assert assert_probed(tmp_path / "run", finished.err, identities) == []


def test_torchrun_under_srun_beats_the_agents_slurm_variables(slurm, tmp_path):
    rendezvous = ("--rdzv-backend=c10d", "--rdzv-endpoint=host0:29400", "--rdzv-id=other-id")
    agent = torchrun("--nnodes=2", "--nproc-per-node=2", *rendezvous, PROBE, "run")
    command = slurm.on_cluster(tmp_path, "srun", "-N2", "-n2", *agent)
    finished = run(command, tmp_path, timeout_seconds=TIMEOUT_SECONDS)
    assert finished.code == 0, finished

    job_id = seen_by_all(tmp_path / "run", "SLURM_JOB_ID")
    hosts = hosts_of_nodes(tmp_path / "run")
    identities = [
        {
            "host": hosts[rank // 2],
            "world_size": 4,
            "local_rank": rank % 2,
            "local_world_size": 2,
            "node_rank": rank // 2,
            "launcher": "torchrun",
            "restart": 0,
            "job_id": job_id,
        }
        for rank in range(4)
    ]
    for rank, identity in enumerate(identities):
        agent_number = NAMES.index(identity["host"])
        if agent_number != rank:
            identity |= daemon_conflict(agent_number, f"RANK={rank}")
    assert said_by_us(assert_probed(tmp_path / "run", finished.err, identities)) == []


def requeuing():
    """A batch script that runs the probe and, the first time, has itself requeued."""
    srun = shlex.join(["srun", *map(str, probe())])
    # Does not end before the requeue ends it.
    requeue = 'scontrol requeue "$SLURM_JOB_ID"; sleep 60'
    return f'{srun}\n[ "$SLURM_RESTART_COUNT" ] || {{ {requeue}; }}'


RESTARTS = [{"restart": None}, {"restart": 1}]


def assert_requeued(directory, identities, attempt_fields):
    text = (directory / "batch.out").read_text()
    others = assert_probed(directory / "run", text, identities, attempt_fields=attempt_fields)
    assert len(others) == 1
    assert "DUE TO JOB REQUEUE" in others[0]


def test_a_requeued_job_appends_to_its_files(slurm, tmp_path):
    job_id = submit(slurm, tmp_path, requeuing(), "-N2", "-n2", "--requeue")
    slurm.start_requeued(tmp_path, job_id, timeout_seconds=TIMEOUT_SECONDS)
    slurm.wait_until_idle(tmp_path, timeout_seconds=TIMEOUT_SECONDS)

    identities = [srun_identity(host, local_rank=0, world_size=2, job_id=job_id) for host in NAMES]
    assert_requeued(tmp_path, identities, RESTARTS)


def test_a_requeued_job_may_move_to_another_host(slurm, tmp_path):
    options = ("-N1", "-n1", "--nodelist=host0", "--requeue")
    job_id = submit(slurm, tmp_path, requeuing(), *options)
    slurm.start_requeued(tmp_path, job_id, "ReqNodeList=host1", timeout_seconds=TIMEOUT_SECONDS)
    slurm.wait_until_idle(tmp_path, timeout_seconds=TIMEOUT_SECONDS)

    identity = srun_identity("host0", local_rank=0, world_size=1, job_id=job_id)
    moved = [{"host": host, **fields} for host, fields in zip(NAMES, RESTARTS, strict=True)]
    assert_requeued(tmp_path, [identity], moved)
