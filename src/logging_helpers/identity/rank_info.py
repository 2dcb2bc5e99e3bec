"""The place of a process in its job."""

from typing import NamedTuple


class RankInfo(NamedTuple):
    """The place of a process in its job.

    Attributes:
        rank: Unique per process of the job; ``None`` where nothing distributed is known.
        world_size: Number of processes in the job.
        local_rank: Rank of the process on its node.
        local_world_size: Number of the job's processes on this node.
        node_rank: Rank of the node.
        restart: How often launchers restarted the job, all of them added up.
        job_id: Id of the job, the same on all its ranks, safe as a directory name.
        source: Name of the launcher the rank comes from; ``"skypilot/torchrun"`` where one
            runs inside the other and both were needed; ``"argument"`` for an explicit rank.
        conflicts: What disagreed or was missing, and what was used, in words.
    """

    rank: int | None = None
    world_size: int | None = None
    local_rank: int | None = None
    local_world_size: int | None = None
    node_rank: int | None = None
    restart: int | None = None
    job_id: str | None = None
    source: str | None = None
    conflicts: tuple[str, ...] = ()

    @property
    def is_master(self) -> bool:
        """Whether this is rank 0, or the only process there is."""
        return not self.rank
