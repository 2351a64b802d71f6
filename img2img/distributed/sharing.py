"""A command's pictures shared by several processes, as torchrun starts them."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch

from img2img.devices import pick_device
from img2img.distributed.launching import (
    leftovers,
    meeting,
    part_at_exit,
    promised,
    require_all,
    require_gpus,
)
from img2img.lazy import renamed

if TYPE_CHECKING:  # a second of imports that a process alone has no use for
    from accelerate import PartialState

__getattr__ = renamed(__name__, {"Crew": "ProcessGroup"})

T = TypeVar("T")

# One process may have much less to do than another. That one has died is noticed without a clock.
PATIENCE = timedelta(days=1)


@dataclass(frozen=True)
class ProcessGroup:
    """The processes that share the pictures; a single one without a launcher.

    They meet by gloo, in memory, also where they compute on GPUs: what they exchange is small.

    Attributes:
        state: of the process group; None for a process that is alone.
    """

    state: "PartialState | None" = None

    @classmethod
    def join(cls) -> "ProcessGroup":
        """The group that this process was started in; waits until all are there.

        Raises:
            ConfigError: the launcher promised other processes, and they are missing.
        """
        leftovers()  # promises that nobody keeps
        if promised() == 1:
            require_all(1)
            return cls()
        from accelerate import PartialState

        with meeting():
            state = PartialState(cpu=True, timeout=PATIENCE)
        part_at_exit()
        require_all(state.num_processes)
        return cls(state)

    @property
    def main(self) -> bool:
        """Whether this process is the one that reports."""
        return self.state is None or self.state.is_main_process

    def device(self, name: str) -> str:
        """The device for this process: on a machine with GPUs each has one of its own.

        Raises:
            ConfigError: as `pick_device`, or there are fewer GPUs than processes.
        """
        if self.state is None or pick_device(name) != torch.device("cuda"):
            return name
        require_gpus(torch.cuda.device_count())
        return f"cuda:{os.environ['LOCAL_RANK']}"

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """Every process's own of all items."""
        if self.state is None:
            return items
        return items[self.state.process_index :: self.state.num_processes]

    def together(self, work: Callable[[], T]) -> T:
        """As `processes.together`: where the work fails in one process, all of them leave."""
        if self.state is None:
            return work()
        from img2img.distributed.processes import all_alive, together

        with all_alive("Start the command anew"):
            return together(self.state, work)

    def main_alone(self, work: Callable[[], T]) -> T | None:
        """`together`, where only the main process has something to do."""
        return self.together(work if self.main else lambda: None)

    def from_main(self, work: Callable[[], T]) -> T:
        """`main_alone`, and every process gets the result."""
        result = self.main_alone(work)
        return cast(T, self.gather(result)[0])

    def gather(self, own: T) -> list[T]:
        """What every process has, in their order; the same in all of them.

        Raises:
            TrainingError: another process has died.
        """
        if self.state is None:
            return [own]
        from img2img.distributed.processes import all_alive

        found: list[Any] = [None] * self.state.num_processes
        with all_alive("Start the command anew"):
            torch.distributed.all_gather_object(found, own)
        return found
