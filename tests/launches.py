"""Starting several processes as a user does, by torchrun."""

import os
import subprocess
import sys

IMG2IMG = ("-m", "--", "img2img")


def torchrun(*arguments, number=2, environment=None, cwd=None):
    """Runs a script, or `*IMG2IMG, COMMAND, ...`, in several processes on the CPU.

    The launcher finds a free port by itself (`--standalone`).
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    if arguments[0] != "-m":
        arguments = ("--", *arguments)
    return subprocess.run(
        [*command, "--nproc_per_node", str(number), *arguments],
        capture_output=True,
        text=True,
        timeout=500,
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        | (environment or {}),
    )
