"""`prepare`: training data from what one has. `ground`: rasters into tiles; `clouds`: infrared into cloud layers."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from cloud_removal.cli import report
from cloud_removal.errors import EmptyDatasetError, InputError, OptionError, OutputError
from cloud_removal.files import new_folder


@dataclass(frozen=True)
class Ground:
    """Cuts pictures and huge rasters into a tile store, which training reads tile by tile (--data.ground DEST).

    DEST becomes a folder with index.json and tiles.npy (8-bit RGB) or TFRecord shards. Tiles with more than 2 % of
    nodata are left out. A picture of a folder that cannot be used is named; the others are cut, and the exit code is 1.
    """

    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SOURCE")]
    """Picture, or folder of pictures with sub-folders: JPEG, PNG, GeoTIFF, JPEG 2000 of any size."""
    destination: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DEST")]
    """Folder to make; it must not exist yet."""
    size: int = 512
    """Side of the tiles in pixels."""
    format: Literal["store", "tfrecord"] = "store"
    """One file that is memory-mapped and needs no decoding, or TFRecord files of PNG, about half as large."""
    shard_size: int = 256
    """Size of a TFRecord file in MiB."""
    gain: float = 1.0
    """With --offset and --gamma, how values in [0, 1] are displayed: (gain * value + offset) ** (1 / gamma)."""
    offset: float = 0.0
    """Light added before the root, in [0, 1]: that of the air, which surface reflectance is without."""
    gamma: float = 1.0
    """2 for pictures like USGS's LandsatLook, which show the root of the reflectance."""

    def run(self) -> None:
        """Cuts, and prints how many tiles there are."""
        from cloud_removal.data.tiles import Tone, cut

        left_out = LeftOut()
        store = cut(
            self.source,
            self.destination,
            self.size,
            lambda path: print(path, file=sys.stderr),
            left_out,
            self.format,
            self.shard_size * 2**20,
            Tone(self.gain, self.offset, self.gamma),
        )
        tiles, pictures = counted(len(store.tiles), "tile"), counted(len(store.origins), "picture")
        print(f"{self.destination}: {tiles} of {self.size} px from {pictures}")
        left_out.finish(self.source, self.destination)


@dataclass(frozen=True)
class Clouds:
    """Turns infrared weather-satellite pictures of one view into cloud layers for training (--data.clouds DEST).

    The legend is cropped, drawn coast lines and borders are filled from beside them, the warm ground is subtracted,
    coloured cold tops count as thickest. DEST becomes a folder of grey PNG tiles, each stretched to the full range:
    thickness, white thickest. A picture that cannot be read, or is not of the size of most, is named; the others are
    used, and the exit code is 1.
    """

    source: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SOURCE")]
    """Folder of pictures of one view and one size: GIF, PNG, JPEG or TIFF, brighter is colder."""
    destination: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DEST")]
    """Folder to make; it must not exist yet."""
    overlay: Path | None = None
    """Picture that is white where something is drawn over the clouds; unless given, overlay.png in SOURCE, or else
    what never changes over the frames (at least 8)."""
    tolerance: int = 0
    """Change in grey levels (0 to 255) up to which a pixel never changes: 0 for GIF and PNG, about 12 for JPEG."""
    size: int = 256
    """Side of the tiles in pixels."""
    halve: bool = False
    """Take half the resolution: coarser pictures, smoother cloud."""

    def run(self) -> None:
        """Makes the tiles, and prints how many there are."""
        if self.size < 32:
            raise OptionError(f"--size {self.size}: tiles of at least 32 px are needed.")
        left_out = LeftOut()
        with new_folder(self.destination) as partial:
            count, frames = self._write(partial, left_out)
        print(f"{self.destination}: {counted(count, 'cloud layer')} of {self.size} px from {counted(frames, 'frame')}")
        left_out.finish(self.source, self.destination)

    def _write(self, folder: Path, left_out: "LeftOut") -> tuple[int, int]:
        """Writes the tiles into `folder`. Returns the numbers of tiles and of frames."""
        import cv2
        from tqdm import tqdm

        from cloud_removal.data import infrared

        paths, frames = infrared.read_frames(self.source, self.overlay, left_out)
        mask = self.overlay or self.source / infrared.OVERLAY
        if self.overlay is not None or mask.is_file():
            print(f"drawn lines and legend: as {mask} says", file=sys.stderr)
            overlay = infrared.read_overlay(mask, frames.shape[1:3])
        else:
            overlay = infrared.find_overlay(frames, self.tolerance)
            print(f"drawn lines and legend: the {100 * overlay.mean():.1f} % that never change", file=sys.stderr)
        names = [path.stem for path in paths]
        count = 0
        for name, layer in tqdm(infrared.layers(names, frames, overlay, self.size, self.halve), unit=" tiles"):
            written, content = cv2.imencode(".png", layer)
            if not written:
                raise OutputError(f"{name}.png could not be made.")
            (folder / f"{name}.png").write_bytes(content.tobytes())
            count += 1
        if not count:
            raise EmptyDatasetError(f"No cloud in the pictures of {self.source}: nothing is colder than the ground.")
        return count, len(paths)


class LeftOut:
    """Names pictures that cannot be used, one line each on stderr, and remembers that there were some."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, error: InputError) -> None:
        """Says what is wrong with one of them."""
        self.count += 1
        report(error)

    def finish(self, source: Path, destination: Path) -> None:
        """InputError, to end with exit code 1, where there were any."""
        if self.count:
            raise InputError(
                f"{counted(self.count, 'picture')} of {source} could not be used (named above); {destination} holds "
                "what the others gave."
            )


def counted(number: int, what: str) -> str:
    """`1 tile`, `2 tiles`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


Command = (
    Annotated[Ground, tyro.conf.subcommand("ground", prefix_name=False)]
    | Annotated[Clouds, tyro.conf.subcommand("clouds", prefix_name=False)]
)
"""Ground or clouds: what to prepare."""
