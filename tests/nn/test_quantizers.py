"""Sign quantizers: one forward convention, documented gradients, schedules that resume."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import binmorph.nn as bnn
from binmorph.errors import DTypeError, FormatError
from binmorph.nn.quantizers import QUANTIZERS, as_quantizer
from binmorph.nn.signs import GRADIENTS, surrogate

HARD = ("ste_sign", "approx_sign", "swish_sign", "ede_sign", "progressive_sign")


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_the_sign_of_zero_is_plus_one(name: str, dtype: torch.dtype) -> None:
    x = torch.tensor([-2.0, -1e-7, -0.0, 0.0, 1e-7, 3.0, math.nan, math.inf, -math.inf], dtype=dtype)
    expected = torch.tensor([-1, -1, 1, 1, 1, 1, -1, 1, -1], dtype=dtype)
    if dtype == torch.float16:
        x[1], x[4] = -6e-8, 6e-8  # the smallest half
    y = as_quantizer(name).eval()(x)
    assert y.dtype == dtype
    assert torch.equal(y, expected)


def gradient_of(quantizer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = x.clone().requires_grad_()
    (2 * quantizer(x)).sum().backward()
    return x.grad / 2


def test_gradients_are_the_documented_ones() -> None:
    x = torch.linspace(-3, 3, 601, dtype=torch.float64)
    one = torch.ones_like(x)
    assert torch.equal(gradient_of(bnn.STESign(), x), (x.abs() <= 1).double())
    assert torch.equal(gradient_of(bnn.STESign(1.25), x), (x.abs() <= 1.25).double())
    assert torch.equal(gradient_of(bnn.STESign(None), x), one)
    assert torch.allclose(gradient_of(bnn.ApproxSign(), x), (2 - 2 * x.abs()).clamp_min(0))
    swish = 5 * (2 - 5 * x * torch.tanh(2.5 * x)) / (1 + torch.cosh(5 * x))
    assert torch.allclose(gradient_of(bnn.SwishSign(), x), swish)
    ede = bnn.EDESign()
    for progress in (0.0, 0.5, 1.0):
        ede.set_progress(progress)
        t = 10 ** (-1 + 2 * progress)
        expected = max(1 / t, 1) * t * (1 - torch.tanh(t * x) ** 2)
        assert torch.allclose(gradient_of(ede, x), expected)


def test_swish_is_the_slope_of_its_smooth_sign() -> None:
    """d/dx of 2 sigmoid(b x) (1 + b x (1 - sigmoid(b x))) - 1, and finite where cosh overflows."""
    x = torch.linspace(-4, 4, 101, dtype=torch.float64, requires_grad=True)
    s = torch.sigmoid(5 * x)
    (slope,) = torch.autograd.grad((2 * s * (1 + 5 * x * (1 - s)) - 1).sum(), x)
    assert torch.allclose(surrogate(x.detach(), "swish", 5.0), slope, atol=1e-12)
    far = surrogate(torch.tensor([-1e4, -90.0, 90.0, 1e4]), "swish", 5.0)
    assert torch.allclose(far, torch.zeros(4), atol=1e-12)


def test_progressive_sign_narrows_to_the_sign() -> None:
    quantizer, x = bnn.ProgressiveSign(), torch.tensor([-0.5, -1e-3, 0.25, 2.0])
    assert torch.equal(quantizer(x), torch.tensor([-0.5, -1e-3, 0.25, 1.0]))
    quantizer.set_progress(1.0)
    assert torch.equal(quantizer(x), torch.sign(x))
    assert torch.equal(quantizer.eval()(torch.zeros(2)), torch.ones(2))


def test_self_binarizing_tanh_hardens() -> None:
    quantizer, x = bnn.SelfBinarizingTanh(), torch.tensor([-0.8, -0.02, 0.0, 0.3])
    assert torch.equal(quantizer(x), torch.tanh(x))
    quantizer.set_progress(1.0)
    assert quantizer.nu == pytest.approx(1000)
    assert quantizer.soft_fraction(x) == pytest.approx(0.25)  # only the zero
    network = nn.Sequential(nn.Linear(2, 2), quantizer)
    assert bnn.harden_signs(network) == 1
    assert torch.equal(quantizer(x), torch.tensor([-1.0, -1.0, 1.0, 1.0]))


@pytest.mark.parametrize("name", ["ede_sign", "progressive_sign", "sb_tanh"])
def test_schedules_are_part_of_the_state(name: str) -> None:
    first, second = (nn.Sequential(as_quantizer(name)) for _ in range(2))
    bnn.set_progress(first, 0.4)
    if name == "sb_tanh":
        first[0].harden()
    second.load_state_dict(first.state_dict())
    x = torch.linspace(-1, 1, 21)
    assert torch.equal(first(x), second(x))
    assert torch.equal(gradient_of(first, x), gradient_of(second, x))


def test_one_node_in_an_exported_program() -> None:
    for name in HARD:
        module = nn.Sequential(as_quantizer(name)).eval()
        program = torch.export.export(module, (torch.randn(3, 4),))
        called = [str(n.target) for n in program.graph.nodes if n.op == "call_function"]
        assert called == ["binmorph.sign.default"], name


def test_the_operator_is_well_formed() -> None:
    for gradient in GRADIENTS:
        x = torch.randn(5, 3, requires_grad=True)
        torch.library.opcheck(torch.ops.binmorph.sign.default, (x, gradient, 1.5))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="not one of"):
        as_quantizer("sgn")
    with pytest.raises(ValueError, match="not one of"):
        surrogate(torch.zeros(1), "nothing", 1.0)
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        bnn.EDESign().set_progress(1.5)
    with pytest.raises(FormatError, match="unknown saved state"):
        bnn.EDESign().set_extra_state(torch.tensor([2.0, 0.0]))
    with pytest.raises(DTypeError, match="BitsToSigns"):
        bnn.STESign()(torch.ones(2, dtype=torch.int64))
    for wrong in (
        lambda: bnn.STESign(0),
        lambda: bnn.SwishSign(-1),
        lambda: bnn.ProgressiveSign(1),
        lambda: bnn.SelfBinarizingTanh(0.5),
    ):
        with pytest.raises(ValueError, match="must be"):
            wrong()
    assert isinstance(as_quantizer(None), nn.Identity)
    assert set(HARD) < set(QUANTIZERS)
