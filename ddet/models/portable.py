"""Functions of activations that every CPU rounds alike, where torch's own are MKL's and are not.

On a CPU torch leaves log, log10 and sqrt of a tensor to MKL's vector code, which takes another path on an AMD than on
an Intel CPU, whatever MKL_CBWR says, and may round a value otherwise there (docs/bits.md); the weights of a fit then
part. torch's `rsqrt` and `log1p` are its own code, which ATEN_CPU_CAPABILITY pins.
"""

import math

import torch
from torch import Tensor

# of a float32: how many bits its mantissa has, the bits of 1.0, and what its exponent is counted from
MANTISSA, ONE, BIAS = 23, 0x3F800000, 127


def log(x: Tensor) -> Tensor:
    """Return the natural logarithm of positive float32 values of 1.2e-38 or more; inf and nan give nan.

    Within 1e-6 + 5e-8 |log x| of the true one. Its gradient is 1 / x.
    """
    return _Log.apply(x)


class _Log(torch.autograd.Function):
    """x = 2^e m with m in [1, 2): log x = e log 2 + log1p(m - 1), by integer operations on the bits of x."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        bits = x.contiguous().view(torch.int32)
        exponent = (bits >> MANTISSA).sub_(BIAS)
        mantissa = bits.bitwise_and((1 << MANTISSA) - 1).bitwise_or_(ONE).view(torch.float32)
        return mantissa.sub_(1).log1p_().add_(exponent, alpha=math.log(2)).add_(x, alpha=0)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> Tensor:
        return grad / ctx.saved_tensors[0]
