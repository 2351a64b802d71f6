"""Two machines: network namespaces that only a cable joins, each with a torchrun of its own."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from test_processes import SETTINGS, assert_same_training

from img2img.cli import main

ADDRESSES = ("10.77.0.1", "10.77.0.2")


def ip(*arguments):
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)


@pytest.fixture
def machines():
    """The names of two namespaces, each with one network device `eth0`."""
    names = [f"img2img-{os.getpid()}-{number}" for number in (0, 1)]
    with ExitStack() as stack:
        try:
            for name in names:
                ip("netns", "add", name)
                stack.callback(ip, "netns", "delete", name)
            first, second = (("eth0", "netns", name) for name in names)
            ip("link", "add", *first, "type", "veth", "peer", "name", *second)
        except FileNotFoundError:
            pytest.skip("there is no `ip` (iproute2)")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr.strip()}")
        for name, address in zip(names, ADDRESSES, strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", name, "link", "set", device, "up")
        yield names


def start(machine, number, *arguments):
    """docs/distributed.md's command for two nodes, on one of them."""
    command = ["ip", "netns", "exec", machine, sys.executable, "-m", "torch.distributed.run"]
    command += ["--nnodes=2", "--nproc_per_node=1", "--rdzv_id=img2img", "--rdzv_backend=c10d"]
    command += [f"--rdzv_endpoint={ADDRESSES[0]}:29400", f"--local_addr={ADDRESSES[number]}"]
    command += [f"--rdzv_conf=is_host={1 - number}", "-m", "--", "img2img", "train", *arguments]
    devices = {"GLOO_SOCKET_IFNAME": "eth0", "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **devices}
    )


@pytest.mark.slow
def test_two_machines_train_together(machines, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--run", "one", *SETTINGS, "training.batch_size=2"]) == 0
    arguments = ["--run", "two", *SETTINGS, "training.batch_size=1"]
    with ExitStack() as stack:
        started = []
        for number, machine in enumerate(machines):
            started.append(stack.enter_context(start(machine, number, *arguments)))
            stack.callback(started[-1].kill)
        ended = [process.communicate(timeout=500) for process in started]
    said = "".join(out for out, _ in ended)
    assert [process.returncode for process in started] == [0, 0], ended[0][1] + ended[1][1]
    assert "process 1 of 2 (" in said and "process 2 of 2 (" in said
    assert_same_training(Path("runs/one"), Path("runs/two"), step=3)
