"""Training presets: values only. `--preset NAME` of a script starts from one of them; every option can be changed."""

from pathlib import Path

from cloud_removal.config import Run
from cloud_removal.systems import unet

DEFOG = {
    f"unet{width or ''}": Run(
        system="unet",
        options=unet.Options(network="unet", width=width or 16),
        run_dir=Path("runs/defog"),
        steps=40_000,
    )
    for width in (0, 8, 24)
}
DEFOG_DEFAULT = "unet"
