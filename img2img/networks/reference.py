"""Batch norm by the statistics of a reference batch, which is drawn once and then fixed.

What a network makes of a picture does not depend on the other pictures of its batch.
"""

import torch
from torch import Tensor, nn

from img2img.networks.minibatch import MinibatchDiscrimination


class ReferenceBatchNorm(nn.Module):
    """Batch norm of (N, C, ...) by the first `references` samples of the batch.

    Args:
        channels: C.
        virtual: every other sample is normalised by the statistics of the reference batch and
            itself together: virtual batch norm (Salimans et al. 2016, Sec. 3.5). Otherwise by those
            of the reference batch alone (Goodfellow 2016, "NIPS 2016 Tutorial", Sec. 4.3).
        eps: added to the variance.
    """

    references = 0

    def __init__(self, channels: int, *, virtual: bool, eps: float = 1e-5):
        super().__init__()
        self.virtual, self.eps = virtual, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        values = x.float()
        mean, variance = _statistics(values[: self.references], batch=True)
        if self.virtual:
            mean, variance = self._joined(values, mean, variance)
        values = (values - mean) * (variance + self.eps).rsqrt()
        shape = (1, -1, *[1] * (x.dim() - 2))
        return (values * self.weight.view(shape) + self.bias.view(shape)).to(x.dtype)

    def _joined(self, x: Tensor, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Statistics (N, C, ...): of the reference and one sample; for the reference, its own."""
        count = self.references
        means, variances = _statistics(x[count:], batch=False)
        apart = (means - mean) ** 2 * count / (count + 1)
        variances = (count * variance + variances + apart) / (count + 1)
        means = (count * mean + means) / (count + 1)
        own = (count, *[-1] * (x.dim() - 1))
        return torch.cat([mean.expand(own), means]), torch.cat([variance.expand(own), variances])


def _statistics(x: Tensor, *, batch: bool) -> tuple[Tensor, Tensor]:
    """Mean and biased variance over space, and over the batch where asked for; 1 where reduced."""
    over = ([0] if batch else []) + list(range(2, x.dim()))
    if not over:  # a sample of (N, C) is its own mean
        return x, torch.zeros_like(x)
    variance, mean = torch.var_mean(x, over, correction=0, keepdim=True)
    return mean, variance


class Referenced(nn.Module):
    """A network whose batch norms go by a reference batch, which runs along with every input.

    The batch norms of `network` are replaced in place.

    Args:
        network: its inputs and outputs have the batch as first dimension; outputs are a tensor, or
            a list or tuple of outputs.
        reference: one tensor for each input, of R samples. Zeros may stand for pictures that are not
            known yet; see `set_reference`.
        virtual: virtual batch norm, see `ReferenceBatchNorm`.

    Raises:
        ValueError: the reference tensors differ in length, or there is no batch norm.
    """

    def __init__(self, network: nn.Module, *reference: Tensor, virtual: bool = True):
        super().__init__()
        lengths = [len(tensor) for tensor in reference]
        if len(set(lengths)) != 1:
            raise ValueError(f"the reference batch needs inputs of one length, got {lengths}")
        self.network, self.count = network, lengths[0]
        for number, tensor in enumerate(reference):
            self.register_buffer(f"reference_{number}", tensor.clone())
        if not _replace_norms(network, virtual):
            raise ValueError("the network has no batch norm that a reference batch could serve")
        for layer in network.modules():
            if isinstance(layer, ReferenceBatchNorm | MinibatchDiscrimination):
                layer.references = self.count

    def set_reference(self, *reference: Tensor) -> None:
        """Takes another reference batch of the same size; it is stored with the weights."""
        for kept, tensor in zip(self.buffers(recurse=False), reference, strict=True):
            kept.copy_(tensor)

    def forward(self, *inputs: Tensor) -> Tensor:
        reference = self.buffers(recurse=False)
        joined = [torch.cat([r, x]) for r, x in zip(reference, inputs, strict=True)]
        return self._without_reference(self.network(*joined))

    def _without_reference(self, outputs):
        if isinstance(outputs, Tensor):
            return outputs[self.count :]
        return type(outputs)(self._without_reference(output) for output in outputs)


def _replace_norms(module: nn.Module, virtual: bool) -> int:
    """Replaces the batch norms below `module` and counts them; scales and biases are kept."""
    found = 0
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            norm = ReferenceBatchNorm(child.num_features, virtual=virtual, eps=child.eps)
            # There are no running statistics.
            norm.load_state_dict(child.state_dict(), strict=False)
            setattr(module, name, norm)
            found += 1
        else:
            found += _replace_norms(child, virtual)
    return found
