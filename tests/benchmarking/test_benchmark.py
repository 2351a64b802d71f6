"""The benchmark through its command line, at a size that only shows that it runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarking.measuring import measure

TOOL = Path(__file__).resolve().parents[2] / "tools" / "benchmark.py"

# A program that says how long each of its steps took, whatever it did.
TALKER = """
import json, sys
times = iter({times})
print(json.dumps({{"images": 2}}), flush=True)
for line in sys.stdin:
    work = {{"gflop": 12.0}} if line == "work\\n" else {{"seconds": next(times), "peak": {peak}}}
    print(json.dumps(work), flush=True)
"""


def talker(folder, name, times, peak):
    path = folder / f"{name}.py"
    path.write_text(TALKER.format(times=times, peak=peak))
    return [sys.executable, str(path)]


def test_figures_and_ratios(tmp_path):
    ours = talker(tmp_path, "ours", [9, 1.0, 2.0, 3.0], 100)
    talker(tmp_path, "other-x", [9, 2.0, 8.0, 4.0], 400)
    against = f"{sys.executable} {tmp_path}/other-{{case}}.py"
    a, b, ratio = measure(ours, "x", warmup=1, repeats=3, against=against)
    assert (a.least, a.median, a.greatest) == (1.0, 2.0, 3.0) and b.median == 4.0
    assert a.images == 1.0 and a.rate == 6.0 and a.peak == 100
    assert (ratio.least, ratio.median, ratio.greatest) == (0.25, 0.5, 0.75)
    assert ratio.memory == 0.25


def benchmark(*arguments):
    command = [sys.executable, str(TOOL), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_cases_run_small(tmp_path):
    file = tmp_path / "found.json"
    cases = ["train-global", "translate-pix2pix", "load", "start-help", "start-translate"]
    other = " ".join(talker(tmp_path, "other", [1e6] * 9, 10**12))
    done = benchmark(
        *cases, "--shrink=16", "--repeats=2", f"--json={file}", f"--against={other}", "--batch=2"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    assert [case["name"] for case in found["cases"]] == cases
    assert found["machine"]["torch"] and found["peaks"]["convolution"] > 0
    step, translation, loading, start, first = found["cases"]
    # Three passes over every network and more than one network: a step is more work than drawing.
    assert step["gflop"] > 10 * translation["gflop"] > 0 and loading["gflop"] == 0
    assert step["images"] == pytest.approx(2 / step["median"])
    assert loading["images"] == pytest.approx(48 / loading["median"])
    assert all(0 < case["ratio"]["median"] < 1e-3 for case in found["cases"])
    assert first["median"] > start["median"] > 0 and "ratio" in done.stdout


@pytest.mark.slow
def test_processes_share_a_step(tmp_path):
    file, small = tmp_path / "found.json", ["--shrink=16", "--repeats=2"]
    cases = []
    for processes in (1, 2):
        done = benchmark("train-pix2pix", f"--processes={processes}", f"--json={file}", *small)
        assert done.returncode == 0, done.stderr
        cases += json.loads(file.read_text())["cases"]
    alone, shared = cases
    assert shared["gflop"] == pytest.approx(2 * alone["gflop"])
    assert shared["images"] == pytest.approx(2 / shared["median"])
    done = benchmark("load", "--processes=2")
    assert done.returncode == 2 and "--processes is for training" in done.stderr


@pytest.mark.slow
def test_work_of_a_convolution_is_counted(tmp_path):
    """pix2pix's U-Net at 256x256 and width 64: 18 GFLOP, by the sum over its layers."""
    file = tmp_path / "found.json"
    done = benchmark("translate-pix2pix", "--repeats=1", "--warmup=0", f"--json={file}")
    assert done.returncode == 0, done.stderr
    channels = [35, 64, 128, 256, 512, 512, 512, 512, 512]
    down = sum(2 * 16 * channels[i] * channels[i + 1] * (256 >> (i + 1)) ** 2 for i in range(8))
    widths = [512, 1024, 1024, 1024, 1024, 512, 256, 128]
    outs = [512, 512, 512, 512, 256, 128, 64, 3]
    up = sum(2 * 16 * widths[i] * outs[i] * (1 << i) ** 2 for i in range(8))
    (case,) = json.loads(file.read_text())["cases"]
    assert case["gflop"] == pytest.approx((down + up) / 1e9, rel=1e-3)


@pytest.mark.slow
def test_first_looks_and_later_starts():
    tool = str(TOOL.with_name("benchmark_index.py"))
    done = subprocess.run(
        [sys.executable, tool, "--pairs", "30", "70"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert [row[0] for row in rows] == ["30", "70"]
    assert all(float(row[1]) > float(row[2]) for row in rows)


@pytest.mark.slow
def test_mistakes(tmp_path):
    done = benchmark("train-globl")
    assert done.returncode == 2 and "train-global" in done.stderr
    done = benchmark("start-help", "--repeats=1", "--against", f"{sys.executable} -c pass")
    assert done.returncode == 2 and "instead of a line of JSON" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_growth_is_drawn(tmp_path):
    tool, out = TOOL.with_name("benchmark_growth.py"), tmp_path / "growth.html"
    command = [sys.executable, str(tool), f"--out={out}", "--points=1", "--repeats=1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    rows = [line.split("  ") for line in done.stdout.splitlines()[:3]]
    assert [row[0] for row in rows] == ["pixels", "batch", "width"]
    assert all(float(row[2].split()[0]) > 0 for row in rows)
    assert out.read_text().count("<svg") == 6
