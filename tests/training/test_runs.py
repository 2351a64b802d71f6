"""Runs through the real command line: what is written, stopped, resumed, refused."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from img2img.cli import main
from img2img.runs.locking import owning

TINY = [
    "--device",
    "cpu",
    "data.scene_size=[32, 32]",
    "data.scenes=5",
    "data.val_scenes=2",
    "model.width=4",
    "model.d_width=4",
    "model.patch=16",
    "training.workers=0",
    "training.log_every=1",
    "training.steps=8",
    "training.decay_steps=4",
]


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(*arguments):
    return main(["train", *arguments])


def checkpoint(run, step):
    return load_file(f"runs/{run}/checkpoints/step-{step:08d}.safetensors")


def assert_same_run(a, b, step):
    first, second = checkpoint(a, step), checkpoint(b, step)
    assert first.keys() == second.keys()
    different = [name for name in first if not torch.equal(first[name], second[name])]
    assert not different
    assert any(name.startswith("optim/") for name in first)
    assert any(name.startswith("rng/") for name in first)


def lines(run):
    with open(f"runs/{run}/metrics.jsonl") as file:
        return [json.loads(line) for line in file]


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(["model.dropout=0.5"], marks=pytest.mark.slow),
        ["training.batch_size=2", "training.workers=2"],
        ["training.accumulation=2", "training.ema=0.9"],
        ["model.norm=batch", "training.batch_size=2", "model.adversarial=vanilla"],
    ],
    ids=["dropout", "workers", "accumulation-ema", "batch-norm"],
)
def test_interrupted_and_resumed_equals_uninterrupted(settings):
    common = ["--model", "pix2pix", "--max-steps", "7", *TINY, *settings]
    assert train("--run", "whole", *common) == 0
    common[3] = "3"  # in mid-epoch: an epoch has 5, or 3, steps
    assert train("--run", "parts", *common) == 0
    assert train("--resume", "parts", "--max-steps", "7") == 0
    assert_same_run("whole", "parts", 7)
    strip = [{k: v for k, v in line.items() if "/" in k} for line in lines("whole")]
    again = [{k: v for k, v in line.items() if "/" in k} for line in lines("parts")]
    training = [line for line in strip if "g/l1" in line]
    assert [line for line in again if "g/l1" in line] == training


def test_pix2pixhd_resumes_exactly():
    common = ["--model", "pix2pixHD", "--max-steps", "4", "model.n_down=2", "model.n_blocks=1"]
    common += ["model.weights.perceptual=0", "training.batch_size=2"]
    tiny = [setting for setting in TINY if not setting.startswith("model.patch")]
    assert train("--run", "whole", *common, *tiny) == 0
    common[3] = "2"
    assert train("--run", "parts", *common, *tiny) == 0
    assert train("--resume", "--max-steps", "4") == 0
    assert_same_run("whole", "parts", 4)


def test_what_a_run_holds(inside):
    assert train("--model", "pix2pix", "--run", "first", *TINY) == 0
    run = inside / "runs" / "first"
    names = {path.name for path in run.iterdir()}
    assert names == {
        "config.yaml",
        "metrics.jsonl",
        "health.jsonl",
        *["tensorboard", "samples", "checkpoints"],
    }
    assert {p.name for p in (run / "checkpoints").iterdir()} == {
        "best.safetensors",
        "step-00000012.safetensors",
    }
    rates = {line["step"]: line["lr"] for line in lines("first") if "lr" in line}
    assert rates[8] == rates[9] == 2e-4  # constant for 8 steps, then falling over 4
    assert rates[12] == pytest.approx(2e-4 / 4)
    scores = [line for line in lines("first") if "val/l1" in line]
    assert set(scores[-1]) == {"step", "val/l1", "val/psnr", "val/ssim"}
    assert list((run / "tensorboard").iterdir())


def test_checkpoints_are_kept_and_pruned(inside):
    arguments = ["--model", "pix2pix", "--run", "kept", "--max-steps", "6", *TINY]
    assert train(*arguments, "training.save_every=1", "training.keep=3") == 0
    files = sorted(p.name for p in (inside / "runs/kept/checkpoints").glob("step-*"))
    assert files == [f"step-{step:08d}.safetensors" for step in (4, 5, 6)]


@pytest.mark.slow
def test_past_the_end_it_says_so_and_how_to_train_on(capsys, inside):
    assert train("--model", "pix2pix", "--run", "a", "--max-steps", "3", *TINY) == 0
    on = "To train on, set a higher limit (its schedule ends at step 12): img2img train --resume"
    for arguments, expected in (
        ([], "is at step 3, where --max-steps 3 stops it: nothing to train. " + on),
        (["--max-steps", "2"], "is at step 3, already past --max-steps 2: nothing to train. " + on),
    ):
        capsys.readouterr()
        assert train("--resume", *arguments) == 0
        out = capsys.readouterr().out
        assert expected in out and "going on" not in out
        assert out.endswith(" runs/a --max-steps 12\n")
    assert "max_steps: 3" in (inside / "runs/a/config.yaml").read_text()

    assert train("--resume", "--max-steps", "12") == 0
    longer = (
        "make that longer, with {} or more for N: img2img train --resume runs/a training.steps=N"
    )
    for arguments, expected in (
        ([], "step 12, where the end of its schedule (8 + 4 steps) stops it"),
        (["--max-steps", "7"], "step 12, where the end of its schedule (8 + 4 steps) stops it"),
        (["training.steps=5"], "step 12, already past the end of its schedule (5 + 4 steps)"),
    ):
        capsys.readouterr()
        assert train("--resume", *arguments) == 0
        out = capsys.readouterr().out
        assert expected in out and longer.format(9) in out
    assert train("--resume", "training.steps=9", "--max-steps", "99") == 0
    assert len(checkpoint("a", 13)) > 0


def test_a_schedule_without_steps_is_refused(capsys, inside):
    none = [s for s in TINY if "steps" not in s]
    arguments = ["--model", "pix2pix", "--run", "a", *none, "training.epochs=0"]
    assert train(*arguments, "training.decay_epochs=0") == 2
    assert "training.epochs and training.decay_epochs are 0" in capsys.readouterr().err
    assert not (inside / "runs").exists()


@pytest.mark.parametrize("kind, name", [("labels", "LABEL.png"), ("image", "PICTURE.png")])
def test_the_command_to_translate_fits_the_input(capsys, inside, kind, name):
    from PIL import Image

    for part in "AB":
        (inside / "data" / part).mkdir(parents=True)
        for i in range(3):
            mode = "L" if (part, kind) == ("A", "labels") else "RGB"
            Image.new(mode, (32, 32), i if mode == "L" else (60 * i, 0, 0)).save(
                inside / "data" / part / f"{i}.png"
            )
    source = f"data.inputs=[{{name: x, kind: {kind}, folder: A}}]"
    arguments = ["--model", "pix2pix", "--run", "./a run", "--data", "data", "--max-steps", "1"]
    assert train(*arguments, *TINY, source) == 0
    out = capsys.readouterr().out
    assert f"img2img translate {name} --run './a run'" in out
    assert "done: 1 step," in out


def test_existing_run_is_refused_with_the_ways_on(capsys, inside):
    assert train("--model", "pix2pix", "--run", "a", "--max-steps", "1", *TINY) == 0
    before = (inside / "runs/a/metrics.jsonl").read_text()
    assert train("--model", "pix2pix", "--run", "a", *TINY) == 2
    message = capsys.readouterr().err
    assert "--resume" in message and "--overwrite" in message
    assert (inside / "runs/a/metrics.jsonl").read_text() == before
    assert train("--model", "pix2pix", "--run", "a", "--overwrite", "--max-steps", "1", *TINY) == 0
    (inside / "precious").mkdir()
    (inside / "precious" / "thesis.txt").write_text("x")
    assert train("--model", "pix2pix", "--run", "./precious", "--overwrite", *TINY) == 2
    assert (inside / "precious" / "thesis.txt").exists()


def test_resume_refuses_another_experiment(capsys):
    assert train("--model", "pix2pix", "--run", "a", "--max-steps", "1", *TINY) == 0
    assert train("--resume", "a", "training.lr=1", "model.width=8") == 2
    message = capsys.readouterr().err
    assert "training.lr" in message and "model.width" in message
    assert train("--resume", "a", "training.log_every=5", "--max-steps", "2") == 0
    assert train("--resume", "b") == 2
    assert "no such run" in capsys.readouterr().err


@pytest.mark.parametrize("how", ["truncated", "zero", "foreign", "future"])
def test_damaged_checkpoints(capsys, inside, how):
    assert train("--model", "pix2pix", "--run", "a", "--max-steps", "1", *TINY) == 0
    folder = inside / "runs/a/checkpoints"
    (folder / "best.safetensors").unlink(missing_ok=True)
    path = folder / "step-00000001.safetensors"
    whole = path.read_bytes()
    if how == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "zero":
        path.write_bytes(b"")
    elif how == "foreign":
        from safetensors.torch import save_file

        save_file({"x": torch.zeros(1)}, path)
    else:
        path.write_bytes(whole.replace(b'\\"format\\": 1', b'\\"format\\": 9'))
    capsys.readouterr()
    for command in (["train", "--resume", "a"], ["translate", "x.png", "--run", "a"]):
        assert main(command) == 2
        message = capsys.readouterr().err
        assert message.startswith("error: ") and "step-00000001.safetensors" in message


@pytest.mark.slow
def test_newest_checkpoint_damaged_goes_on_from_the_one_before(capsys, inside):
    arguments = ["--model", "pix2pix", "--run", "a", "--max-steps", "3", *TINY]
    assert train(*arguments, "training.save_every=1") == 0
    folder = inside / "runs/a/checkpoints"
    for step in (3, 9):
        (folder / f"step-{step:08d}.safetensors").write_bytes(b"half")
    capsys.readouterr()
    assert train("--resume", "a", "--max-steps", "4", "training.keep=1") == 0
    captured = capsys.readouterr()
    assert "at step 2" in captured.out and "step-00000009" in captured.err
    assert [p.name for p in folder.glob("step-*")] == ["step-00000004.safetensors"]


def start(*arguments, new_group=False):
    return subprocess.Popen(
        [sys.executable, "-m", "img2img", "train", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=new_group,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )


@pytest.mark.slow
def test_a_signal_to_the_whole_group_is_survived_by_the_workers(inside):
    """`timeout`, torchrun and schedulers signal every process, and may do so twice."""
    endless = [s for s in TINY if not s.startswith(("training.steps", "training.workers"))]
    arguments = ["--model", "pix2pix", "--run", "a", *endless, "training.steps=100000"]
    process = start(*arguments, "training.workers=2", "data.scenes=400", new_group=True)
    wait_for_steps(process, inside / "runs/a", 5)
    os.killpg(process.pid, signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert "Traceback" not in err and "stopped at step" in out


def wait_for_steps(process, run, count):
    path = run / "metrics.jsonl"
    for _ in range(600):
        if path.is_file() and path.read_text().count("\n") >= count:
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    raise AssertionError("the training did not begin")


@pytest.mark.slow
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_finish_the_step_and_save(inside, number, code):
    endless = [s for s in TINY if not s.startswith(("training.steps", "training.workers"))]
    process = start(
        "--model", "pix2pix", "--run", "a", *endless, "training.steps=100000", "training.workers=1"
    )
    wait_for_steps(process, inside / "runs/a", 3)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in err
    assert "go on with: img2img train --resume" in out
    step = int(out.split("stopped at step ")[1].split()[0])
    assert len(checkpoint("a", step)) > 0


def test_a_run_that_is_being_trained_is_nobody_elses(inside, capsys):
    endless = [s for s in TINY if not s.startswith("training.steps")]
    endless += ["training.steps=100000", "training.save_every=1"]
    process = start("--model", "pix2pix", "--run", "a", *endless)
    try:
        wait_for_steps(process, inside / "runs/a", 3)
        for command in (
            ["train", "--resume", "a"],
            ["train", "--model", "pix2pix", "--run", "a", "--overwrite", *TINY],
            ["cluster-styles", "--run", "a", "--rename", "car-0=red"],
        ):
            assert main(command) == 2
            assert f"a training (process {process.pid} on" in capsys.readouterr().err
        assert process.poll() is None
    finally:
        process.terminate()
        _, err = process.communicate(timeout=60)
    assert process.returncode == 143 and "Traceback" not in err
    steps = [line["step"] for line in lines("a")]
    assert steps == sorted(steps)
    folder = inside / "runs/a/checkpoints"
    (folder / ".step-00000099.safetensors.tmp").write_bytes(b"half of a killed save")
    assert train("--resume", "a", "--max-steps", str(steps[-1] + 1)) == 0
    assert not list(folder.glob(".*")) and not (inside / "runs/a/.lock").exists()
    with owning(inside / "runs/a", "a training"):  # readers are not kept out
        from PIL import Image

        Image.new("L", (32, 32)).save("label.png")
        assert main(["translate", "label.png", "--run", "a", "--device", "cpu"]) == 0


@pytest.mark.slow
def test_killed_while_saving_leaves_the_last_good_checkpoint(inside):
    process = start(
        "--model", "pix2pix", "--run", "a", *TINY, "training.save_every=1", "training.steps=100000"
    )
    wait_for_steps(process, inside / "runs/a", 4)
    process.kill()
    process.communicate(timeout=60)
    assert train("--resume", "a", "--max-steps", "12") in (0,)
    from img2img.runs.folder import last_checkpoint

    assert last_checkpoint(inside / "runs/a").meta["step"] >= 4


@pytest.mark.slow
def test_full_disk_while_saving_keeps_the_last_good_checkpoint(inside):
    """A limit on file size stands in for a full disk: writing fails in the middle."""
    assert train("--model", "pix2pix", "--run", "a", "--max-steps", "2", *TINY) == 0
    size = (inside / "runs/a/checkpoints/step-00000002.safetensors").stat().st_size
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size // 2}, {size // 2}))\n"
        "from img2img.cli import main\n"
        "sys.exit(main(['train', '--resume', 'a', '--max-steps', '4']))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 2
    assert "could not be written" in result.stderr and "Traceback" not in result.stderr
    folder = inside / "runs/a/checkpoints"
    assert not list(folder.glob(".*")), "a half-written file was left"
    assert train("--resume", "a", "--max-steps", "3") == 0
    assert len(checkpoint("a", 3)) > 0


def test_data_may_move_but_not_change_before_a_resume(capsys, inside):
    import numpy as np
    from PIL import Image

    for part in "AB":
        (inside / "data" / part).mkdir(parents=True)
        for i in range(3):
            pixels = np.full((32, 32, 3), 40 * i, np.uint8)
            Image.fromarray(pixels).save(inside / "data" / part / f"{i}.png")
    arguments = ["--model", "pix2pix", "--run", "a", "--data", "data", "--max-steps", "1"]
    assert train(*arguments, *TINY) == 0
    # Elsewhere, they are the same.
    (inside / "data").rename(inside / "moved")
    assert train("--resume", "a", "--max-steps", "2") == 2
    assert (
        "have moved, or its path began in another folder: img2img train --resume runs/a --data DIR"
        in (capsys.readouterr().err)
    )
    assert train("--resume", "a", "--data", "moved", "--max-steps", "2") == 0
    assert len(checkpoint("a", 2)) > 0
    for file in (inside / "moved").rglob("*.png"):
        Image.open(file).convert("L").save(file)
    assert train("--resume", "a", "--max-steps", "3") == 2
    assert "the data are not what the run began with" in capsys.readouterr().err


def test_a_failed_start_leaves_no_folder_and_keeps_the_old_run(capsys, inside):
    assert train("--model", "pix2pix", "--run", "a", "--max-steps", "1", *TINY) == 0
    wrong = ["--model", "pix2pix", "--run", "a", "--overwrite", *TINY, "training.best=lpips"]
    assert train(*wrong, "training.lpips_weights=none") == 2
    assert "training.best is lpips" in capsys.readouterr().err
    assert len(checkpoint("a", 1)) > 0
    wrong[3] = "b"
    assert train(*wrong, "training.lpips_weights=none") == 2
    assert not (inside / "runs/b").exists()


def test_run_means_the_run_to_resume(capsys):
    assert train("--model", "pix2pix", "--run", "a", "--max-steps", "1", *TINY) == 0
    assert train("--model", "pix2pix", "--run", "b", "--max-steps", "1", *TINY) == 0
    assert train("--resume", "--run", "a", "--max-steps", "2") == 0
    assert len(checkpoint("a", 2)) > 0
    assert train("--resume", "a", "--config", "x.yaml") == 2
    assert "own config" in capsys.readouterr().err
    assert train("--resume", "a", "--run", "b") == 2
    assert "name one run" in capsys.readouterr().err
    assert train("--resume", "a", "--print-config", "training.log_every=7") == 0
    assert "log_every: 7" in capsys.readouterr().out
    with pytest.raises(FileNotFoundError):
        checkpoint("a", 12)
    assert train("--resume", "a", "training.max_stepz=5") == 2
    assert "command line: training.max_stepz: unknown key; did you mean" in capsys.readouterr().err


@pytest.mark.slow
def test_max_time_stops_and_resume_goes_on(capsys):
    endless = [s for s in TINY if not s.startswith(("training.steps", "training.decay"))]
    arguments = ["--model", "pix2pix", "--run", "a", "--max-time", "0.02", *endless]
    assert train(*arguments, "training.steps=400") == 0
    out = capsys.readouterr().out
    assert "time is up at step" in out
    step = int(out.split("time is up at step ")[1].split(",")[0])
    assert 0 < step < 400
    assert train("--resume", "a", "--max-steps", str(step + 2)) == 0
    assert len(checkpoint("a", step + 2)) > 0


def test_average_is_what_translates():
    arguments = ["--model", "pix2pix", "--run", "a", "--max-steps", "3", *TINY]
    assert train(*arguments, "training.ema=0.5") == 0
    saved = checkpoint("a", 3)
    name = "generator/head.out.conv.weight"
    assert not torch.equal(saved[f"ema/{name}"], saved[f"model/{name}"])
    from img2img.inference.translator import Translator

    translator = Translator.load("a", checkpoint="last", device="cpu")
    weight = translator.model.generator.head.out.conv.weight
    assert torch.equal(weight, saved[f"ema/{name}"])


def test_running_statistics_are_copied_not_averaged():
    settings = ["training.ema=0.5", "model.norm=batch", "training.batch_size=2"]
    arguments = ["--model", "pix2pix", "--run", "a", "--max-steps", "2", *TINY, *settings]
    assert train(*arguments) == 0
    saved = checkpoint("a", 2)
    names = [key[4:] for key in saved if key.startswith("ema/") and "running_" in key]
    assert any(name.endswith("running_mean") for name in names)
    for name in names:
        assert torch.equal(saved[f"ema/{name}"], saved[f"model/{name}"])
        untouched = 0.0 if name.endswith("running_mean") else 1.0
        assert (saved[f"ema/{name}"] != untouched).any()


def test_starting_from_another_run(capsys):
    assert train("--model", "pix2pix", "--run", "a", "--max-steps", "2", *TINY) == 0
    arguments = ["--model", "pix2pix", "--run", "b", "--max-steps", "1", *TINY]
    assert train(*arguments, "training.init_from=a", "training.lr=1e-9") == 0
    assert "starting from runs/a" in capsys.readouterr().out
    name = "model/generator/head.out.conv.weight"
    assert torch.allclose(checkpoint("b", 1)[name], checkpoint("a", 2)[name], atol=1e-6)


@pytest.mark.slow
def test_no_worker_outlives_a_training(inside):
    """Also not one that ends by an error: Python would wait for it at its exit."""
    from PIL import Image

    for part in "AB":
        (inside / "data" / part).mkdir(parents=True)
        for i in range(4):
            Image.new("RGB", (32, 32), (60 * i, 0, 0)).save(inside / "data" / part / f"{i}.png")
    spoiled = inside / "data/B/1.png"
    spoiled.write_bytes(spoiled.read_bytes()[:70])
    arguments = ["--model", "pix2pix", "--run", "a", "--data", "data", "--max-steps", "4"]
    tiny = [s for s in TINY if not s.startswith("training.workers")]
    process = start(*arguments, *tiny, "training.workers=2", "data.val_fraction=0")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert "1.png" in err and "Traceback" not in err


@pytest.mark.parametrize(
    "asked, said", [((), "cpu (auto: fp32)"), (("--precision", "bf16"), "(bf16)")]
)
def test_the_log_says_the_precision_and_checkpoints_what_was_asked(
    asked, said, capsys, monkeypatch
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert train("--model", "pix2pix", "--run", "p", "--max-steps", "1", *TINY, *asked) == 0
    out = capsys.readouterr().out
    assert said in out
    assert ("emulates" in out) == bool(asked)
    with safe_open("runs/p/checkpoints/step-00000001.safetensors", "pt") as file:
        config = json.loads(file.metadata()["img2img"])["config"]
    assert config["training"]["precision"] == (asked[1] if asked else "auto")


def test_a_validation_right_after_resuming(capsys):
    """No line was logged since, so the rules of health have nothing to look at but the validation."""
    rare = ["training.log_every=50", "training.validate_every=3"]
    assert train("--model", "pix2pix", "--run", "r", "--max-steps", "2", *TINY, *rare) == 0
    assert train("--resume", "r", "--max-steps", "4") == 0
    assert {line["step"] for line in lines("r") if "val/l1" in line} == {2, 3, 4}
