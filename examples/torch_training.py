"""A training loop under torchrun, on the CPU: a small network learns a sine curve.

    torchrun --standalone --nproc-per-node=4 examples/torch_training.py --run-dir runs/sine

Needs torch. Rank 0 logs the loss of each epoch and saves ``checkpoints/checkpoint_N.pt`` in
the run directory; every rank's file has its own share of the story.
"""

import argparse
import logging
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from logging_helpers import init_logging, log_master

logger = logging.getLogger("training")


def make_dataset(samples: int) -> TensorDataset:
    """Points of a noisy sine curve, the same on every rank."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(samples, 1, generator=generator) * 6 - 3
    noise = torch.randn(samples, 1, generator=generator) * 0.05
    return TensorDataset(x, torch.sin(x) + noise)


def train_epoch(
    model: nn.Module, loader: DataLoader[tuple[torch.Tensor, ...]], optimizer: torch.optim.Optimizer
) -> float:
    """One pass over this rank's share; returns the mean loss over all ranks."""
    losses = []
    for batch, (x, y) in enumerate(loader):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
        logger.debug("batch %d: loss=%.4f", batch, loss.item())
    mean = torch.stack(losses).mean()
    dist.all_reduce(mean)
    return mean.item() / dist.get_world_size()


def save_checkpoint(model: nn.Module, path: Path) -> None:
    """Save a checkpoint so that it is there as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    torch.save(model.state_dict(), unfinished)
    unfinished.replace(path)


def train(dataset: TensorDataset, epochs: int, checkpoints: Path) -> None:
    """Train on all ranks; rank 0 saves a checkpoint of each epoch."""
    sampler = DistributedSampler(dataset, shuffle=True, seed=0)
    loader = DataLoader(dataset, batch_size=32, sampler=sampler)
    log_master("Hyperparameters: lr=0.01, batch_size=32", logger=logger)

    # All workers log
    logger.info("CPU worker ready: %d of %d samples", len(sampler), len(dataset))

    torch.manual_seed(0)
    model = DistributedDataParallel(nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1)))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        train_loss = train_epoch(model, loader, optimizer)

        # Only master logs progress
        log_master(f"Epoch {epoch}: loss={train_loss:.4f}", logger=logger)

        # Master saves checkpoints
        if dist.get_rank() == 0:
            save_checkpoint(model.module, checkpoints / f"checkpoint_{epoch}.pt")
            log_master(f"Saved checkpoint_{epoch}.pt", logger=logger)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a small network under torchrun.")
    parser.add_argument("--run-dir", type=Path, default=Path("runs/torch_training"))
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--samples", type=int, default=2048)
    options = parser.parse_args()

    # Initialize PyTorch distributed
    dist.init_process_group(backend="gloo")

    # Initialize logging with rank display
    init_logging(level="INFO", file_level="DEBUG", show_rank=True, run_dir=options.run_dir)

    # Master-only messages
    log_master("Loading dataset", logger=logger)
    dataset = make_dataset(options.samples)

    train(dataset, options.epochs, options.run_dir / "checkpoints")

    # Gloo's threads drop what belongs to the last collective in their own time; if Python
    # is shutting down by then, they abort the process. Can go when torch joins them; see
    # https://github.com/pytorch/pytorch/pull/179291
    time.sleep(0.5)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
