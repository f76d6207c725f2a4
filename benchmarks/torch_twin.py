"""The networks of `systems.unet` written in PyTorch, as its users would: what the training step is measured against.

Runs in any Python that has PyTorch and imports nothing of the project, so that PyTorch can live in an environment
of its own. Channels-last, fused Adam, `torch.autocast` for bfloat16.
`python benchmarks/torch_twin.py SPEC` trains on random pictures; for each line N on stdin it takes N steps and prints
the seconds they took. SPEC is the JSON that `benchmarks.training_step` writes.
"""

import json
import sys
import time
from collections.abc import Sequence
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
        with torch.autocast("cpu", enabled=False):
            return torch.sigmoid(self.answer(x.float()))


NETWORKS = {"unet": lambda spec: UNet(spec["width"])}


def objective(answer: Tensor, batch: dict[str, Tensor], spec: dict[str, Any]) -> Tensor:
    """3·|a - â| + the ground's loss, as in `systems.unet`."""
    opacity, ground = answer[:, :1], answer[:, 1:]
    seen = 1.0 - batch["opacity"]
    error = ground - batch["ground"]
    if spec["objective"] == "l1":
        loss = (seen * error).abs().mean()
    else:
        across = (seen[..., 1:] * (error[..., 1:] - error[..., :-1]).abs()).mean()
        down = (seen[..., 1:, :] * (error[..., 1:, :] - error[..., :-1, :]).abs()).mean()
        loss = (seen.clamp(min=0.15) * error.abs()).mean() + 0.5 * (across + down)
    return spec["cloud_weight"] * (opacity - batch["opacity"]).abs().mean() + loss


class Trainer:
    """A network, its optimizer and one fixed random batch."""

    def __init__(self, spec: dict[str, Any]):
        torch.manual_seed(0)
        self.spec = spec
        self.network = NETWORKS[spec["network"]](spec).to(memory_format=torch.channels_last).train()
        self.optimizer = torch.optim.Adam(self.network.parameters(), 1e-4, betas=(0.5, 0.9), eps=1e-7, fused=True)
        self.averages = [parameter.detach().clone() for parameter in self.network.parameters()]
        sides = (spec["batch_size"], 3, spec["size"], spec["size"])
        self.batch = {
            "aerial": torch.rand(sides).to(memory_format=torch.channels_last),
            "ground": torch.rand(sides).to(memory_format=torch.channels_last),
            "opacity": torch.rand(sides[0], 1, *sides[2:]),
        }

    def step(self) -> float:
        """One update of the weights, with what the project's step does besides: gradient norm, moving average."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.spec["precision"] == "mixed_bfloat16"):
            answer = self.network(self.batch["aerial"])
        loss = objective(answer, self.batch, self.spec)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parameters = list(self.network.parameters())
        nn.utils.clip_grad_norm_(parameters, self.spec["clip_norm"] or float("inf"))
        self.optimizer.step()
        if self.spec["ema"]:
            torch._foreach_lerp_(self.averages, [p.detach() for p in parameters], 1.0 - self.spec["ema"])
        return loss.item()


def main(arguments: Sequence[str]) -> None:
    """Answers each line N on stdin with the seconds of N steps."""
    trainer = Trainer(json.loads(arguments[0]))
    print(sum(p.numel() for p in trainer.network.parameters()), flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            trainer.step()
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
