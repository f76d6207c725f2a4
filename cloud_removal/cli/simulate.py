"""`simulate`: clouds, haze and their shadows over a clear picture or raster, with the true opacity beside it."""

import dataclasses
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from cloud_removal.cli.remove import parse_bands
from cloud_removal.errors import OptionError

if TYPE_CHECKING:
    import numpy as np

    from cloud_removal.config import Simulation
    from cloud_removal.inference.compose import Piece
    from cloud_removal.inference.raster import Scene

AZIMUTH, ELEVATION, HEIGHT = 135.0, 45.0, 40.0
LONGEST_SHADOW = 1000
"""Pixels that a shadow may reach even in pictures smaller than that."""
COVERAGE, THIN_OPACITY, VEIL_OPACITY = 0.4, 0.7, 0.5


@dataclass(frozen=True)
class Command:
    """Puts simulated clouds, or haze, and the clouds' shadows over a clear picture.

    Everything else of a raster stays: georeference, data type, nodata, other bands, tags. The same picture, options
    and seed give the same result. Prints what the picture is covered with. It is worked on whole: about 130 bytes of
    memory a pixel.
    """

    input: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="INPUT")]
    """Clear picture: PNG, JPEG, GeoTIFF or JPEG 2000."""
    output: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="OUTPUT")]
    """Cloudy picture to write: .tif or .png."""
    kind: Literal["thin", "thick", "veil"] = "thin"
    """Thin cloud, thick cloud that hides the ground, or an almost even veil over the whole picture."""
    coverage: float | None = None
    """Share of the pixels with data under cloud, 0 to 1, kept exactly; 0.4 unless said. A veil covers all."""
    opacity: float | None = None
    """Highest opacity of thin cloud (0.7 unless said), mean opacity of a veil (0.5 unless said); 0 to 0.98."""
    sun_azimuth: float | None = None
    """Where the sun stands, in degrees clockwise from north; 135 unless said. North is up, or as the raster says."""
    sun_elevation: float | None = None
    """Height of the sun above the horizon in degrees, 1 to 90; 45 unless said."""
    cloud_height: float | None = None
    """Height of the cloud above the ground in pixels; 40 unless said, 0 for no shadow. A veil casts none."""
    seed: int = 0
    """Another seed, other clouds."""
    bands: str | None = None
    """Bands of red, green and blue, counted from 1, e.g. 4,3,2; the first three unless said."""
    scale: float | None = None
    """Value of full brightness, e.g. 10000 for Sentinel-2; unless said, 255 for 8 bits, else tags or percentiles."""
    cloud: Path | None = None
    """File for the true opacity: .tif (float32, 0 to 1) or .png (0 to 255)."""
    overwrite: bool = False
    """Replace files that exist."""

    def run(self) -> None:
        """Reads, simulates, writes, and prints one line."""
        self._check()
        from cloud_removal.inference import assemble, blocks, colour_profile, targets
        from cloud_removal.inference.raster import open_scene, quiet_gdal, remarks
        from cloud_removal.inference.scaling import check_scale
        from cloud_removal.inference.windows import Area, Window

        check_scale(self.scale)
        wanted = targets.Targets(self.output, self.cloud)
        with quiet_gdal():
            targets.check(wanted, self.input, self.overwrite)
            with open_scene(self.input, parse_bands(self.bands)) as scene:
                targets.check_kind(scene, self.output)
                self._check_shadow(max(scene.height, scene.width))
                for line in [*remarks(scene), *colour_profile.remarks(scene, self.output)]:
                    print(line, file=sys.stderr)
                with (
                    blocks.opened(self.output, self._identity(), scene.dtype, True, self.overwrite) as partial,
                    targets.hidden(wanted),
                ):
                    whole = Area(0, 0, scene.height, scene.width)
                    piece, told = self._clouded(scene, whole)
                    partial.save(Window(0, whole, whole), piece)
                    finished = assemble.Blocks(partial, [Window(0, whole, whole)])
                    assemble.result(scene, finished, targets.hidden_files(wanted)["output"])
                    if self.cloud is not None:
                        assemble.opacity(scene, finished, targets.hidden_files(wanted)["cloud"])
                    targets.publish(wanted)
        print(f"{self.output}: {told}")

    def simulation(self, azimuth: float) -> "Simulation":
        """The ranges to draw from; `azimuth` of the sun is clockwise from the top of the picture."""
        from cloud_removal.config import Simulation
        from cloud_removal.data.clouds import ONLY

        coverage = COVERAGE if self.coverage is None else self.coverage
        thin = THIN_OPACITY if self.opacity is None else self.opacity
        veil = VEIL_OPACITY if self.opacity is None else self.opacity
        elevation = ELEVATION if self.sun_elevation is None else self.sun_elevation
        height = HEIGHT if self.cloud_height is None else self.cloud_height
        return dataclasses.replace(
            Simulation(),
            kinds=ONLY[self.kind],
            coverage=(coverage, coverage),
            thin_opacity=(thin, thin),
            veil_opacity=(veil, veil),
            brightness=(0.8, 1.0),
            tint=(0.95, 1.05),
            ice_share=0.0,
            shadow_share=float(height > 0),
            sun_azimuth=(azimuth, azimuth),
            sun_elevation=(elevation, elevation),
            cloud_height=(height, height),
        )

    def _check(self) -> None:
        limits = {
            "coverage": (self.coverage, 0.0, 1.0),
            "opacity": (self.opacity, 0.0, 0.98),
            "sun-azimuth": (self.sun_azimuth, -360.0, 360.0),
            "sun-elevation": (self.sun_elevation, 1.0, 90.0),
            "cloud-height": (self.cloud_height, 0.0, 10_000.0),
            "seed": (float(self.seed), 0.0, 2.0**63),
        }
        for name, (value, low, high) in limits.items():
            if value is not None and not low <= value <= high:
                raise OptionError(f"--{name} {value:g}: expected a number from {low:g} to {high:g}.")
        sun = (self.sun_azimuth, self.sun_elevation, self.cloud_height)
        if self.kind == "veil" and (self.coverage is not None or any(value is not None for value in sun)):
            raise OptionError(
                "--kind veil covers the whole picture and casts no shadow: leave out --coverage, --sun-azimuth, "
                "--sun-elevation and --cloud-height, or choose --kind thin."
            )
        if self.kind == "thick" and self.opacity is not None:
            raise OptionError("--kind thick is opaque: leave out --opacity, or choose --kind thin or veil.")

    def _check_shadow(self, side: int) -> None:
        """The sky is simulated as far out as shadows reach into the picture: refuses what memory would not hold."""
        if self.kind == "veil":
            return
        height = HEIGHT if self.cloud_height is None else self.cloud_height
        elevation = ELEVATION if self.sun_elevation is None else self.sun_elevation
        length, longest = height / math.tan(math.radians(elevation)), max(side, LONGEST_SHADOW)
        if length > longest:
            raise OptionError(
                f"--cloud-height {height:g} and --sun-elevation {elevation:g} cast shadows {length:.0f} px long; "
                f"expected at most {longest} for this picture. Lower the cloud, or raise the sun."
            )

    def _identity(self) -> dict[str, Any]:
        """What decides on the result, so that an unfinished one is not taken for another."""
        own = {name: str(value) for name, value in dataclasses.asdict(self).items() if name != "overwrite"}
        return {"command": "simulate", **own}

    def _clouded(self, scene: "Scene", whole: Any) -> tuple["Piece", str]:
        """The scene's three bands under cloud with the true opacity, and what to tell of them."""
        import numpy as np

        from cloud_removal.data.clouds import simulate
        from cloud_removal.inference.compose import KEPT, NO_DATA, Piece, grey_where_missing, to_type
        from cloud_removal.inference.scaling import choose

        sample = scene.sample()
        tags = [(scene.source.scales[band - 1], scene.source.offsets[band - 1]) for band in scene.bands]
        scaling = choose(sample.bands, scene.dtype, self.scale, tags, str(scene.path))
        values, present = scene.read(whole)
        picture = scaling.to_network(values)
        median = scaling.to_network(np.array(sample.median).reshape(3, 1, 1))[0, 0]
        grey_where_missing(picture, present, median)
        rng = np.random.Generator(np.random.Philox(self.seed))
        azimuth = AZIMUTH if self.sun_azimuth is None else self.sun_azimuth
        seen: np.ndarray = np.asarray(present.any(axis=0))
        made = simulate(picture, rng, self.simulation(from_top(azimuth, scene)), valid=seen)
        opacity, changed = made.opacity[..., 0], ((made.opacity > 0) | (made.shadow > 0))[..., 0]
        wide = values.dtype.itemsize > 2
        for band, plane in enumerate(scaling.to_raster(made.aerial, wide)):
            clouded = to_type(plane, values.dtype, scene.nodata)
            np.copyto(values[band], clouded, where=changed & present[band])
        told = described(self.kind, opacity[seen], made.shadow[seen, 0])
        provenance = np.where(seen, np.uint8(KEPT), np.uint8(NO_DATA))
        return Piece(values, provenance, np.where(seen, opacity, np.float32(np.nan))), told


def from_top(azimuth: float, scene: "Scene") -> float:
    """`azimuth` from north as degrees clockwise from the top of the picture, for rasters that are not north-up."""
    import numpy as np

    grid = scene.source.transform
    if scene.source.crs is None or grid.is_identity:
        return azimuth
    axes = np.array([[grid.a, grid.b], [grid.d, grid.e]])  # Columns: one pixel to the right, one down, on the map.
    toward = math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))
    right, down = np.linalg.solve(axes / np.hypot(*axes), toward)
    return math.degrees(math.atan2(right, -down)) % 360.0


def described(kind: str, opacity: "np.ndarray", shadow: "np.ndarray") -> str:
    """What the pixels with data are covered with, in words."""
    what = "a veil" if kind == "veil" else f"{kind} cloud"
    text = f"{what} over {100 * (opacity > 0).mean():.1f} % of the pixels, mean opacity {opacity.mean():.2f} in all"
    return f"{text}, shadow on {100 * (shadow > 0.01).mean():.1f} %" if shadow.any() else text
