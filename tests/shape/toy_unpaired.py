"""Pictures of two kinds without pairs: a task and a model for it, this file and a line in each table.

The model is CycleGAN (Zhu et al. 2017, "Unpaired image-to-image translation using cycle-consistent
adversarial networks"), tiny: two generators, two discriminators, the cycle's loss, and the history of
generated pictures (Shrivastava et al. 2017, "Learning from simulated and unsupervised images through
adversarial training", Sec. 2.3).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from img2img.data.describe import Data
from img2img.data.loader import PairDataset, iterate, make_loader
from img2img.data.reading import Arrays
from img2img.data.sheets import contact_sheet, to_picture
from img2img.data.spec import DataSpec, PartSpec
from img2img.data.survey import resize_setting, with_size
from img2img.errors import ConfigError, DataError
from img2img.fields import Image
from img2img.fields.image import ImageSpec
from img2img.inference.translator import Translator
from img2img.keys import TARGET
from img2img.losses.adversarial import adversarial_loss, verdict
from img2img.models.base import Batch, Model, Output, Terms, Update
from img2img.networks.padding import run_padded
from img2img.networks.patchgan import PatchDiscriminator
from img2img.networks.pix2pixhd import GlobalGenerator
from img2img.schema import Config, ModelOptions, Section
from img2img.tasks.base import Task, Validator

# ------------------------------------------------------------------ the task


class TwoKinds:
    """A picture of A by its index, and beside it one of B that is drawn afresh each time."""

    def __init__(self, a: Sequence[np.ndarray], b: Sequence[np.ndarray]):
        self.a, self.b = a, b

    def __len__(self) -> int:
        return len(self.a)

    def read(self, index: int, rng: np.random.Generator | None = None) -> Arrays:
        other = index if rng is None else int(rng.integers(len(self.b)))
        return {"a": self.a[index], TARGET: self.b[other % len(self.b)]}

    def name(self, index: int) -> str:
        return f"{index:05d}"


class ToB(Translator):
    """Translates pictures of A."""


class Unpaired(Task):
    """Pictures of A become such as could be of B; there is no right answer beside one."""

    def describe(self, config: Config) -> Data:
        if config.data.path is None:
            raise DataError("there are no built-in pictures of two kinds; set data.path")
        root = Path(config.data.path).expanduser()
        image = ImageSpec()
        # A group of its own: of another size, and moved by another draw than the target.
        shown = Image(name="a", part="A", group="a", image=image)
        a, b = ([shown.read(path) for path in sorted((root / side).glob("*.png"))] for side in "AB")
        if not a or not b:
            raise DataError(f"{root}: there must be PNG files in both of its folders A and B")
        spec = DataSpec(
            inputs=(shown,),
            target=image,
            target_part="B",
            layout="unpaired",
            parts=(PartSpec(name="A", folder="A"), PartSpec(name="B", folder="B")),
            resize=resize_setting(config.data),
        )
        sizes = frozenset(picture.shape[:2] for picture in (*a, *b))
        remark = f"{root}: {len(a)} pictures of A, {len(b)} of B, the first of A held out"
        return Data(
            with_size(spec, config.data, sizes),
            TwoKinds(a[1:], b),
            TwoKinds(a[:1], b),
            sizes,
            (remark,),
        )

    def blank_inputs(
        self, model: Model, data: Data, size: tuple[int, int], device: torch.device
    ) -> Batch | None:
        return self.blank_batch(data.spec, size, 1, device)

    def validator(self, config: Config, dataset: PairDataset, device: torch.device) -> Validator:
        return CycleValidator(dataset, device)

    def next_steps(self, run: str, spec: DataSpec, *, styles: bool) -> dict[str, str]:
        return {"translate": f"img2img translate PICTURE.png --run {run}"}

    def predictor(self, run: str | Path | None = None, **settings: Any) -> ToB:
        return ToB.load(run, **settings)


class CycleValidator:
    """Translates held-out pictures to B and back, and measures how near that is to the start."""

    criterion, remark = "cycle", ""

    def __init__(self, dataset: PairDataset, device: torch.device):
        self.dataset, self.device = dataset, device

    def better(self, value: float, than: float | None) -> bool:
        return than is None or value < than

    def terms(self, model: "TinyCycleGAN") -> str:
        return "there and back, values in [-1, 1]"

    @torch.no_grad()
    def run(
        self, model: "TinyCycleGAN", interrupted: Callable[[], bool]
    ) -> tuple[dict[str, float], np.ndarray | None]:
        model.eval()
        rows, distances = [], []
        keys = [[(index, 0)] for index in range(len(self.dataset))]
        for batch in iterate(make_loader(self.dataset, keys, workers=0)):
            if interrupted():
                model.train()
                return {}, None
            a = batch["a"].to(self.device)
            b = model.translate({"a": a})
            back = run_padded(model.b_to_a, b)
            distances.append(float(F.l1_loss(back, a)))
            pictures = {"a": a, "b": b, "back": back}
            rows.append({name: to_picture(picture[0]) for name, picture in pictures.items()})
        model.train()
        return {"val/cycle": float(np.mean(distances))}, contact_sheet(rows)


# ------------------------------------------------------------------ the model


class Weights(Section):
    """Loss weights."""

    real: float = 0.5
    """Weight of both discriminators' loss on real pictures."""
    fake: float = 0.5
    """Weight of both discriminators' loss on generated pictures."""
    adv: float = 1.0
    """Weight of both generators' adversarial loss."""
    cycle: float = 10.0
    """Weight of the mean absolute difference after a way there and back."""


class Options(ModelOptions):
    """Settings of the toy for unpaired data."""

    name: Literal["toy_cycle"] = "toy_cycle"
    """The model."""
    width: int = Field(4, ge=1)
    """Channels of the first layer of all networks."""
    history: int = Field(3, ge=1)
    """Generated pictures of each kind that are kept for the discriminators."""
    weights: Weights = Weights()


class History(nn.Module):
    """Generated pictures of former steps. Buffers hold them, so checkpoints do.

    There is no branch on a value: a forecast runs it on tensors without values.
    """

    def __init__(self, count: int, shape: tuple[int, int, int]):
        super().__init__()
        self.register_buffer("pictures", torch.zeros(count, *shape))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    def swap(self, pictures: Tensor) -> Tensor:
        """(N, C, H, W) -> the same, but half of them older ones, whose place the new ones take."""
        return torch.cat([self._swap_one(picture[None]) for picture in pictures])

    def _swap_one(self, new: Tensor) -> Tensor:
        count, device = len(self.pictures), new.device
        full = self.filled >= count
        slot = torch.where(full, torch.randint(count, (), device=device), self.filled)[None]
        old = self.pictures.index_select(0, slot)
        takes_old = full & (torch.rand((), device=device) < 0.5)
        kept = torch.where(full & ~takes_old, old, new.to(old.dtype))
        self.pictures.index_copy_(0, slot, kept)
        self.filled.add_(1).clamp_(max=count)
        return torch.where(takes_old, old, new)


@dataclass(kw_only=True)
class Cycle(Output):
    """Both ways and back. `fake` is of B.

    Attributes:
        fake_a: (N, C, H, W), of A.
        back_a, back_b: (N, C, H, W), what became of real pictures on the way there and back.
        judged: by update, the discriminator's outputs on real and generated pictures.
    """

    fake_a: Tensor
    back_a: Tensor
    back_b: Tensor
    judged: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)


class TinyCycleGAN(Model[Options, Cycle]):
    """Two generators, trained by one update, against two discriminators."""

    Options = Options
    task = "unpaired"
    updates = (
        Update("g", ("a_to_b", "b_to_a"), "generator"),
        Update("d_a", ("judge_a",), "discriminator"),
        Update("d_b", ("judge_b",), "discriminator"),
    )
    inference_nets = ("a_to_b",)
    extra_state = ("history_a", "history_b")

    def __init__(self, options: Options, spec: DataSpec):
        super().__init__(options, spec)
        if spec.size is None:
            raise ConfigError("the history holds pictures of one size: set data.crop")
        channels, width = spec.target.channels, options.width
        for name in ("a_to_b", "b_to_a"):
            shape = {"in_channels": channels, "out_channels": channels, "width": width}
            setattr(self, name, GlobalGenerator(n_down=1, n_blocks=1, **shape))
        for kind in "ab":
            judge = PatchDiscriminator(in_channels=channels, width=width, n_layers=1)
            setattr(self, f"judge_{kind}", judge)
            setattr(self, f"history_{kind}", History(options.history, (channels, *spec.size)))

    def generate(self, batch: Batch) -> Cycle:
        a, b = batch["a"], batch[TARGET]
        fake_b, fake_a = run_padded(self.a_to_b, a), run_padded(self.b_to_a, b)
        back_a, back_b = run_padded(self.b_to_a, fake_b), run_padded(self.a_to_b, fake_a)
        return Cycle(fake_b, b, fake_a=fake_a, back_a=back_a, back_b=back_b)

    def losses(self, update: str, batch: Batch, out: Cycle) -> Terms:
        a, b = batch["a"], batch[TARGET]
        if update == "g":
            judged = self.judge_a(out.fake_a)[-1], self.judge_b(out.fake)[-1]
            return {
                "adv": sum(adversarial_loss(one, True) for one in judged),
                "cycle": F.l1_loss(out.back_a, a) + F.l1_loss(out.back_b, b),
            }
        if update == "d_a":
            judge, history, real, fake = self.judge_a, self.history_a, a, out.fake_a
        else:
            judge, history, real, fake = self.judge_b, self.history_b, b, out.fake
        on_real, on_fake = judge(real)[-1], judge(history.swap(fake.detach()))[-1]
        out.judged[update] = on_real.detach(), on_fake.detach()
        return {
            "real": adversarial_loss(on_real, True),
            "fake": adversarial_loss(on_fake, False),
        }

    def observe(self, out: Cycle) -> Terms:
        return {
            f"{update}/{name}": value
            for update, (on_real, on_fake) in out.judged.items()
            for name, value in verdict([on_real], [on_fake], kind="lsgan").items()
        }

    def translate(self, batch: Batch, *, rng: torch.Generator | None = None) -> Tensor:
        return run_padded(self.a_to_b, batch["a"])

    def visuals(self, batch: Batch) -> dict[str, Tensor]:
        return {"a": batch["a"]}
