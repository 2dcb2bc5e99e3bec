"""Errors that are the echo of another rank's failure, by the words of the libraries that print them."""

import pytest

from ranklog.echoes import ECHOES, find_echo

TIMED_OUT, PEER_GONE, ENDED = (name for name, _ in ECHOES)

# Each as its library prints it; numbers and names aside.
MESSAGES = {
    "NCCL's watchdog": (
        TIMED_OUT,
        "[rank1]:[E1005 23:50:00.123456789 ProcessGroupNCCL.cpp:616] [Rank 1] Watchdog caught"
        " collective operation timeout: WorkNCCL(SeqNum=2, OpType=ALLREDUCE, NumelIn=1,"
        " NumelOut=1, Timeout(ms)=10000) ran for 10028 milliseconds before timing out.",
    ),
    "NCCL's watchdog, as it ends the process": (
        TIMED_OUT,
        "[PG ID 0 PG GUID 0(default_pg) Rank 1] Process group watchdog thread terminated with"
        " exception: CUDA error: unspecified launch failure",
    ),
    "NCCL, after a timeout": (
        TIMED_OUT,
        "Some NCCL operations have failed or timed out. Due to the asynchronous nature of CUDA"
        " kernels, subsequent GPU operations might run on corrupted/incomplete data.",
    ),
    "NCCL's flight recorder": (
        TIMED_OUT,
        "[Rank 0] Received a dump signal due to a collective timeout from rank 1 and we will try"
        " our best to dump the debug info.",
    ),
    "NCCL's monitor of the watchdog": (
        TIMED_OUT,
        "[Rank 0] ProcessGroupNCCL's watchdog got stuck for 480 seconds without making progress"
        " in monitoring enqueued collectives.",
    ),
    "NCCL, a remote process": (
        PEER_GONE,
        "NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1691, remote process"
        " exited or there was a network error, NCCL version 2.19.3\nncclRemoteError: A call failed"
        " possibly due to a network error or a remote process exiting prematurely.\nLast error:\n"
        "socketProgress: Connection closed by remote peer node1<41234>",
    ),
    "NCCL, aborted": (PEER_GONE, "NCCL communicator was aborted on rank 1."),
    "NCCL's unique id": (
        PEER_GONE,
        "[1] is setting up NCCL communicator and retrieving ncclUniqueId from [0] via c10d"
        " key-value store by key '0', but store->get('0') got error: Connection reset by peer",
    ),
    "c10d's store": (TIMED_OUT, "[3] ... but store->get('0') got error: Socket Timeout"),
    "c10d's store, waiting": (
        TIMED_OUT,
        "wait timeout after 300000ms, keys: /default_pg/0//store_based_barrier_key:1:4",
    ),
    "c10d's clients": (
        TIMED_OUT,
        "Timed out after 901 seconds waiting for clients. 3/4 clients joined.",
    ),
    "c10d's client": (
        TIMED_OUT,
        "The client socket has timed out after 60000ms while trying to connect to (10.0.0.1, 29500).",
    ),
    "c10d's server gone": (
        PEER_GONE,
        "Failed to recv, got 0 bytes. Connection was likely closed. Did the remote server shutdown"
        " or crash?",
    ),
    "gloo, waiting": (
        TIMED_OUT,
        "[../third_party/gloo/gloo/transport/tcp/unbound_buffer.cc:81] Timed out waiting 1800000ms"
        " for recv operation to complete",
    ),
    "gloo, closed": (
        PEER_GONE,
        "[../third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer"
        " [10.0.0.1]:1234",
    ),
    "gloo, reset": (
        PEER_GONE,
        "[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Read error [10.0.0.1]:1234:"
        " Connection reset by peer",
    ),
    "gloo, a pair": (
        PEER_GONE,
        "[../third_party/gloo/gloo/transport/tcp/pair.cc:525] Application timeout caused pair closure",
    ),
    "torch's monitored barrier": (
        TIMED_OUT,
        "Rank 1 successfully reached monitoredBarrier, but received errors while waiting for"
        " send/recv from rank 0. Please check rank 0 logs for faulty rank.",
    ),
    "torch elastic's agent, ended": (ENDED, "SignalException: Process 4242 got signal: 15"),
    "torch elastic's agent, ending": (ENDED, "Sending process 4243 closing signal SIGTERM"),
    "torch elastic's rendezvous": (
        PEER_GONE,
        "The connection to the C10d store has failed. See inner exception for details.",
    ),
    "ULFM": (PEER_GONE, "MPI_ERR_PROC_FAILED: Process Failure"),
    "PMIx": (PEER_GONE, "PMIX ERROR: PMIX_ERR_LOST_CONNECTION in file ptl_base_sendrecv.c"),
    "ORTE": (PEER_GONE, "ORTE has lost communication with a remote daemon."),
    "Slurm": (ENDED, "slurmstepd: error: *** STEP 12.0 ON n1 CANCELLED AT 2024-10-05T23:50:00 ***"),
    "Python, reset": (
        PEER_GONE,
        "uncaught ConnectionResetError: [Errno 104] Connection reset by peer",
    ),
    "Python, a pipe": (PEER_GONE, "uncaught BrokenPipeError: [Errno 32] Broken pipe"),
    "Ray": (PEER_GONE, "ray.exceptions.ActorDiedError: The actor died unexpectedly"),
    "a handler of the program's": (ENDED, "received SIGTERM, stopping"),
    "a shell": (ENDED, "Terminated"),
    "torch's DataLoader": (ENDED, "DataLoader worker (pid 42) is killed by signal: Terminated."),
}

CAUSES = (
    "CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 79.15 GiB total capacity)",
    "CUDA error: device-side assert triggered",
    "NCCL error in: ProcessGroupNCCL.cpp:1691, unhandled cuda error\nncclUnhandledCudaError: Call"
    " to CUDA function failed.\nLast error:\nCuda failure 2 'out of memory'",
    "NCCL error in: NCCLUtils.hpp:275, unhandled system error\nncclSystemError: System call (e.g."
    " socket, malloc) or external library call failed\nLast error:\nError while creating shared"
    " memory segment /dev/shm/nccl-a1b2c3 (size 9637888): No space left on device",
    "NCCL error in: init.cu:1, invalid usage\nDuplicate GPU detected : rank 1 and rank 0 both on"
    " CUDA device 1000, peer access is not supported",
    "The server socket has failed to listen on any local network address. port: 29500, code: -98,"
    " name: EADDRINUSE, message: address already in use",
    "loss is NaN at step 72",
    "training terminated due to NaN in the gradients",
    "[Errno 2] No such file or directory: 'shard_2.bin'",
    "[Errno 28] No space left on device",
    "assert x.shape == y.shape",
    "KeyError: 'labels'",
    "Command 'rsync' timed out after 30 seconds",
    "DataLoader worker (pid 4242) is killed by signal: Killed.",
    "DataLoader timed out after 120 seconds",
    "timeout=600 is not a number of milliseconds",
    "Expected all tensors to be on the same device",
    "peer 3 sent a tensor of the wrong shape",
    "name or service not known",
)  # fmt: skip

FRAMES = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    {code}\n'
DIRECTLY = "\n\nThe above exception was the direct cause of the following exception:\n\n"
WHILE = "\n\nDuring handling of the above exception, another exception occurred:\n\n"
KEY_ERROR = FRAMES.format(code="batch['x']") + "KeyError: 'x'"
RESET = FRAMES.format(code="recv()") + "ConnectionResetError: [Errno 104] Connection reset by peer"
WRAPPED = FRAMES.format(code="raise") + "RuntimeError: all_reduce failed"


@pytest.mark.parametrize(("kind", "message"), MESSAGES.values(), ids=MESSAGES)
def test_an_echo_is_known_by_what_its_library_says(kind, message):
    assert kind == find_echo(message)
    assert kind == find_echo("step failed", FRAMES.format(code="x()") + f"RuntimeError: {message}")


@pytest.mark.parametrize("message", CAUSES)
def test_a_cause_is_no_echo(message):
    assert find_echo(message) is None
    assert find_echo("step failed", FRAMES.format(code="x()") + f"RuntimeError: {message}") is None


@pytest.mark.parametrize(
    ("exception", "kind"),
    [
        (RESET, PEER_GONE),
        (RESET + DIRECTLY + WRAPPED, PEER_GONE),
        (KEY_ERROR + WHILE + RESET, None),
        (KEY_ERROR, None),
        (FRAMES.format(code="read()  # Broken pipe, SIGTERM") + "KeyError: 'x'", None),
        (
            FRAMES.format(code="read()") + "ValueError: two lines\nConnection reset by peer",
            PEER_GONE,
        ),
        ("  + Exception Group Traceback (most recent call last):\n  | BrokenPipeError", PEER_GONE),
    ],
)
def test_of_a_chain_of_exceptions_what_it_began_with_counts(exception, kind):
    assert kind == find_echo("uncaught ConnectionResetError: closed", exception)
