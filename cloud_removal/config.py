"""All settings of a run as frozen dataclasses, with JSON there and back.

Ranges are `(low, high)` pairs drawn from uniformly; picture values are in [0, 1], lengths in pixels, angles in
degrees. What a system needs beyond this (widths, losses, masks) is its own `Options`, a frozen dataclass that
derives from `SystemOptions` and stands in the system's file.
"""

import dataclasses
import json
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tyro.constructors import PrimitiveConstructorSpec

from cloud_removal.errors import OptionError

Range = tuple[float, float]
Precision = Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"]
Strategy = Literal["auto", "single", "mirrored", "multiworker"]
Xla = Literal["auto", "on", "off"]


class Url(str):
    """Address of a folder or file elsewhere, as fsspec takes it: s3://BUCKET/FOLDER, gs://, https://, memory:// …"""

    def __truediv__(self, name: str) -> "Url":
        return Url(f"{self.rstrip('/')}/{name}")


def location(text: str) -> Path | Url:
    """Where data lies, as a user typed it: an address if there is `://` in it, else a path."""
    return Url(text) if "://" in text else Path(text)


def _typed(metavar: str) -> PrimitiveConstructorSpec[Any]:
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=lambda words: None if words[0] == "None" else location(words[0]),
        is_instance=lambda value: value is None or isinstance(value, (Path, Url)),
        str_from_instance=lambda value: [str(value)],
    )


Location = Annotated[Path | Url, _typed("DIR|URL")]
"""A path of this machine, or an address."""


@dataclass(frozen=True)
class Data:
    """Where pictures come from. With no folder at all, ground and clouds are procedural."""

    ground: tuple[Location, ...] = ()
    """Clear pictures (JPEG, PNG, GeoTIFF; any size), folders of them, or what `prepare ground` made of
    them: tile stores, TFRecord shards. Each folder of pictures may also be an address, such as s3://BUCKET/FOLDER."""
    procedural: float = 0.0
    """Share of the pictures that show the built-in procedural ground all the same, where folders are given."""
    clouds: tuple[Location, ...] = ()
    """Folders of cloud thickness maps made by `prepare clouds`; mixed with fractal clouds."""
    pairs: Annotated[Path | Url | None, _typed("DIR|URL")] = None
    """Folder of real pairs: cloud/NAME and clear/NAME."""
    pairs_share: float = 0.5
    """Share of each batch taken from the real pairs, where both pairs and ground are given."""
    a: tuple[Location, ...] = ()
    """Folders of pictures, or tile stores, of the one kind: cloudy, dark, before. Not paired with those of `b`."""
    b: tuple[Location, ...] = ()
    """Folders of pictures, or tile stores, of the other kind: clear, bright, after; other places, sizes and numbers."""
    hold_out: tuple[str, ...] = ()
    """Names of sub-folders of the ground that are never trained on (for judging)."""
    validation_share: float = 0.05
    """Share of the pictures kept for validation; of real pairs at least 0.15, of the rows of an only picture
    at least a quarter or 256, whichever is less."""


@dataclass(frozen=True)
class Simulation:
    """Ranges of the simulated clouds, veils and shadows."""

    kinds: tuple[float, float, float, float] = (0.25, 0.25, 0.35, 0.15)
    """How often: thin, thick, uniform veil, clear sky (relative weights)."""
    veil_opacity: Range = (0.3, 0.75)
    """Mean opacity of a uniform veil."""
    thin_opacity: Range = (0.2, 0.8)
    """Highest opacity of thin cloud."""
    coverage: Range = (0.1, 0.8)
    """Share of the picture under thin or thick cloud."""
    spared: float = 0.0
    """Share of dull ground (pale desert, steppe, rock) that no cloud is laid over, whatever `kinds` says."""
    feature: Range = (0.25, 1.0)
    """Size of the largest features of a fractal cloud, as a share of the picture's longer side (up to 1024 px)."""
    mixed_share: float = 0.0
    """Share of thin and thick clouds with a uniform veil beneath them."""
    brightness: Range = (0.5, 1.0)
    """Grey level of thin and thick cloud."""
    veil_brightness: Range = (0.35, 0.85)
    """Grey level of a uniform veil."""
    graded_share: float = 0.0
    """Share of the veils that are grey and as bright as they are opaque: dark where thin, bright where dense. Not of
    those over pictures that display a root of the light."""
    tint: Range = (0.9, 1.1)
    """Factor on each channel of the cloud colour at its most coloured; a random share of the deviation is taken."""
    ice_share: float = 0.1
    """Share of the thin and thick clouds that are cyan, as ice cloud is in false-colour composites."""
    ice_tint: Range = (0.5, 0.95)
    """Factor on the first channel of ice cloud."""
    relief: Range = (0.0, 0.2)
    """How much darker thick cloud is on slopes away from the sun."""
    haze_wavelength: Range = (0.0, 0.3)
    """How much weaker the veil is from each channel to the next longer wavelength (0: grey, Rayleigh is strongest)."""
    haze_share: float = 0.4
    """Share of the veils and thin clouds that depend on wavelength at all."""
    blur: float = 2.0
    """Standard deviation in pixels of the ground's blur under full opacity (times opacity)."""
    blur_share: float = 0.3
    """Share of the cloudy pictures whose ground is blurred; real veils (RICE1) hardly blur."""
    shadow_share: float = 0.4
    """Share of the cloudy pictures in which the cloud casts a shadow."""
    shadow_depth: Range = (0.2, 0.6)
    """Share of the light a full shadow takes away."""
    sun_azimuth: Range = (0.0, 360.0)
    """Where the sun stands, clockwise from north (the top of the picture)."""
    sun_elevation: Range = (25.0, 75.0)
    """Height of the sun above the horizon."""
    cloud_height: Range = (10.0, 60.0)
    """Height of the cloud above the ground in pixels."""
    fractal_share: float = 0.6
    """Share of fractal clouds where cloud layers of `data.clouds` are given too."""


@dataclass(frozen=True)
class Augmentation:
    """Ranges of what makes one sensor's ground look like another's."""

    gain: Range = (0.6, 1.3)
    gamma: Range = (0.7, 1.5)
    saturation: Range = (0.3, 1.6)
    tint: Range = (0.85, 1.15)
    swap: float = 0.2
    """Share of pictures whose channels are put in another order (false colour)."""
    infrared: float = 0.0
    """Share of pictures seen by a sensor with near infrared: vegetation bright in red or green, water black."""
    open_country: float = 0.0
    """Share of pictures that show open country of low contrast instead (desert, steppe, forest, sea)."""
    palette: float = 0.3
    """Share of pictures repainted: contrast and mean colour of another landscape (desert, sea, forest, snow)."""
    contrast: Range = (0.4, 1.4)
    """Factor on the contrast of a repainted picture."""
    scale: Range = (0.5, 1.5)
    """Zoom: under 1 shows more ground, coarser."""
    rotate: bool = True
    noise: Range = (0.0, 0.02)
    """Standard deviation of the sensor noise, added to the cloudy picture."""
    natural: float = 0.0
    """Share of pictures that keep their own colours: what is usual for a kind of ground can be learned from them."""


@dataclass(frozen=True)
class PairAugmentation:
    """Ranges of what is changed in real pairs, in both pictures alike: little, for they show the sensor itself."""

    gain: Range = (1.0, 1.0)
    saturation: Range = (1.0, 1.0)
    tint: Range = (1.0, 1.0)
    swap: float = 0.0
    """Share of pairs whose channels are put in another order."""
    scale: Range = (0.9, 1.1)
    """Zoom: under 1 shows more ground, coarser."""
    rotate: bool = True
    thickness: Range = (0.9, 1.05)
    """Factor on the difference between cloudy and clear: the same cloud, thinner or thicker."""
    exchange: float = 0.0
    """Share of pairs whose cloud, as far as opacity and one colour describe it, lies over another's clear picture."""


@dataclass(frozen=True)
class SystemOptions:
    """Base of each system's own options."""


@dataclass(frozen=True)
class Run:
    """Everything a training run depends on. `config.json` of a run folder holds one of these."""

    system: str
    """Which system to train (a module of cloud_removal.systems)."""
    options: Annotated[SystemOptions, tyro.conf.arg(name="")] = field(default_factory=SystemOptions)
    data: Data = Data()
    simulation: Simulation = Simulation()
    augmentation: Augmentation = Augmentation()
    pair_augmentation: PairAugmentation = PairAugmentation()
    run_dir: Path = Path("runs/run")
    """Folder of checkpoints, log, samples and curves; the same command goes on from it."""
    steps: int = 10_000
    """Total number of training steps (not additional ones)."""
    minutes: float | None = None
    """Stop after so many minutes of training, whatever the steps."""
    judge_every: int | None = None
    """Steps between judgements on what is kept from training, the best of which is exported: on real pairs, or where
    there are none on pictures under simulated clouds. None: 100 where there are real pairs; 0: never."""
    patience: int = 10
    """Stop after so many judgements in a row without a better one; 0: never for that."""
    batch_size: int = 8
    size: int = 256
    """Side of the training pictures in pixels."""
    seed: int = 0
    learning_rate: float = 1e-4
    schedule: Literal["constant", "cosine", "linear"] = "constant"
    """Learning rate over the steps; cosine falls to a hundredth, linear is constant for half of them, then falls to
    zero."""
    warmup: int = 0
    """Steps over which the learning rate rises from zero."""
    clip_norm: float | None = None
    """Clip gradients to this global norm."""
    ema: float | None = None
    """Momentum of the exponential moving average of the weights (e.g. 0.999); what is shown and exported then."""
    precision: Precision = "auto"
    xla: Xla = "auto"
    """Whether XLA compiles the training step: the first step takes a minute or so more, the others less. auto: on a
    GPU."""
    deterministic: bool = True
    """The same bits each time the same run is trained, also in stretches. Without it some GPUs are quicker."""
    strategy: Strategy = "auto"
    """Who trains. single: this process. mirrored: a process for each GPU of this machine. multiworker: the processes
    that TF_CONFIG or SLURM name, on any machines. auto: these if any are named, or else one for each GPU. The batch
    size is that of all together."""
    init: Path | None = None
    """Model folder (or name of a bundled model) or run folder to start the weights from."""
    init_partly: bool = False
    """Start from those of the `init` weights whose name and shape fit, e.g. of a network that was changed since."""
    checkpoint_every: int = 500
    sample_every: int = 500
    log_every: int = 10


def to_json(value: Any) -> Any:
    """A dataclass (or what stands in one) as plain JSON values; paths become strings, tuples lists."""
    if dataclasses.is_dataclass(value):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in value]
    return value


def from_json(kind: Any, value: Any, where: str = "config.json") -> Any:
    """The inverse of `to_json` for type `kind`; unknown names raise OptionError and list the right ones."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return from_json(arguments[0], value, where)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        if Url in arguments:
            return location(value)
        return from_json(next(a for a in arguments if a is not type(None)), value, where)
    if dataclasses.is_dataclass(kind):
        return _dataclass_from_json(kind, value, where)
    if origin is tuple:
        item = arguments[0] if arguments[-1] is Ellipsis else None
        return tuple(from_json(item or arguments[i], v, where) for i, v in enumerate(value))
    if kind is Path:
        return Path(value)
    if kind is float:
        return float(value)
    return value


def _dataclass_from_json(kind: Any, value: dict[str, Any], where: str) -> Any:
    hints = typing.get_type_hints(kind, include_extras=True)
    wrong = sorted(set(value) - set(hints))
    if wrong:
        raise OptionError(f"{where}: {kind.__name__} has no {', '.join(wrong)}; it has {', '.join(sorted(hints))}.")
    return kind(**{name: from_json(hints[name], v, f"{where}: {name}") for name, v in value.items()})


def run_to_text(run: Run) -> str:
    """`config.json` of a run."""
    return json.dumps(to_json(run), indent=2) + "\n"


def run_from_text(text: str, options: type[SystemOptions], where: str = "config.json") -> Run:
    """The run that `run_to_text` wrote; `options` is the `Options` class of its system."""
    values = json.loads(text)
    own = from_json(options, values.pop("options"), where)
    return dataclasses.replace(from_json(Run, values, where), options=own)
