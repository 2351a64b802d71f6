"""The plain loop: one network, one loss. The networks that judge pictures learn by it."""

import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TypeVar

import torch
from torch import Tensor, nn

from img2img.progress import Meter

PACED = 10  # steps after which it is known how long a step takes

Batch = TypeVar("Batch")
Network = TypeVar("Network", bound=nn.Module)


def build_seeded(make: Callable[[], Network], seed: int, device: torch.device) -> Network:
    """A network with the initial weights of a seed, on the device; other random numbers stay as they are."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        network = make()
    return network.to(device)


def fit(
    network: nn.Module,
    batches: Iterable[Batch],
    loss: Callable[[Batch], Tensor],
    *,
    steps: int,
    lr: float,
    schedule: Callable[[int, int], float],
    what: str,
    minutes: float | None = None,
) -> int:
    """Trains by AdamW; then the network is ready to be used, in evaluation mode and without gradients.

    Args:
        loss: of a batch, a scalar with its graph.
        schedule: the share of `lr`, by the step from 0 and the number of steps.
        what: is trained, for the progress bar.
        minutes: fewer steps, where they would take longer; None takes all.

    Returns:
        The steps that were made.
    """
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=lr)
    began = time.monotonic()
    with closing(Meter(steps, what=f"training the {what}, step")) as meter:
        for batch in batches:
            if minutes is not None and meter.done >= PACED:
                spent = (time.monotonic() - began) / (60 * minutes)
                steps = min(steps, int(meter.done / spent))
            if meter.done >= steps:
                break
            optimizer.param_groups[0]["lr"] = lr * schedule(meter.done, steps)
            value = loss(batch)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            meter.note = f"loss {float(value.detach()):.3g}"
            meter.advance()
    network.eval().requires_grad_(False)
    return meter.done
