"""What a model may be that none is yet: its step's output, its noise."""

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn
from toy_models import SPEC, TwoWays, batch_of, stepper_of

from img2img.inference.translator import Translator
from img2img.training.observing import observe


def test_what_is_observed_is_in_the_output():
    stepper = stepper_of(TwoWays())
    stepper.step([batch_of()], observed=True)
    assert set(stepper.seen) == {"fake/spread", "fake/grid", "real/spread", "real/grid"}
    without = TwoWays().generate(batch_of())
    without.real = None
    assert set(observe(stepper.model, without)) == {"fake/spread", "fake/grid"}


class Noisy(TwoWays):
    """Draws z beside the picture that it translates."""

    stochastic = True

    def translate(self, batch, *, rng=None):
        picture = batch["a"]
        shape = (len(picture), 1, 1, 1)
        z = torch.zeros(shape) if rng is None else torch.randn(shape, generator=rng)
        return self.a_to_b(picture + z.to(picture.device))


def test_a_conditional_model_draws_noise_from_what_it_is_given():
    torch.manual_seed(0)
    translator = Translator(Noisy(spec=SPEC).eval(), torch.device("cpu"))
    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    plain = translator.translate(picture)
    assert translator.has_noise and np.array_equal(plain, translator.translate(picture, seed=3))
    state = torch.get_rng_state()
    one, same, other = (translator.translate(picture, stochastic=True, seed=s) for s in (3, 3, 4))
    assert torch.equal(state, torch.get_rng_state()), "noise of its own"
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    assert not np.array_equal(one, plain)
    free = [translator.translate(picture, stochastic=True) for _ in range(2)]
    assert not np.array_equal(*free)


def test_dropout_is_noise_of_the_networks_that_translate_alone():
    model = TwoWays()
    assert not model.stochastic
    model.critic_b = nn.Sequential(model.critic_b, nn.Dropout(0.5))
    assert not model.stochastic
    model.a_to_b = nn.Sequential(model.a_to_b, nn.Dropout(0.5))
    assert model.stochastic
    assert Translator.has_noise.fget(SimpleNamespace(model=model))


class Clips(TwoWays):
    """Takes a batch as a clip of two chunks; each is drawn upon the last picture of the one before."""

    seen: list

    def steps(self, batch, state):
        for half in (slice(0, 2), slice(2, 4)):
            before = state.get("last")
            self.seen.append(before)
            start = torch.zeros_like(batch["a"][:1]) if before is None else before
            yield {k: v[half] for k, v in batch.items()} | {"before": start}

    def generate(self, batch):
        out = super().generate(batch | {"a": batch["a"] + batch["before"]})
        out.carried = {"last": out.fake[-1:].detach()}
        return out


def clips(*batches, model=Clips):
    torch.manual_seed(0)
    stepper = stepper_of(model(), optimizer="sgd", lr=0.01, ema=0.5)
    stepper.model.seen = []
    stepper.step(list(batches), observed=True)
    return stepper


def test_a_batch_may_be_worth_several_steps_with_a_state():
    stepper = clips(batch_of(4))
    first, last = stepper.model.seen
    assert first is None and last.shape == (1, 3, 8, 8) and not last.requires_grad
    assert set(stepper.state.average.networks) == {"a_to_b"} and stepper.seen
    # The same, written out: a batch of its own for each chunk.
    torch.manual_seed(0)
    plain = stepper_of(TwoWays(), optimizer="sgd", lr=0.01, ema=0.5)
    start = 0.0
    for half in (slice(0, 2), slice(2, 4)):
        part = {k: v[half] for k, v in batch_of(4).items()}
        part["a"] = part["a"] + start
        start = plain.model.a_to_b(part["a"])[-1:].detach()
        plain.step([part])
    # The other way is left out: there, what judges A is shown the moved input as a real one.
    for name in ("a_to_b", "critic_b"):
        found, expected = (getattr(s.model, name).weight for s in (stepper, plain))
        torch.testing.assert_close(found, expected)


def test_states_of_several_batches_are_apart_and_end_with_them():
    stepper = clips(batch_of(4), batch_of(4, seed=1))
    one, other, after_one, after_other = stepper.model.seen
    assert one is other is None and not torch.equal(after_one, after_other)
    stepper.model.seen.clear()
    stepper.step([batch_of(4)])
    assert stepper.model.seen[0] is None
