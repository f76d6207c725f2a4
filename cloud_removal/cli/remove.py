"""The command `remove`: clouds and haze off a picture, a GeoTIFF, or a folder of them."""

import dataclasses
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from cloud_removal.errors import OptionError
from cloud_removal.model_folder import DEFAULT, INPAINT, version_of

if TYPE_CHECKING:
    from cloud_removal.cli.remove_one import Remover
    from cloud_removal.inference.masks.foreign import Mask
    from cloud_removal.inference.shadows.sun import Sun
    from cloud_removal.inference.targets import Targets

INTERRUPTED = 130
Sensor = Literal["sentinel2-l1c", "sentinel2-l2a", "landsat-c2-sr", "landsat-c2-toa", "aerial", "reflectance"]
"""As `inference.sensors.SENSORS`."""
MaskKind = Literal["scl", "fmask", "qa_pixel", "s2cloudless", "omnicloudmask", "binary", "probability"]
"""As `inference.masks.kinds.KINDS`, which takes longer to import."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How clouds are taken off, and what is written besides: the options that one scene and many have in common."""

    model: Path | None = None
    """Model folder, NAME or NAME/VERSION; without it the bundled model defog."""
    bands: str | None = None
    """Bands of red, green and blue, counted from 1, e.g. 4,3,2. Without it 1,2,3 of at most four bands."""
    other_bands: Literal["keep", "drop"] = "keep"
    """Bands that are not chosen pass through unchanged, or are dropped: the result then has red, green and blue in this
    order, and the transparency."""
    scale: float | None = None
    """Value of full brightness, e.g. 10000 for Sentinel-2 reflectance. Without it and --sensor 255 for 8 bits, else by
    the raster's tags, else by percentiles of the whole scene."""
    sensor: Sensor | None = None
    """Units of the values: Sentinel-2 and Landsat Collection 2 digital numbers, 8-bit pictures, or reflectance. Without
    it as the raster's tags say. See docs/sensors.md."""
    baseline: float | None = None
    """Processing baseline of a Sentinel-2 product, e.g. 05.09: from 04.00 on 1000 is added to its values. Without it as
    the raster's tags say."""
    keep_below: float | None = None
    """Opacity (0 to 1) under which pixels stay bit-identical; up to 0.1 above it the result is blended in.
    Without it as the model's card says (usually 0.05)."""
    opaque_above: float | None = None
    """Opacity (0 to 1) from which pixels count as opaque cloud, provenance 4. Without it as the card says (usually
    0.75)."""
    other_date: tyro.conf.UseAppendAction[tuple[Path, ...]] = ()
    """Picture of the same place on another date; may be given several times. Cloudy pixels are taken from the date
    where their cloud is thinnest, in the brightness of INPUT, provenance 3. See docs/dates.md."""
    date_above: float | None = None
    """Opacity (0 to 1) from which pixels are taken from --other-date if that is clearer; under it thin cloud is taken
    off. Without it 0.1 above --keep-below, and more for dates that look different where both are clear."""
    shadows: Literal["off", "auto"] | None = None
    """auto: cloud shadows are looked for and brightened, provenance 5; what is too dark is treated as opaque cloud.
    off: they stay as they are. Without it auto where --sun-azimuth is given, else off. See docs/shadows.md."""
    sun_azimuth: float | None = None
    """Where the sun stood, in degrees clockwise from north, 0 to under 360: shadows lie away from it. Without it as
    INPUT's tags say (SUN_AZIMUTH and the like), else it is looked for."""
    sun_elevation: float | None = None
    """Height of the sun above the horizon in degrees, over 0 to 90. Without it as INPUT's tags say."""
    cloud_height: str | None = None
    """Height of the clouds above the ground, or a range, in pixels (40, 20-200) or metres (1500m, 500-3000m): with
    --sun-elevation it says how far shadows lie from clouds. Without it that is looked for."""
    other_mask: tyro.conf.UseAppendAction[tuple[Path, ...]] = ()
    """Cloud mask of a date, one for each --other-date in the same order, taken as --mask is (--mask-kind, ...). Nothing
    is taken from where it sees cloud or shadow."""
    inpaint_model: Path | None = None
    """Model folder that fills what opaque cloud hides; without it the bundled model inpaint, where there is one."""
    inpaint: bool = True
    """--no-inpaint: what stands under opaque cloud is the guess of the network that takes clouds off."""
    dilate: int | None = None
    """Pixels around opaque cloud that count as its edge, where it is filled or left without data. Without it 2."""
    abstain: bool = False
    """Generate nothing: what is under opaque cloud is left without data. --abstain X, with a number, is short for
    --abstain-above X."""
    abstain_above: float | None = None
    """Leave without data what may be off by more than this: the half-width of its 90 % interval (--uncertainty), in
    INPUT's units. What is generated is judged too. Without it nothing is left for its uncertainty. See
    docs/uncertainty.md."""
    mask: Path | None = None
    """Cloud mask of another program, of one band; folder of masks of the same names where INPUT is one. Where it sees
    cloud, cloud it is; elsewhere the model decides. Needs --mask-kind. See docs/masks.md."""
    mask_kind: MaskKind | None = None
    """What the codes of --mask mean: Sentinel-2 SCL, Fmask 4, Landsat Collection 2 QA_PIXEL, s2cloudless,
    OmniCloudMask, 0 and 1, or a probability."""
    mask_dilate: str = "0"
    """How far cloud and shadow of --mask are widened, in pixels of the scene (3) or metres (30m)."""
    mask_cloud: Literal["opaque", "thin"] = "opaque"
    """What the mask calls cloud counts as opaque (generated, see --inpaint-model) or is restored like thin cloud."""
    mask_scale: float | None = None
    """Value of a probability mask that means certainty, e.g. 100 or 255. Without it 1, which fractions take."""
    mask_threshold: float | None = None
    """Probability (0 to 1) above which --mask sees cloud. Without it 0.4 for s2cloudless, else 0.5."""
    cloud: Path | None = None
    """Write the cloud's opacity here: .tif (0 to 1, NaN without data) or .png (0 to 255)."""
    provenance: Path | None = None
    """Write where each pixel comes from here (.tif): 0 no data, 1 kept, 2 thin cloud removed, 3 taken from another
    date, 4 generated or guessed under opaque cloud, 5 shadow brightened."""
    residual: Path | None = None
    """Write here (.tif) how what was predicted under thin cloud differs, put back under it, from INPUT: band 1 in
    INPUT's units, band 2 in standard deviations, where more than 2 is suspect. See docs/consistency.md."""
    uncertainty: Path | None = None
    """Write here (.tif) how far each pixel may be off, in INPUT's units: the half-width of the interval that holds the
    ground in all three bands in 90 % of such pixels of simulated clouds; 0 where kept. See docs/uncertainty.md."""
    window: int = 1280
    """Largest side, in pixels, of what is kept of one window through the network; smaller needs less memory and more
    time. The result does not depend on it, unless that is said."""
    report: Path | None = None
    """Write a report here: .html, one page with before and after under a divider, layers, summary and settings, that
    loads nothing from elsewhere; or .png, a picture of before, cloud and after. Of a folder: a folder of pictures."""
    report_pages: bool = False
    """Of a folder, --report holds a page (.html) for each picture, not a picture (.png)."""
    cog: bool = False
    """Write GeoTIFFs as cloud-optimised ones (COG), with overviews: the same pixels and tags, read faster in parts and
    over a network. Needs twice the room on the disk while they are written. Without it plain, tiled GeoTIFFs."""
    max_pixels: float | None = None
    """Largest raster that is read, in pixels, e.g. 5e10. Without it 2e10 for tiled GeoTIFF and JPEG 2000, 2e9 for PNG
    and JPEG, 6.4e7 where all has to be decoded at once: a small file may claim any size."""
    overwrite: bool = False
    """Replace results that exist, and drop an unfinished run with other settings."""
    quiet: bool = False
    """No progress bar and no notes on stderr."""

    @staticmethod
    def spelled_out(arguments: Sequence[str]) -> list[str]:
        """The same with `--abstain X`, which to the parser is another option than `--abstain`, as that."""
        words = list(arguments)
        for place, word in enumerate(words):
            name, _, value = word.partition("=")
            if name == "--abstain" and _is_number(value or " ".join(words[place + 1 : place + 2])):
                words[place] = word.replace("--abstain", "--abstain-above", 1)
        return words

    def targets(self, output: Path) -> "Targets":
        """The files, or folders, to write: `output` and what the options want beside it."""
        from cloud_removal.inference.targets import Targets

        beside = self.cloud, self.provenance, self.report
        return Targets(output, *beside, self.cog, self.residual, self.report_pages, self.uncertainty)

    def remover(self) -> "Remover":
        """Models and settings as the options say. Raises OptionError where they do not go together."""
        from cloud_removal.cli.remove_one import Remover
        from cloud_removal.inference.holes.inpaint import DILATE
        from cloud_removal.inference.settings import Settings

        dilate, masks = DILATE if self.dilate is None else self.dilate, self._masks()
        settings = Settings(
            parse_bands(self.bands), self.scale, self.keep_below, self.opaque_above, self.window, dilate, self.abstain,
            mask=masks[0], date_above=self.date_above, date_masks=masks[1], sensor=self.sensor, baseline=self.baseline,
            drop_others=self.other_bands == "drop", max_pixels=self.max_pixels, shadows=self._sun(),
            abstain_above=self.abstain_above,
        )  # fmt: skip
        if self.date_above is not None and not self.other_date:
            raise OptionError("--date-above without --other-date FILE: there is no date to take pixels from.")
        if self.other_mask and not self.other_date:
            raise OptionError("--other-mask without --other-date FILE: there is no date that it could be of.")
        model, inpaint = self.model or DEFAULT, self._inpaint_model()
        return Remover(model, inpaint, settings, self.overwrite, self.quiet, self.other_date)

    def _sun(self) -> "Sun | None":
        """What is known of the sun, None where shadows are to stay."""
        from cloud_removal.inference.shadows.sun import Sun

        sun = Sun(self.sun_azimuth, self.sun_elevation, self.cloud_height)
        wanted = self.shadows == "auto" or (self.shadows is None and self.sun_azimuth is not None)
        if not wanted and sun != Sun():
            cure = "leave out --shadows off" if self.shadows else "add --sun-azimuth, or --shadows auto"
            raise OptionError(f"--sun-... and --cloud-height tell where shadows fall, but those are to stay: {cure}.")
        sun.check()
        return sun if wanted else None

    def _masks(self) -> "tuple[Mask | None, tuple[Mask, ...]]":
        """The mask of the scene, and those of its other dates."""
        from cloud_removal.inference.masks.foreign import Mask

        given = (self.mask_dilate, self.mask_cloud, self.mask_scale, self.mask_threshold)
        if self.mask is None and not self.other_mask:
            if self.mask_kind is not None or given != ("0", "opaque", None, None):
                raise OptionError("--mask-... without --mask FILE: there is no mask that they could speak of.")
            return None, ()
        if self.mask_kind is None:
            path = self.mask or self.other_mask[0]
            raise OptionError(f"--mask {path}: say with --mask-kind what its codes mean, e.g. --mask-kind scl.")
        how = self.mask_kind, self.mask_dilate, self.mask_cloud == "thin", self.mask_scale, self.mask_threshold
        one = None if self.mask is None else Mask(self.mask, *how)
        others = tuple(Mask(path, *how) for path in self.other_mask)
        for mask in (one, *others):
            if mask is not None:
                mask.check()
        return one, others

    def _inpaint_model(self) -> Path | None:
        """What fills holes, None where nothing does."""
        if self.inpaint_model is not None and (self.abstain or not self.inpaint):
            other = "--abstain" if self.abstain else "--no-inpaint"
            raise OptionError(f"--inpaint-model and {other}: give one of them; with {other} no model fills anything.")
        if self.abstain or not self.inpaint:
            return None
        return self.inpaint_model or (INPAINT if version_of(INPAINT) else None)


@dataclass(frozen=True, kw_only=True)
class Command(Options):
    """Takes clouds and haze off a picture and writes the ground, keeping what was clear bit by bit.

    PNG, JPEG, GeoTIFF and JPEG 2000 of any size, 8 or 16 bit or float, are read; GeoTIFF and PNG are written. With a
    folder as INPUT, OUTPUT and the files beside it are folders too, and get files of the same names. A run that was
    stopped or killed goes on when the same command is given again.
    """

    input: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="INPUT")]
    """Picture, raster, or folder of them."""
    output: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="OUTPUT")]
    """File ending in .tif or .png, or folder."""
    server: str | None = None
    """Ask TensorFlow Serving at this address instead of computing here: http://HOST:8501/v1/models/NAME or
    grpc://HOST:8500/NAME. Holes are filled here all the same. See docs/deploy.md."""

    def run(self) -> int:
        """Removes the clouds. Returns the exit code."""
        from cloud_removal.cli import remove_folder

        remover, results = self._asking(self.remover()), self.targets(self.output)
        try:
            if self.input.is_dir():
                if self.other_date:
                    raise OptionError(f"--other-date: {self.input} is a folder. Give one picture and its other dates.")
                remove_folder.every(remover, self.input, results)
            elif self.report_pages:
                raise OptionError(f"--report-pages: {self.input} is one picture. Give --report a name ending in .html.")
            else:
                print(remover.one(self.input, results).line())
        except KeyboardInterrupt:
            print("stopped; the same command goes on from here", file=sys.stderr)
            return INTERRUPTED
        return 0

    def _asking(self, remover: "Remover") -> "Remover":
        """The same with the model of the server, where one is given."""
        if self.server is None:
            return remover
        if self.model is not None:
            raise OptionError("--server and --model: give one of them; the server has its own model.")
        from cloud_removal.inference.servers.served import ServedModel

        return dataclasses.replace(remover, model=ServedModel.connect(self.server))


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def parse_bands(text: str | None) -> tuple[int, ...] | None:
    """`4,3,2` as numbers. Raises OptionError where it is anything else."""
    if text is None:
        return None
    try:
        return tuple(int(word) for word in text.replace(" ", ",").split(",") if word)
    except ValueError as error:
        raise OptionError(f"--bands {text}: expected three band numbers with commas between, e.g. 4,3,2.") from error
