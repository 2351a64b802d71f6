"""What goes by an update's role goes by no name: two generators and two discriminators, named otherwise."""

import torch
from toy_models import TwoWays, batch_of, stepper_of

from img2img.evaluation.pages.curves import curves
from img2img.training.health import Monitor
from img2img.training.history import Line

WEIGHTS = {"adv": 1.0, "real": 0.5, "l1": 10.0}
ROLES = TwoWays().roles


def test_learning_rates_go_by_role():
    torch.manual_seed(0)
    stepper = stepper_of(TwoWays(), lr=1e-3, d_lr=4e-3)
    stepper.set_learning_rate(0.5)
    rates = {name: o.param_groups[0]["lr"] for name, o in stepper.state.optimizers.items()}
    assert rates == {"judge_b": 2e-3, "judge_a": 2e-3, "to_b": 5e-4, "to_a": 5e-4}
    before = {k: v.clone() for k, v in stepper.model.state_dict().items()}
    stepper.step([batch_of()], observed=True)
    assert not any(map(torch.equal, before.values(), stepper.model.state_dict().values()))
    means, _ = stepper.means.read()
    assert set(means) == {
        *("judge_b/real", "judge_b/fake", "judge_a/real", "judge_a/fake", "to_b/adv", "to_a/adv")
    }


def lines(**values):
    """A training's first 300 steps; a value is a number, or its first and last one."""
    for number in range(30):
        yield Line(
            10 * (number + 1),
            {
                name.replace("__", "/"): v[0] + (v[1] - v[0]) * number / 29
                if isinstance(v, tuple)
                else v
                for name, v in values.items()
            },
        )


def found(**values):
    monitor = Monitor(WEIGHTS, ROLES)
    return {f.rule: f.message for line in lines(**values) for f in monitor.line(line)}


FINE = {
    **{f"{name}__moved": 0.1 for name in ROLES},
    **{f"{name}__accuracy": 0.7 for name in ("judge_a", "judge_b")},
    **{f"{name}__gain": 0.1 for name in ("judge_a", "judge_b")},
    **{f"{name}__real": 0.3 for name in ("judge_a", "judge_b")},
    **{f"{name}__adv": 0.3 for name in ("to_a", "to_b")},
}


def test_rules_look_at_each_of_a_role():
    assert found(**FINE) == {}
    # to_b gains on judge_b, so that it is judge_a alone that has won.
    won = FINE | {"judge_a__accuracy": 1.0, "judge_b__accuracy": 1.0, "to_b__adv": (1.0, 0.2)}
    assert "the discriminator judge_a is right on 100.0%" in found(**won)["discriminator_saturated"]
    won |= {"to_a__adv": (1.0, 0.2)}
    assert "discriminator_saturated" not in found(**won)
    astray = found(**FINE | {"judge_a__gain": -2.0})["generator_wins"]
    assert "the discriminator judge_a often does worse" in astray and "a smaller" in astray
    astray = found(**FINE | {"judge_a__gain": -2.0, "judge_a__moved": 1e-4})["generator_wins"]
    assert "a larger training.d_lr" in astray
    still = found(**FINE | {"to_a__moved": 0.0})["nothing_learns"]
    assert "no weight of to_a has moved" in still


def test_learning_by_heart_is_seen_in_any_generator():
    monitor = Monitor(WEIGHTS, ROLES)
    said = []
    for number, score in enumerate((0.5, 0.3, 0.4, 0.4, 0.4)):
        monitor.line(Line(100 * number + 10, {"to_b__l1": 0.3, "to_a/l1": 0.5 - 0.1 * number}))
        said += monitor.validation(100 * number + 20, {"val/l1": score})
    assert [finding.rule for finding in said] == ["overfitting"]
    assert "to_a/l1 in training still falls" in said[0].message


def test_pulse_names_each_of_a_role():
    monitor = Monitor(WEIGHTS, ROLES)
    for line in lines(judge_a__accuracy=0.5, judge_b__accuracy=0.75, to_b__adv=(1.0, 0.1)):
        monitor.line(line)
    pulse = (
        "discriminator judge_b right on 75%, discriminator judge_a right on 50%, to_b/adv falling"
    )
    assert monitor.pulse() == pulse


def test_charts_go_by_role():
    points = [(10, 1.0), (20, 0.5)]
    record = {"judge_a/real": points, "judge_b/real": points, "to_b/adv": points, "x/adv": points}
    page = str(curves(record, ROLES | {"x": "other"}))
    titles = ["Generator losses: to_b", "Discriminator losses: judge_b"]
    titles += ["Discriminator losses: judge_a", "Other losses"]
    places = [page.index(title) for title in titles]
    assert places == sorted(places)
    page = str(curves({"g/l1": points, "d/real": points}, {"g": "generator", "d": "discriminator"}))
    assert "Generator losses" in page and "Discriminator losses" in page and "losses:" not in page
