"""The nearest supported form of what cannot be packed, by module class or by operator name."""

from __future__ import annotations

_BISEL = (
    "binmorph.nn.BinaryConv2d, whose inputs and weights are signs, binmorph.nn.BiSEL, which learns the "
    "morphological counterpart of a convolution, or a float torch.nn.Conv2d padded with zeros"
)
_THRESHOLD = (
    "ReLU, ReLU6, Hardtanh, clamp, LeakyReLU and PReLU anywhere, other functions of one value only between a "
    "binary layer (BinaryConv2d, BinaryLinear) or a stream and the next sign quantizer"
)
_NORM = "BatchNorm1d and BatchNorm2d in eval mode, with running statistics"
_BINARY = "a sign quantizer (binmorph.nn.STESign), with sums of signs or a stream of numbers in front of it"
_POOL = (
    "torch.nn.MaxPool2d without dilation or ceil_mode (an OR of bits, without padding), AvgPool2d without "
    "padding, or the mean over the whole image"
)
_ARITHMETIC = (
    "sums and differences of two streams of one shape, concatenation of channels and slices along its seams, "
    "and arithmetic with constants per channel"
)
_SHAPE = "torch.nn.Flatten() once, from (N, C, H, W) to (N, C*H*W)"
_OUTSIDE = "do it outside the exported network, on its output"
_DENSE = "binmorph.nn.BinaryLinear or DenseLUI, or a float torch.nn.Linear"

BY_NAME: dict[str, str] = {
    **dict.fromkeys(("Conv1d", "Conv2d", "Conv3d", "ConvTranspose2d", "conv2d", "convolution"), _BISEL),
    **dict.fromkeys(("BatchNorm1d", "BatchNorm2d", "LayerNorm", "GroupNorm", "InstanceNorm2d"), _NORM),
    **dict.fromkeys(("batch_norm", "layer_norm", "group_norm", "instance_norm"), _NORM),
    **dict.fromkeys(("ReLU", "ReLU6", "LeakyReLU", "PReLU", "ELU", "GELU", "SiLU", "Hardtanh"), _THRESHOLD),
    **dict.fromkeys(("Sigmoid", "Tanh", "Hardswish", "Softplus", "relu", "relu_", "leaky_relu"), _THRESHOLD),
    **dict.fromkeys(("prelu", "elu", "gelu", "silu", "hardtanh", "sigmoid", "tanh", "ge", "gt"), _THRESHOLD),
    **dict.fromkeys(
        ("AvgPool2d", "AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "avg_pool2d", "max_pool2d"), _POOL
    ),
    **dict.fromkeys(("adaptive_avg_pool2d", "adaptive_max_pool2d", "mean", "MaxPool2d"), _POOL),
    **dict.fromkeys(
        ("add", "add_", "sub", "mul", "div", "cat", "stack", "where", "slice", "split", "chunk"), _ARITHMETIC
    ),
    **dict.fromkeys(("view", "reshape", "flatten", "permute", "transpose", "unsqueeze", "squeeze"), _SHAPE),
    **dict.fromkeys(("Softmax", "LogSoftmax", "softmax", "log_softmax", "argmax", "topk"), _OUTSIDE),
    **dict.fromkeys(("Linear", "linear", "addmm", "mm", "matmul"), _DENSE),
    **dict.fromkeys(("BinaryConv2d", "BinaryLinear", "STESign", "sign", "sgn"), _BINARY),
}
GENERAL = (
    "BiSEL, DenseLUI, BinaryConv2d, BinaryLinear, LevelSets, sign quantizers (binmorph.nn), Conv2d, Linear, "
    "BatchNorm, pooling, Flatten, Dropout, ReLU, PReLU, Hardtanh, additions and concatenation"
)


def nearest(module_class: str, op: str) -> str:
    """The hint for a module class such as "Conv2d", or else for an operator such as "aten.conv2d.default"."""
    base = op.split(".")[1] if op.count(".") else op
    return BY_NAME.get(module_class) or BY_NAME.get(base) or f"what can be packed is {GENERAL}"
