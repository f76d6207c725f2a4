"""What is set once before a system is built: precision, seeds, determinism."""

from pathlib import Path

import keras
import tensorflow as tf

from cloud_removal.config import Precision, Run
from cloud_removal.errors import OptionError, expect
from cloud_removal.systems import System, find

BFLOAT16_UNITS = {"avx512_bf16", "amx_bf16"}
"""Processor flags, as Linux names them, with which bfloat16 is faster than float32."""


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def choose_precision(asked: Precision, processor: Path = Path("/proc/cpuinfo")) -> Precision:
    """`asked`, or for "auto" what this machine computes fastest in (read from `processor`, Linux' description)."""
    if asked != "auto":
        return asked
    if has_gpu():
        return "mixed_float16"
    flags = set(processor.read_text().split()) if processor.exists() else set()
    return "mixed_bfloat16" if flags & BFLOAT16_UNITS else "float32"


def compiles(system: System) -> bool:
    """Whether XLA is to compile the step of `system`: as its run has it, or for "auto" where there is a GPU.

    Not by itself on a processor, where to compile takes a minute or more. OptionError where it is asked for and cannot.
    """
    asked, cannot = system.run.xla, system.pools_maxima and system.run.deterministic
    if asked == "on" and cannot:
        raise OptionError(
            f"--xla on: XLA has no deterministic gradient of the max pooling that {system.run.system} is trained "
            "through. Leave --xla out, or give --no-deterministic too."
        )
    return has_gpu() and not cannot if asked == "auto" else asked == "on"


def check_options(run: Run) -> None:
    """OptionError for values that no run can have."""
    for name in ("steps", "batch_size", "size", "checkpoint_every", "sample_every", "log_every"):
        expect(getattr(run, name) >= 1, name, getattr(run, name), "1 or more")
    expect(run.learning_rate > 0, "learning_rate", run.learning_rate, "more than 0, such as 0.0001")
    expect(run.ema is None or 0 < run.ema < 1, "ema", run.ema, "a momentum between 0 and 1, such as 0.999")
    expect(run.judge_every is None or run.judge_every >= 0, "judge_every", run.judge_every, "0 or more")
    expect(run.patience >= 0, "patience", run.patience, "0 or more")


def check_size(run: Run, system: System) -> None:
    """OptionError where the networks of `system` cannot take pictures of the run's size."""
    stride, smallest = getattr(system, "stride", 1), getattr(system, "smallest", 1)
    if run.size % stride or run.size < smallest:
        least = -(-max(smallest, stride) // stride) * stride
        raise OptionError(
            f"--size {run.size}: with these options {run.system} takes multiples of {stride} px, at least {least}."
        )


def check_average(run: Run, system: System) -> None:
    """OptionError where weights are to be averaged that batch norm stands between.

    Its statistics are those of the weights themselves. Under averaged ones the signal is another: after a thousand
    steps of a completion network at a rate of 0.001 nothing of it was left.
    """
    if run.ema is None:
        return
    for name in sorted(set(system.networks) - set(system.training_only)):
        layers = system.networks[name]._flatten_layers()
        if any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers):
            raise OptionError(
                f"--ema {run.ema}: the network {name} has batch norm, whose statistics do not fit averaged weights. "
                "Give --ema None, or choose a network without batch norm."
            )


def make_deterministic() -> None:
    """From now on the same operations give the same bits, in this process and in the next."""
    tf.config.experimental.enable_op_determinism()


def build(run: Run) -> System:
    """The system of `run`, freshly initialised from `run.seed`, under `run.precision`.

    Names that Keras counts up (conv2d_1, adam) start anew, so that the variables' paths are the same however many
    systems this process has built before.
    """
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(run.seed)
    keras.config.set_dtype_policy(choose_precision(run.precision))
    return find(run.system)(run)
