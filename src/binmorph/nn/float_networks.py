"""A small float network, as a teacher for binary ones."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class FloatConvNet(nn.Module):
    """Float convolutions for images [N, C, H, W] with sides of at least 8: scores [N, classes].

    BatchNorm of the pixels, a 5x5 convolution with stride 2, then 3x3 convolutions of the remaining
    ``widths``, each with BatchNorm and ReLU, 2x2 max-pooling behind the second, the mean of every channel,
    and a dense layer.
    """

    def __init__(
        self, image: tuple[int, int, int], classes: int, widths: Sequence[int] = (32, 64, 128, 128)
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.BatchNorm2d(image[0])]
        channels = image[0]
        for i, width in enumerate(widths):
            size, stride = (5, 2) if i == 0 else (3, 1)
            layers += [
                nn.Conv2d(channels, width, size, stride, size // 2, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            layers += [nn.MaxPool2d(2)] if i == 1 else []
            channels = width
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.classifier(self.features(x))
        return scores
