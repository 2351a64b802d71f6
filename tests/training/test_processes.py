"""Two processes on the CPU: the same script under torchrun is one training with a larger batch."""

import json
from pathlib import Path
from shutil import copytree

import pytest
import torch
from launches import IMG2IMG, torchrun
from safetensors.torch import load_file

from img2img.cli import main
from img2img.config import load_config
from img2img.distributed.launching import keep_step
from img2img.errors import ConfigError
from img2img.models import OPTIONS

SETTINGS = [
    "--model",
    "pix2pixHD",
    "--device",
    "cpu",
    "--max-steps",
    "3",
    "model.width=4",
    "model.n_down=2",
    "model.n_blocks=1",
    "model.d_width=4",
    "model.weights.perceptual=0",
    "data.scene_size=[32, 32]",
    "data.scenes=8",
    "data.val_scenes=1",
    "data.flip=false",
    "training.workers=0",
    "training.log_every=1",
]


# Runs the command line in every process, with something wrong in the main one alone, and stays
# until all processes are through: else the launcher would end the others by force.
FAILING = """
import os, sys, time
from pathlib import Path
from img2img.cli import main

rank = os.environ["RANK"]
if rank == "0":
    {sabotage}
code = main(["train", *sys.argv[1:]])
Path("exit-" + rank).write_text(str(code))
for _ in range(300):
    if Path("exit-" + str(1 - int(rank))).exists():
        break
    time.sleep(0.1)
sys.exit(code)
"""
# The second of two processes is killed in the third step, as a system short of memory would.
KILLED = """
import os, signal, sys
from img2img.cli import main
from img2img.training.stepper import Stepper

made = Stepper.step
def step(self, *args, **kwargs):
    if self.progress.step == 2 and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGKILL)
    made(self, *args, **kwargs)
Stepper.step = step
sys.exit(main(["train", *sys.argv[1:]]))
"""
SABOTAGE = {
    "validation": """
    from img2img.tasks.paired import PairValidator
    def unreadable(*_):
        from img2img.errors import DataError
        raise DataError("no such picture")
    PairValidator.run = unreadable
""",
    "checkpoint": """
    from img2img.runs import checkpoint
    def full(*_): raise OSError("no space left")
    checkpoint.save_file = full
""",
    "download": """
    from img2img.models.pix2pixhd import Pix2PixHD
    from img2img.errors import ConfigError
    def no(_): raise ConfigError("no weights")
    Pix2PixHD.start_training = no
""",
}


@pytest.fixture
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(*arguments, run="two"):
    """A training of two processes."""
    result = torchrun(*IMG2IMG, "train", *(["--run", run] if run else []), *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def weights(run, step):
    return load_file(run / f"checkpoints/step-{step:08d}.safetensors")


def assert_same_training(one, other, step):
    """Adam makes a step of the sign of a gradient: where it is float noise around 0, the two may
    part, but not on average."""
    a, b = weights(one, step), weights(other, step)
    names = [n for n in a if n.startswith("model/") and n.endswith("conv.weight")]
    drift = [(a[name] - b[name]).abs().mean() for name in names]
    assert len(drift) > 10 and max(drift) < 0.05 * step * 2e-4


def lines(run):
    with open(run / "metrics.jsonl") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """runs/one, of one process, and runs/two, of two with half the batch, stopped in mid-epoch."""
    folder = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        said = train(*SETTINGS, "training.batch_size=1")
        assert "process 1 of 2 (" in said and "process 2 of 2 (" in said
        assert "batch 1 on each of 2 processes" in said
        assert main(["train", "--run", "one", *SETTINGS, "training.batch_size=2"]) == 0
    return folder / "runs"


@pytest.mark.slow
def test_two_processes_equal_one_with_twice_the_batch(begun):
    runs = [begun / "one", begun / "two"]
    assert_same_training(*runs, step=3)
    one, two = ([line for line in lines(run) if "val/l1" in line] for run in runs)
    assert len(one) == len(two) == 1
    for score in ("val/l1", "val/psnr", "val/ssim"):
        assert two[0][score] == pytest.approx(one[0][score], rel=1e-2)


@pytest.mark.slow
def test_one_of_two_processes_writes(begun):
    assert [line["step"] for line in lines(begun / "two")] == [1, 2, 3, 3]
    one, two = (
        sorted(str(file.relative_to(begun / run)) for file in (begun / run).rglob("*"))
        for run in ("one", "two")
    )
    events = [name for name in two if "tfevents" in name]
    assert len(events) == 1
    assert [n for n in one if "tfevents" not in n] == [n for n in two if n not in events]


@pytest.mark.slow
def test_each_process_has_random_numbers_of_its_own(begun):
    found = weights(begun / "two", 3)
    assert not torch.equal(found["rng/0/cpu"], found["rng/1/cpu"])


@pytest.mark.slow
def test_two_processes_go_on_as_one_and_one_as_two(inside, begun, capsys):
    runs = copytree(begun, inside / "runs")
    alone = copytree(runs / "one", runs / "uninterrupted")
    assert main(["train", "--resume", "uninterrupted", "--max-steps", "6"]) == 0
    assert main(["train", "--resume", "two", "--max-steps", "6"]) == 0
    said = capsys.readouterr().out
    assert "2 processes before, 1 now, and as many pairs a step" in said
    assert "batch 1, 2 batches a step, 6 steps, 4 an epoch" in said
    said = train("--resume", "one", "--max-steps", "6", run=None)
    assert "1 process before, 2 now" in said
    assert "batch 1 on each of 2 processes, 6 steps, 4 an epoch" in said
    assert_same_training(alone, runs / "two", step=6)
    assert_same_training(alone, runs / "one", step=6)
    assert {line["epoch"] for line in lines(runs / "one") if "epoch" in line} == {0.0, 1.0}


def test_a_step_of_one_pair_is_not_shared():
    config = load_config(OPTIONS, overrides={"model.name": "pix2pix"})
    with pytest.raises(ConfigError, match="1 pair, which 2 processes cannot share"):
        keep_step(config, before=1, now=2)


@pytest.mark.parametrize(
    ("size", "accumulation", "before", "now", "expected"),
    [
        (1, 1, 8, 2, (1, 4)),
        (4, 1, 1, 8, None),
        (4, 2, 1, 8, (1, 1)),
        (6, 1, 2, 3, (4, 1)),
        (4, 1, 2, 1, (4, 2)),
        (4, 1, 3, 2, (3, 2)),
    ],
)
def test_a_step_keeps_its_pairs(size, accumulation, before, now, expected):
    overrides = {"training.batch_size": size, "training.accumulation": accumulation}
    config = load_config(OPTIONS, overrides={"model.name": "pix2pix"} | overrides)
    if expected is None:
        with pytest.raises(ConfigError, match="go on with 1 or 2 or 4"):
            keep_step(config, before, now)
        return
    kept = keep_step(config, before, now).training
    assert (kept.batch_size, kept.accumulation) == expected
    assert kept.batch_size * kept.accumulation * now == size * accumulation * before


@pytest.mark.slow
def test_where_one_process_is_killed_the_other_says_so_and_the_run_goes_on(inside, begun):
    script = inside / "killed.py"
    script.write_text(KILLED)
    arguments = ["--run", "killed", *SETTINGS, "training.save_every=1"]
    result = torchrun(str(script), *arguments)
    assert result.returncode != 0
    assert "error: another process has ended, or its machine cannot be reached" in result.stderr
    assert "Traceback" not in result.stderr.split("torch/distributed/elastic")[0]
    train("--resume", "killed", "--max-steps", "3", run=None)
    assert_same_training(begun / "two", Path("runs/killed"), step=3)


ENDED = """
import os, sys
from pathlib import Path
from img2img.cli import main
code = main(sys.argv[1:])
names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
Path(f"threads-{os.environ['RANK']}").write_text(" ".join(names))
sys.exit(code)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are listed by Linux")
def test_no_thread_of_the_group_is_left_that_could_abort_a_process_at_its_end(inside):
    script = inside / "ended.py"
    script.write_text(ENDED)
    result = torchrun(str(script), "train", "--run", "two", *SETTINGS)
    assert result.returncode == 0, result.stderr
    for rank in "01":
        names = (inside / f"threads-{rank}").read_text()
        assert "python" in names and "gloo" not in names


@pytest.mark.slow
@pytest.mark.parametrize("what", SABOTAGE)
def test_an_error_in_the_main_process_alone_ends_all(inside, what):
    script = inside / "failing.py"
    script.write_text(FAILING.format(sabotage=SABOTAGE[what].strip()))
    result = torchrun(str(script), "--run", "two", *SETTINGS)
    codes = {name: (inside / name).read_text() for name in ("exit-0", "exit-1")}
    assert codes == {"exit-0": "2", "exit-1": "2"}, result.stderr
    assert "error: another process could not go on" in result.stderr
