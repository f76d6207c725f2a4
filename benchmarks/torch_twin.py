"""Training steps of `torch_networks`, as users of PyTorch take them: what the training step is measured against.

Runs in any Python that has PyTorch and imports nothing of the project, so that PyTorch can live in an environment
of its own. Channels-last, fused Adam, `torch.autocast` for bfloat16 and float16, the latter with a loss scale.
`python benchmarks/torch_twin.py SPEC` trains on random pictures; for each line N on stdin it takes N steps and prints
the seconds they took, for "device" and "peak" what `benchmarks.gpu.answers` says of them. SPEC is the JSON that
`benchmarks.training_step` or `benchmarks.gpu` writes; the latter asks for a GPU and for `torch.compile`.
"""

import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_networks import NETWORKS  # Beside this script: the package of the benchmarks needs more than PyTorch.


def objective(answer: Tensor, batch: dict[str, Tensor], spec: dict[str, Any]) -> Tensor:
    """Weighted loss of the cloud + the ground's loss, as in `systems.unet`."""
    opacity, ground = answer[:, :1], answer[:, 1:]
    seen = 1.0 - batch["opacity"]
    error = ground - batch["ground"]
    if spec["objective"] == "l1":
        loss, cloud = (seen * error).abs().mean(), (opacity - batch["opacity"]).abs().mean()
    else:
        across = (seen[..., 1:] * (error[..., 1:] - error[..., :-1]).abs()).mean()
        down = (seen[..., 1:, :] * (error[..., 1:, :] - error[..., :-1, :]).abs()).mean()
        loss = 0.15 * log_mse(error, seen.clamp(min=0.4)) + 0.5 * (across + down)
        loss = loss + 0.5 * (log_variance(ground, seen) - log_variance(batch["ground"], seen)).abs().mean()
        cloud = functional.binary_cross_entropy(opacity.clamp(1e-6, 1.0 - 1e-6), batch["opacity"])
    return spec["cloud_weight"] * cloud + loss


def log_mse(error: Tensor, weight: Tensor) -> Tensor:
    """PSNR as a loss; see `cloud_removal.losses.log_mse`."""
    squared = (weight * error.square().mean(1, keepdim=True)).sum((1, 2, 3)) / (weight.sum((1, 2, 3)) + 1.0)
    return (squared + 0.015**2).log().mean()


def log_variance(picture: Tensor, seen: Tensor) -> Tensor:
    """(B,) of pictures (B, 3, H, W); see `cloud_removal.losses.contrast_l1`."""
    share = seen / (seen.sum((2, 3), keepdim=True) + 1.0)
    mean = (share * picture).sum((2, 3), keepdim=True)
    return ((share * (picture - mean).square()).sum((2, 3)).mean(1) + 1e-4).log()


HALVES = {"mixed_float16": torch.float16, "mixed_bfloat16": torch.bfloat16}


class Trainer:
    """A network, its optimizer and one fixed random batch."""

    def __init__(self, spec: dict[str, Any]):
        torch.manual_seed(0)
        torch.set_float32_matmul_precision("high")  # As TensorFlow and JAX do on a GPU: TF32.
        self.spec, self.device = spec, "cuda" if spec.get("gpu") and torch.cuda.is_available() else "cpu"
        network = NETWORKS[spec["network"]](spec).to(self.device, memory_format=torch.channels_last).train()
        self.parameters = list(network.parameters())
        self.network = torch.compile(network) if self.device == "cuda" else network
        self.optimizer = torch.optim.Adam(self.parameters, 1e-4, betas=(0.5, 0.9), eps=1e-7, fused=True)
        self.scaler = torch.amp.GradScaler(self.device, enabled=spec["precision"] == "mixed_float16")
        self.averages = [parameter.detach().clone() for parameter in self.parameters]
        sides = (spec["batch_size"], 3, spec["size"], spec["size"])
        self.batch = {
            "aerial": torch.rand(sides, device=self.device).to(memory_format=torch.channels_last),
            "ground": torch.rand(sides, device=self.device).to(memory_format=torch.channels_last),
            "opacity": torch.rand(sides[0], 1, *sides[2:], device=self.device),
        }

    def step(self) -> Tensor:
        """One update of the weights, with what the project's step does besides: gradient norm, moving average."""
        half = HALVES.get(self.spec["precision"])
        with torch.autocast(self.device, half, enabled=half is not None):
            answer = self.network(self.batch["aerial"])
        loss = objective(answer, self.batch, self.spec)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.parameters, self.spec["clip_norm"] or float("inf"))
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.spec["ema"]:
            torch._foreach_lerp_(self.averages, [p.detach() for p in self.parameters], 1.0 - self.spec["ema"])
        return loss.detach()

    def seconds(self, steps: int) -> float:
        """Of so many steps, the last one done."""
        start = time.perf_counter()
        for _ in range(steps):
            loss = self.step()
        loss.item()
        return time.perf_counter() - start

    def described(self) -> dict[str, Any]:
        """The device and the library."""
        gpu = self.device == "cuda"
        name = torch.cuda.get_device_name() if gpu else "the processor"
        return {"name": name, "gpu": gpu, "library": f"PyTorch {torch.__version__}"}

    def peak(self) -> float:
        """Floating-point operations a second of a large matrix product."""
        side, times, best = 8192 if self.device == "cuda" else 512, 20, float("inf")
        square = torch.randn(side, side, device=self.device, dtype=HALVES.get(self.spec["precision"], torch.float32))
        for _ in range(4):  # The first chooses its kernel.
            start = time.perf_counter()
            for _ in range(times):
                product = square @ square
            product[0, 0].item()
            best = min(best, time.perf_counter() - start)
        return 2.0 * side**3 * times / best


def main(arguments: Sequence[str]) -> None:
    """Answers each line on stdin."""
    trainer = Trainer(json.loads(arguments[0]))
    print(sum(p.numel() for p in trainer.parameters), flush=True)
    for line in sys.stdin:
        question = line.strip()
        known = {"device": trainer.described, "peak": trainer.peak}
        answer = known[question]() if question in known else trainer.seconds(int(question))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
