"""The nearest supported form of what cannot be packed, by module class or by operator name."""

from __future__ import annotations

_BISEL = (
    "binmorph.nn.BinaryConv2d, whose inputs and weights are signs, or binmorph.nn.BiSEL, which learns the "
    "morphological counterpart of a convolution"
)
_THRESHOLD = (
    "between a binary layer (BinaryConv2d, BinaryLinear) and the next sign quantizer; BiSEL and DenseLUI "
    "threshold by themselves"
)
_NORM = (
    "between a binary layer (BinaryConv2d, BinaryLinear) and the next sign quantizer, or behind a last "
    "BinaryLinear; after a float Linear, fold it into that layer's weight and bias"
)
_BINARY = (
    "a sign quantizer (binmorph.nn.STESign), with sums of signs, BatchNorm, MaxPool2d and increasing "
    "functions in front of it"
)
_POOL = "torch.nn.MaxPool2d without padding, dilation or ceil_mode, which is an OR of bits"
_ARITHMETIC = (
    "a chain of layers that each read one earlier value; shortcuts are not packed yet, and arithmetic only "
    "between a binary layer and the next sign"
)
_SHAPE = "torch.nn.Flatten() once, from (N, C, H, W) to (N, C*H*W)"
_OUTSIDE = "do it outside the exported network, on its output"
_DENSE = (
    "binmorph.nn.BinaryLinear or DenseLUI for a hidden layer; a float Linear is supported as the last "
    "layer only"
)

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
    **dict.fromkeys(("add", "add_", "sub", "mul", "div", "cat", "stack", "where"), _ARITHMETIC),
    **dict.fromkeys(("view", "reshape", "flatten", "permute", "transpose", "unsqueeze", "squeeze"), _SHAPE),
    **dict.fromkeys(("Softmax", "LogSoftmax", "softmax", "log_softmax", "argmax", "topk"), _OUTSIDE),
    **dict.fromkeys(("Linear", "linear", "addmm", "mm", "matmul"), _DENSE),
    **dict.fromkeys(("BinaryConv2d", "BinaryLinear", "STESign", "sign", "sgn"), _BINARY),
}
GENERAL = (
    "BiSEL, DenseLUI, BinaryConv2d, BinaryLinear, LevelSets (binmorph.nn), MaxPool2d, Flatten, Dropout, "
    "BatchNorm and PReLU in front of a sign, and a final Linear"
)


def nearest(module_class: str, op: str) -> str:
    """The hint for a module class such as "Conv2d", or else for an operator such as "aten.conv2d.default"."""
    base = op.split(".")[1] if op.count(".") else op
    return BY_NAME.get(module_class) or BY_NAME.get(base) or f"what can be packed is {GENERAL}"
