"""The presets that follow a paper or the seed are what it says."""

import dataclasses

import pytest

import configure

PAPER = {"completion_steps": 90_000, "discriminator_steps": 10_000, "reconstruction": "l2", "adversarial_weight": 4e-4,
         "optimizer": "adadelta", "mask": "box", "balance": 0.0, "history": 0.0}  # fmt: skip
WALKTHROUGH = {"generator": "glcic-walkthrough", "discriminator": "glcic", "beta_1": 0.9, "beta_2": 0.999,
               "box_sides": (24 / 128, 48 / 128), "stop_loss": 1e-4}  # fmt: skip
SEED = {"generator": "autoencoder", "discriminator": "masked", "mask": "poly", "balance": 8.0, "history": 0.25}
MAP = {"generator": "residual", "discriminator": "map", "adversarial": "lsgan", "adversarial_weight": 3.0}


@pytest.mark.parametrize(
    ("name", "options", "run"),
    [
        ("glcic", PAPER, {"steps": 500_000, "batch_size": 96, "size": 256}),
        ("glcic-walkthrough", WALKTHROUGH, {"batch_size": 16, "size": 128, "learning_rate": 1e-3}),
        ("seed", SEED, {"learning_rate": 1e-4}),
        ("map", MAP, {"learning_rate": 1e-4}),
    ],
)
def test_a_preset_of_inpainting_is_what_its_source_says(name, options, run):
    preset = configure.INPAINT[name]
    assert options.items() <= dataclasses.asdict(preset.options).items()
    assert {field: getattr(preset, field) for field in run} == run


def test_the_seeds_unet_has_the_seeds_loss_and_width():
    preset = configure.DEFOG["unet"]
    wanted = {"network": "unet", "width": 16, "objective": "l1", "composite_cloud": "true", "cloud_weight": 3.0}
    assert wanted.items() <= dataclasses.asdict(preset.options).items()
    assert (preset.learning_rate, preset.size) == (1e-4, 256)
