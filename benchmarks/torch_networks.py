"""The networks of `systems.unet` written in PyTorch, as its users would. Imports nothing but PyTorch."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAK = 0.2


def leaky(x: Tensor) -> Tensor:
    """Leaky ReLU with the project's slope."""
    return functional.leaky_relu(x, LEAK)


class ConvNorm(nn.Module):
    """A convolution without bias, batch norm, leaky ReLU."""

    def __init__(self, convolution: nn.Module, filters: int):
        super().__init__()
        self.convolution, self.norm = convolution, nn.BatchNorm2d(filters, eps=1e-3, momentum=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, filters, H', W')."""
        return leaky(self.norm(self.convolution(x)))


def shrink(inputs: int, filters: int) -> nn.Module:
    """Conv4 stride 2, half the resolution."""
    return nn.Conv2d(inputs, filters, 4, 2, padding=1)


class UNet(nn.Module):
    """The seed's U-Net; see `cloud_removal.models.unet`."""

    def __init__(self, width: int):
        super().__init__()
        widths = [width * 2**level for level in range(5)]
        self.down = nn.ModuleList(shrink(a, b) for a, b in zip([3, *widths], widths, strict=False))
        deepest = widths[-1]
        self.middle = nn.ModuleList(
            nn.Sequential(
                ConvNorm(nn.Conv2d(deepest, deepest, 3, bias=False), deepest),
                ConvNorm(nn.ConvTranspose2d(deepest, deepest, 3, bias=False), deepest),
            )
            for _ in range(2)
        )
        grown = [width * 2 ** (5 - level) for level in range(5)]
        inputs = [a + b for a, b in zip([deepest, *grown], reversed(widths), strict=False)]
        self.up = nn.ModuleList(
            ConvNorm(nn.ConvTranspose2d(a, b, 4, 2, padding=1, bias=False), b)
            for a, b in zip(inputs, grown, strict=True)
        )
        self.head, self.answer = nn.Conv2d(grown[-1] + 3, width, 3, padding=1), nn.Conv2d(width, 4, 3, padding=1)

    def forward(self, picture: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 4, H, W): opacity, R, G, B."""
        x, skips = picture, []
        for down in self.down:
            x = leaky(down(x))
            skips.append(x)
        for unit in self.middle:
            x = x + unit(x)
        for up in self.up:
            x = up(torch.cat([x, skips.pop()], 1))
        x = leaky(self.head(torch.cat([x, picture], 1)))
        with torch.autocast(picture.device.type, enabled=False):
            return torch.sigmoid(self.answer(x.float()))


CONTEXT = 32
"""Length of the vector of picture-wide statistics."""


def statistics(x: Tensor) -> Tensor:
    """Mean, deviation, minimum and maximum over the picture: (B, C, H, W) -> (B, 4C)."""
    x = x.float()
    deviation = torch.sqrt(x.var((2, 3), correction=0) + 1e-6)
    return torch.cat([x.mean((2, 3)), deviation, x.amin((2, 3)), x.amax((2, 3))], 1)


QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def quantiles(x: Tensor) -> Tensor:
    """`QUANTILES` over the picture of each channel: (B, C, H, W) -> (B, 7C)."""
    ordered = x.float().flatten(2).sort(2).values
    places = [round(share * (ordered.shape[2] - 1)) for share in QUANTILES]
    return ordered[:, :, places].flatten(1)


def with_darkest_quantiles(x: Tensor) -> Tensor:
    """`quantiles` of each channel and of the least of them."""
    return quantiles(torch.cat([x, x.amin(1, keepdim=True)], 1))


class Context(nn.Module):
    """Picture-wide statistics; see `cloud_removal.models.veil.context_network`."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([shrink(3, 24), shrink(24, 48), shrink(48, 64)])
        pooled, (first, second) = 4 * (3 + 64) + 4 * len(QUANTILES), (128, 64)
        self.cells = nn.Sequential(
            nn.Linear(pooled + 8 * len(QUANTILES), first), nn.LeakyReLU(LEAK), nn.Linear(first, first, bias=False)
        )
        self.first = nn.Linear(pooled, first)
        self.last = nn.Sequential(
            nn.LeakyReLU(LEAK), nn.Linear(first, second), nn.LeakyReLU(LEAK), nn.Linear(second, CONTEXT)
        )

    def forward(self, picture: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, CONTEXT)."""
        x = small = centred(functional.avg_pool2d(picture, 4))
        for down in self.down:
            x = leaky(down(x))
        with torch.autocast(picture.device.type, enabled=False):
            coarse = torch.cat([statistics(small), with_darkest_quantiles(small), statistics(x)], 1)
            fine = self.cells(torch.cat([coarse, quantiles(cells(picture))], 1))
            return self.last(self.first(coarse) + fine)


def cells(picture: Tensor) -> Tensor:
    """What is in 4×4 pixels but not in their average: (B, 3, H, W) -> (B, 8, H/4, W/4)."""
    mean, square = functional.avg_pool2d(picture, 4), functional.avg_pool2d(picture.square(), 4)
    deviation = ((square - mean.square()).clamp(min=0.0) + 0.002**2).sqrt()
    darkest, brightest = -functional.max_pool2d(-picture, 4), functional.max_pool2d(picture, 4)
    extremes = torch.cat([darkest, darkest.amin(1, keepdim=True), brightest.amax(1, keepdim=True)], 1)
    return torch.cat([centred(extremes), deviation.log() + 4.0], 1)


class Veil(nn.Module):
    """The network that solves for the veil; see `cloud_removal.models.veil`."""

    def __init__(self, widths: Sequence[int]):
        super().__init__()
        self.context = Context()
        self.down = nn.ModuleList(shrink(a, b) for a, b in zip([3, *widths], widths, strict=False))
        deepest = widths[-1]
        self.middle = conv(deepest + CONTEXT, deepest)
        units = (nn.Sequential(conv(deepest, deepest), conv(deepest, deepest)) for _ in range(2))
        self.units = nn.ModuleList(units)
        rising = list(reversed(widths))
        self.up = nn.ModuleList(conv(a + b, b) for a, b in itertools.pairwise(rising))
        self.head, self.enlarge = conv(widths[0], widths[0]), nn.Conv2d(widths[0], 4 * 12, 3, padding=1)
        self.answer, self.veil = nn.Conv2d(12 + 3, 9, 3, padding=1), nn.Linear(deepest + CONTEXT, 7)

    def forward(self, picture: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 4, H, W): opacity, R, G, B."""
        context = self.context(picture)
        x, skips = centred(picture), []
        for down in self.down:
            x = leaky(down(x))
            skips.append(x)
        everywhere = context[:, :, None, None].expand(-1, -1, *x.shape[2:])
        x = self.middle(torch.cat([skips.pop(), everywhere.to(x.dtype)], 1))
        for unit in self.units:
            x = x + unit(x)
        deepest = torch.cat([x.float(), everywhere], 1).permute(0, 2, 3, 1)
        for up in self.up:
            x = up(torch.cat([functional.interpolate(x, scale_factor=2), skips.pop()], 1))
        x = functional.pixel_shuffle(self.enlarge(self.head(x)), 2)
        with torch.autocast(picture.device.type, enabled=False):
            answer = self.answer(torch.cat([x.float(), centred(picture)], 1))
            veil = self.veil(deepest).permute(0, 3, 1, 2)
            return solved(picture, answer, functional.interpolate(veil, scale_factor=32, mode="bilinear"))


def centred(picture: Tensor) -> Tensor:
    """Pictures in [0, 1], whose contrast under haze is small, about zero."""
    return 4.0 * picture - 2.0


def solved(picture: Tensor, answer: Tensor, veil: Tensor) -> Tensor:
    """Opacity and ground from the answer's nine channels and the smooth veil's seven, all logits."""
    opacity = torch.sigmoid(answer[:, 3:4] + veil[:, 6:])
    cloud, veil_opacity = torch.sigmoid(answer[:, 4:5] - 2.0), torch.sigmoid(veil[:, 3:6])
    hidden = torch.sigmoid(answer[:, 5:6]) * may_hide(opacity.detach(), veil_opacity.detach().mean(1, keepdim=True))
    seen = without(picture, torch.sigmoid(veil[:, :3]), veil_opacity)
    seen = without(seen, torch.sigmoid(answer[:, :3]), cloud)
    direct = torch.sigmoid(answer[:, 6:])
    return torch.cat([opacity, seen + hidden * (direct - seen)], 1)


def may_hide(opacity: Tensor, veil: Tensor) -> Tensor:
    """Highest share of the direct estimate; see `cloud_removal.models.veil.may_hide`."""
    clouds = (opacity - veil) / (1.0 - veil).clamp(min=0.15)
    return torch.maximum(((clouds - 0.2) / 0.4).clamp(0.0, 1.0), ((opacity - 0.75) / 0.15).clamp(0.0, 1.0))


def without(picture: Tensor, colour: Tensor, opacity: Tensor) -> Tensor:
    """What lies under a veil of this colour and opacity."""
    return (picture - colour * opacity) / (1.0 - opacity).clamp(min=0.15)


def conv(inputs: int, filters: int) -> nn.Module:
    """Conv3 and leaky ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, filters, 3, padding=1), nn.LeakyReLU(LEAK))


NETWORKS: dict[str, Callable[[dict[str, Any]], nn.Module]] = {
    "unet": lambda spec: UNet(spec["width"]),
    "veil": lambda spec: Veil(spec["widths"]),
}
