"""Training presets: values only. `--preset NAME` of a script starts from one of them; every option can be changed."""

from pathlib import Path

from cloud_removal.config import Augmentation, Run, Simulation
from cloud_removal.systems import mend, unet

DEFOG = {
    f"unet{width or ''}": Run(
        system="unet",
        options=unet.Options(network="unet", width=width or 16),
        run_dir=Path("runs/defog"),
        steps=40_000,
    )
    for width in (0, 8, 24)
}
VEIL = Run(
    system="unet",
    options=unet.Options(network="veil", objective="visible", cloud_weight=0.5, beta_1=0.9, beta_2=0.99),
    simulation=Simulation(
        kinds=(0.2, 0.3, 0.35, 0.15),
        veil_opacity=(0.3, 0.75),
        veil_brightness=(0.4, 1.0),
        feature=(0.06, 1.0),
        mixed_share=0.25,
        ice_share=0.3,
        relief=(0.0, 0.4),
        haze_share=0.25,
    ),
    augmentation=Augmentation(
        saturation=(0.6, 1.5), scale=(0.25, 1.0), swap=0.1, open_country=0.4, palette=0.15, contrast=(0.5, 1.4)
    ),
    run_dir=Path("runs/defog"),
    steps=17_500,
    batch_size=16,
    size=128,
    learning_rate=5e-4,
    schedule="cosine",
    warmup=200,
    clip_norm=1.0,
    ema=0.999,
)
DEFOG["veil"] = VEIL
DEFOG["mend"] = Run(system="mend", options=mend.Options(), run_dir=Path("runs/defog"), steps=40_000)
DEFOG_DEFAULT = "veil"
