"""What networks without pairs draw their pictures from: noise, and a class or codes beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from img2img.keys import CATEGORY, CLASS, CODES, Z

Noise = Literal["normal", "uniform"]
COLUMNS = 10  # pictures in a row of a gallery
SPAN = 2.0  # codes are shown from -2 to 2, though drawn from -1 to 1: Chen et al. 2016, Fig. 2


@dataclass(frozen=True)
class Latents:
    """The distribution of a generator's inputs.

    Attributes:
        size: numbers of z, each of U[-1, 1] or N(0, 1).
        classes: names of the classes that a picture can be asked for by.
        categories: values of InfoGAN's categorical code; 0: there is none.
        codes: number of InfoGAN's continuous codes, each of U[-1, 1].
    """

    size: int
    noise: Noise
    classes: tuple[str, ...] = ()
    categories: int = 0
    codes: int = 0

    def draw(
        self,
        count: int,
        device: torch.device | str = "cpu",
        generator: torch.Generator | None = None,
    ) -> dict[str, Tensor]:
        """`z` (N, size), and by its distribution what else there is.

        These are `class` and `category`, (N,) int64, and `codes` (N, codes).

        Args:
            generator: of a device of its own; None: the random state of `device`.
        """
        where = generator.device if generator else device

        def uniform(size: int) -> Tensor:
            return torch.rand(count, size, device=where, generator=generator) * 2 - 1

        def one_of(values: int) -> Tensor:
            return torch.randint(values, (count,), device=where, generator=generator)

        if self.noise == "normal":
            drawn = {Z: torch.randn(count, self.size, device=where, generator=generator)}
        else:
            drawn = {Z: uniform(self.size)}
        if self.classes:
            drawn[CLASS] = one_of(len(self.classes))
        if self.categories:
            drawn[CATEGORY] = one_of(self.categories)
        if self.codes:
            drawn[CODES] = uniform(self.codes)
        return {name: value.to(device) for name, value in drawn.items()}

    @property
    def code_kinds(self) -> tuple[str, ...]:
        """`category` or `codes` of each of InfoGAN's codes, code 1 first.

        They count as c1, c2, c3 of Chen et al. 2016, Sec. 7.2: the categorical one, where there is
        one, and then the continuous ones.
        """
        return (CATEGORY,) * bool(self.categories) + (CODES,) * self.codes

    @property
    def given(self) -> int:
        """Numbers that the generator takes beside z."""
        return len(self.classes) + self.categories + self.codes

    def beside(self, latents: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """What it takes beside z, where there is anything, (N, given): class or category one-hot, codes."""
        parts = [
            F.one_hot(latents[name], values).float()
            for name, values in ((CLASS, len(self.classes)), (CATEGORY, self.categories))
            if values
        ]
        if self.codes:
            parts.append(latents[CODES])
        return (torch.cat(parts, dim=1),) if parts else ()

    def gallery(
        self, rows: int, columns: int, generator: torch.Generator
    ) -> list[tuple[str, dict[str, Tensor]]]:
        """Rows of latents with captions, on the generator's device, for people to look at.

        A row for each class or category, all of the same z, and one for each code, along which it
        alone changes. Where there is none of these, `rows` rows of different z.
        """
        same = self.draw(columns, generator.device, generator)
        shown = [
            (name, {**same, CLASS: torch.full_like(same[CLASS], number)})
            for number, name in enumerate(self.classes)
        ]
        shown += [
            (f"code 1 = {number}", {**same, CATEGORY: torch.full_like(same[CATEGORY], number)})
            for number in range(self.categories)
        ]
        shown += [
            (
                f"code {code} = -{SPAN:g} to {SPAN:g}",
                self.traverse(same, code, self.code_values(code, columns)),
            )
            for code, kind in enumerate(self.code_kinds, 1)
            if kind == CODES
        ]
        others = rows - 1 if not shown else 0
        if not shown:
            shown = [("", same)]
        return shown + [
            ("", self.draw(columns, generator.device, generator)) for _ in range(others)
        ]

    def code_values(self, code: int, steps: int) -> Tensor:
        """What code 1, 2, ... is shown at: each category, int64, or `steps` numbers from -2 to 2."""
        if self.code_kinds[code - 1] == CATEGORY:
            return torch.arange(self.categories)
        return torch.linspace(-SPAN, SPAN, steps)

    def traverse(self, latents: dict[str, Tensor], code: int, values: Tensor) -> dict[str, Tensor]:
        """The first of the latents, over and over, where code 1, 2, ... alone takes the values (N,)."""
        first = {
            name: value[:1].expand(len(values), *value.shape[1:]).clone()
            for name, value in latents.items()
        }
        if self.code_kinds[code - 1] == CATEGORY:
            first[CATEGORY][:] = values
        else:
            first[CODES][:, code - 1 - self.code_kinds.count(CATEGORY)] = values
        return first
