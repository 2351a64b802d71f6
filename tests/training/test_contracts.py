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
