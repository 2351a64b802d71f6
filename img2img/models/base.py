"""The one abstraction: a model is its networks, how a batch becomes pictures, and the losses.

A model never calls backward, zero_grad or step and knows no optimizer and no device; the
trainer does all of that, in the order of `updates`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

import torch
from torch import Tensor, nn

from img2img.data.spec import DataSpec
from img2img.errors import CheckpointError, ConfigError
from img2img.schema import ModelOptions

Batch = Mapping[str, Tensor]
Terms = dict[str, Tensor]
State = dict[str, Tensor]
Role = Literal["generator", "discriminator", "other"]


@dataclass(frozen=True)
class Update:
    """One optimizer step.

    Attributes:
        name: names the update in the log (`g/l1`) and in checkpoints; nothing else depends on it.
        nets: attribute names of the networks that its optimizer holds.
        role: what its networks are for. Learning rates, health rules and charts go by it; several
            updates may have the same one.
        every: steps between two updates.
        ahead: (another update, k): the losses are those under the weights that the other update
            would have after k more steps, and gradients pass through these; None: as things are.
    """

    name: str
    nets: tuple[str, ...]
    role: Role
    every: int = 1
    ahead: tuple[str, int] | None = None


@dataclass
class Output:
    """What one step makes of a batch: what its updates share, and what is looked at after it.

    A model whose updates share more makes a subclass with more parts.

    Attributes:
        fake: generated pictures (N, C, H, W) in [-1, 1], with graph.
        real: the pictures that `health` looks at beside them, of the same range; None: at none.
        on_real, on_fake: raw outputs of the discriminator on both, of any shape, without graph;
            `losses` leaves them for `observe` and `after`, which read them by `judgement`.
        carried: what the batch's next step is to know, without graph; see `Model.steps`.
    """

    fake: Tensor
    real: Tensor | None = None
    on_real: Tensor | None = None
    on_fake: Tensor | None = None
    carried: State = field(default_factory=dict)


def judgement(out: Output) -> tuple[Tensor, Tensor]:
    """`on_real` and `on_fake`. Raises ValueError where no discriminator's `losses` has left them."""
    if out.on_real is None or out.on_fake is None:
        raise ValueError("no update of a discriminator has left what it said")
    return out.on_real, out.on_fake


OptionsT = TypeVar("OptionsT", bound=ModelOptions)
OutputT = TypeVar("OutputT", bound=Output)


class Model(nn.Module, Generic[OptionsT, OutputT]):
    """Base of all methods, by its settings and its step's output.

    A subclass says of itself what is not as here:

    Attributes:
        Options: its section of the config, OptionsT, with `weights` that name every loss term.
        updates: in the order in which they run.
        inference_nets: the networks that `translate` needs.
        least_size: the least side of a training picture in pixels.
        least_batch: the least batch.
        shared_graph: later updates read their losses off parts of the first one's graph, so that no
            weight moves before all of them are done.
        accumulation_remark: in what a step of several batches differs from one of a large batch,
            where it does.
        task: its job, by the name in `tasks.TASKS`.
        needs_classes: whether the pictures that it learns from need a class each.
        double_backward: networks whose gradients are differentiated once more.
        extra_state: modules without weights that a checkpoint holds as well.

    What only some can do (noise to draw from, styles, classes, references) is in `abilities`.
    """

    Options: type[ModelOptions]
    updates: tuple[Update, ...]
    inference_nets: tuple[str, ...] = ("generator",)
    least_size: int = 1
    least_batch: int = 1
    shared_graph: bool = False
    accumulation_remark: str = ""
    task: str = "paired"
    needs_classes: bool = False
    double_backward: tuple[str, ...] = ()
    extra_state: tuple[str, ...] = ()

    def __init__(self, options: OptionsT, spec: DataSpec):
        super().__init__()
        self.options = options
        self.spec = spec

    def require_size(self, least: int, remedy: str) -> None:
        """Raises ConfigError where a training picture's side is under `least` pixels."""
        self.least_size = least
        smallest = self.spec.smallest
        if smallest is not None and min(smallest) < least:
            raise ConfigError(
                f"the discriminator needs pictures of at least {least} pixels a side, but there is "
                f"one of {smallest[1]}x{smallest[0]}; {remedy}, or a larger data.resize or data.crop"
            )

    @property
    def roles(self) -> dict[str, Role]:
        """The role of every update, by its name, in the order in which they run."""
        return {update.name: update.role for update in self.updates}

    def networks(self) -> dict[str, nn.Module]:
        """The networks that a checkpoint holds, by attribute name."""
        names = [name for update in self.updates for name in update.nets]
        names += (*self.inference_nets, *self.extra_state)
        return {name: getattr(self, name) for name in dict.fromkeys(names)}

    def loss_switches(self) -> dict[str, bool]:
        """Loss terms that depend on more than the config, on or off: a resumed run must match."""
        return {}

    def start_training(self, *, blank: bool = False) -> list[str]:
        """Called once before the first step, on the CPU: loads what only training needs.

        Args:
            blank: for a forecast: nothing is downloaded, and a network whose weights are not at
                hand is there without them.

        Returns:
            Remarks for the log and the run's record, such as a term that is switched off.
        """
        return []

    def adopt(self, states: dict[str, dict[str, Tensor]]) -> list[str]:
        """Start from another run's weights: all of them that fit.

        Args:
            states: the other run's state dicts, by network name.

        Returns:
            What was loaded, as dotted names, each with the layers in it that stay new.

        Raises:
            CheckpointError: the networks differ in more than the sizes of a few layers.
        """
        networks = {n: net for n, net in self.networks().items() if n in states}
        for name in self.extra_state:  # how far another training was is not where this one starts
            networks.pop(name, None)
        if not networks:
            raise CheckpointError(
                f"nothing to start from: the run has {', '.join(states)}, this model "
                f"{', '.join(self.networks())}"
            )
        new = [n for n in self.networks() if n not in states and n not in self.extra_state]
        return [
            *(load_fitting(network, states[name], name) for name, network in networks.items()),
            *(f"nothing for {name}, which stays new" for name in new),
        ]

    def steps(self, batch: Batch, state: State) -> Iterator[Batch]:
        """What each of the steps that a batch is worth is made of: one, of the whole batch.

        A model of clips cuts them into chunks. Every part is generated, judged and stepped like a
        batch of its own, before the next one is asked for; all of them count as one step of the
        run, so that a checkpoint never falls between them.

        Args:
            state: empty at first; before the next part is asked for, it has the last one's
                `Output.carried`, such as its last pictures.
        """
        yield batch

    def generate(self, batch: Batch) -> OutputT:
        """The generator side of one step, with graph, shared by all updates of the step."""
        raise NotImplementedError

    def losses(self, update: str, batch: Batch, out: OutputT) -> Terms:
        """The named, unweighted scalar terms of one update.

        Weights of the same names are in `options.weights`; a term without one is an error.
        `out` is what `generate` returned; the parameters that earlier updates of the same
        step trained are already stepped, unless the updates share a graph. What `observe` needs
        besides may be left in it.
        """
        raise NotImplementedError

    def forward(self, update: str, batch: Batch, out: OutputT) -> Terms:
        """`losses`, by the name under which they can be asked for under other weights."""
        return self.losses(update, batch, out)

    def weigh(self, update: str, terms: Terms) -> Tensor:
        """The sum of an update's terms by the weights of the same names, a scalar.

        A term of weight 0 has no part in it, even where it is infinite.

        Raises:
            ConfigError: a term without a weight.
        """
        weights = self.options.weights
        unknown = [name for name in terms if not hasattr(weights, name)]
        if unknown:
            raise ConfigError(
                f"model.weights has no weight for the loss {', '.join(unknown)} of {update}"
            )
        # An update of which nothing counts keeps its graph, to be stepped by gradients of 0.
        counted = [name for name in terms if getattr(weights, name)] or list(terms)
        return sum(getattr(weights, name) * terms[name] for name in counted)

    def observe(self, out: OutputT) -> Terms:
        """Scalars beside the losses that tell how a step went, by name, such as `d/accuracy`.

        Called without graph, after the updates, in steps that are logged.
        """
        return {}

    def after(self, update: str, out: OutputT) -> None:
        """Called without graph after each step of an update, such as to clip weights.

        `out` is what `generate` returned and `losses` left in it, of the step's last batch.
        """

    def trainable(self, update: Update, epoch: int) -> list[nn.Parameter]:
        """The parameters that `update` trains in `epoch` (from 0); all of its networks'."""
        return [p for name in update.nets for p in getattr(self, name).parameters()]

    @property
    def stochastic(self) -> bool:
        """Whether `translate` draws noise where it is given a source of it: dropout is such noise."""
        networks = (getattr(self, name) for name in self.inference_nets)
        return any(isinstance(layer, nn.Dropout) for net in networks for layer in net.modules())

    def translate(self, batch: Batch, *, rng: torch.Generator | None = None) -> Tensor:
        """The generated image (N, C, H, W) in [-1, 1] for a batch of inputs of any size, or of latents.

        Args:
            rng: where noise beside the batch is drawn from, a generator on the CPU, so that a seed
                means the same on every device; None: no noise, the same picture every time. Latents
                in the batch are given, not drawn. Dropout cannot draw from it: PyTorch's takes no
                generator, and masks made by hand would be others on CUDA than those that seeds
                have given so far. Who asks for noise switches dropout on, and seeds the device.
        """
        raise NotImplementedError

    def valid(self, batch: Batch) -> Tensor | None:
        """1 where a pixel counts in losses and metrics, (N, 1, H, W); None: everywhere."""
        return None

    def visuals(self, batch: Batch) -> dict[str, Tensor]:
        """The inputs as pictures, name -> (N, 3, H, W) in [-1, 1], for sample sheets."""
        return {}


def load_strictly(
    network: nn.Module, state: Mapping[str, Tensor], name: str, *, assign: bool = False
) -> None:
    """Load every tensor or none; differences are named.

    Args:
        assign: the tensors become the parameters, for a network without memory of its own.

    Raises:
        CheckpointError: missing, unknown or differently shaped tensors.
    """
    own = network.state_dict()
    missing = [key for key in own if key not in state]
    unknown = [key for key in state if key not in own]
    shapes = [
        f"{key} is {list(state[key].shape)}, expected {list(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    problems = [
        f"  {what}: {', '.join(keys[:5])}{f' and {len(keys) - 5} more' if len(keys) > 5 else ''}"
        for what, keys in (("missing", missing), ("unknown", unknown), ("other shape", shapes))
        if keys
    ]
    if problems:
        raise CheckpointError(f"the weights do not fit {name}:\n" + "\n".join(problems))
    network.load_state_dict(dict(state), assign=assign)


def load_fitting(network: nn.Module, state: Mapping[str, Tensor], name: str) -> str:
    """Load every tensor of the same shape, as of a run with other classes; the others stay as they are.

    Returns:
        The name, with the tensors that stay new.

    Raises:
        CheckpointError: tensors of other names, or not even half of them of the same shape.
    """
    own = network.state_dict()
    other = [key for key in own if key in state and state[key].shape != own[key].shape]
    if 2 * len(other) > len(own):
        load_strictly(network, state, name)  # says how they differ
    load_strictly(network, {**state, **{key: own[key] for key in other}}, name)
    new = [f"{key} ({list(state[key].shape)} there, {list(own[key].shape)} here)" for key in other]
    return f"{name} but for {', '.join(new)}, which stays new" if new else name
