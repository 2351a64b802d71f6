"""`torch.compile` of networks, in place: names of weights stay, and what cannot be compiled runs as it is."""

from collections.abc import Collection

import torch
from torch import nn

BACKEND = "inductor"


def compile_networks(
    model: nn.Module,
    device: torch.device,
    *,
    graphs: bool = False,
    apart: Collection[str] = (),
) -> str:
    """Each part of a model that has weights is compiled when it is first called.

    Shapes are static until they change; from then on they are dynamic. A part that the compiler
    cannot handle runs uncompiled.

    Args:
        graphs: replay each part as one CUDA graph, for which its results are overwritten by its
            next call; on other devices without effect.
        apart: names of parts that run uncompiled, such as those whose gradients are differentiated
            once more, which is not possible when they are compiled.

    Returns:
        A sentence for the log: that the compiler works, or why nothing is compiled.
    """
    problem = _try_out(device)
    if problem:
        return f"not compiled, which changes no result: the compiler does not work here ({problem})"
    # Two updates may go backward through one graph, so its memory is not the first one's to reuse.
    torch._functorch.config.donated_buffer = False
    # Backward passes are compiled with the forward ones, where a failure leaves a way out.
    torch._functorch.config.force_non_lazy_backward_lowering = True
    torch._dynamo.config.suppress_errors = True
    mode = "reduce-overhead" if graphs and device.type == "cuda" else None
    for name, part in model.named_children():
        if name not in apart and any(True for _ in part.parameters()):
            part.compile(backend=BACKEND, mode=mode)
    but = f", but for {', '.join(apart)}" if apart else ""
    return f"networks are compiled when they are first used, which takes a while{but}"


def _try_out(device: torch.device) -> str:
    """Why the compiler does not work for a device; "" where it does."""
    x = torch.ones(8, device=device, requires_grad=True)
    try:
        torch.autograd.grad(torch.compile(_example, backend=BACKEND)(x), x)
    except Exception as error:  # whatever the lack of a compiler, of headers or of a GPU leads to
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
    return ""


def _example(x: torch.Tensor) -> torch.Tensor:
    return (x * x).tanh().sum()
