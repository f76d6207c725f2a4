"""Training presets: values only. `--preset NAME` of a script starts from one of them; every option can be changed."""

import dataclasses
from pathlib import Path

from cloud_removal.config import Augmentation, Run, Simulation
from cloud_removal.systems import cyclegan, enlightengan, inpaint, mend, pix2pix, scene, unet

DEFOG = {
    f"unet{width or ''}": Run(
        system="unet",
        options=unet.Options(network="unet", width=width or 16),
        run_dir=Path("runs/defog"),
        steps=40_000,
    )
    for width in (0, 8, 24)
}
VISIBLE = unet.Options(
    network="veil", objective="visible", contrast_weight=0.5, cloud_weight=0.5, beta_1=0.9, beta_2=0.99
)
VEIL = Run(
    system="unet",
    options=VISIBLE,
    simulation=Simulation(
        kinds=(0.25, 0.22, 0.28, 0.25),
        veil_opacity=(0.25, 0.8),
        graded_share=0.5,
        veil_brightness=(0.4, 1.0),
        spared=0.8,
        feature=(0.04, 3.0),
        mixed_share=0.25,
        ice_share=0.3,
        relief=(0.0, 0.4),
        haze_share=0.25,
    ),
    augmentation=Augmentation(
        # Most pictures as they are, for how bright and colourful ground usually is tells it from haze.
        natural=0.6,
        # A darker ground and a thicker veil look alike: a narrow gain is sure of itself on pictures made to be looked
        # at, a wide one on satellites'.
        gain=(0.75, 1.25),
        gamma=(0.8, 1.25),
        saturation=(0.6, 1.45),
        tint=(0.88, 1.12),
        scale=(0.25, 1.0),
        swap=0.1,
        open_country=0.4,
        palette=0.1,
        contrast=(0.5, 1.5),
    ),
    run_dir=Path("runs/defog"),
    steps=20_000,
    batch_size=8,
    size=192,
    learning_rate=5e-4,
    schedule="cosine",
    warmup=200,
    clip_norm=1.0,
    ema=0.995,
)
DEFOG["veil"] = VEIL
# From a trained model to one sensor, of which a clear scene is at hand: the ground looks as it does there. The rate
# does not fall, since --minutes end the training.
DEFOG["adapt"] = dataclasses.replace(
    VEIL,
    simulation=dataclasses.replace(VEIL.simulation, spared=0.0),
    augmentation=Augmentation(
        gain=(0.95, 1.0),
        gamma=(0.97, 1.03),
        saturation=(0.93, 1.07),
        tint=(0.98, 1.02),
        swap=0.0,
        palette=0.0,
        scale=(0.75, 1.3),
    ),
    schedule="constant",
    judge_every=100,
)
# The same where pairs are at hand, and no other preset is named: of whole pictures, for how opaque a veil is shows in
# all of a picture together, and in many small steps.
DEFOG["pairs"] = dataclasses.replace(
    VEIL,
    options=dataclasses.replace(VISIBLE, contrast_weight=0.0, structure_weight=0.5),
    schedule="constant",
    batch_size=4,
    size=256,
)
DEFOG["mend"] = Run(system="mend", options=mend.Options(), run_dir=Path("runs/defog"), steps=40_000)
DEFOG_DEFAULT, DEFOG_OF_PAIRS = "veil", "pairs"

SHARP = Augmentation(
    # Ground enlarged, or of little contrast, looks like a blurred hole: a discriminator learns nothing from it.
    gain=(0.8, 1.2),
    gamma=(0.85, 1.2),
    palette=0.1,
    contrast=(0.8, 1.4),
    scale=(0.7, 1.0),
)
INPAINT = {
    # To be trained on a CPU: GLCIC narrowed, correcting a smooth fill, against the seed's judge of holes of any shape.
    "plain": Run(
        system="inpaint",
        options=inpaint.Options(
            generator="glcic-correction",
            width=16,
            upsample="resize",
            discriminator_width=24,
            completion_steps=8_000,
            discriminator_steps=100,
            structure_weight=0.1,
            adversarial_weight=0.005,
            beta_2=0.99,
        ),
        augmentation=SHARP,
        run_dir=Path("runs/inpaint"),
        steps=14_000,
        batch_size=8,
        size=192,
        learning_rate=5e-4,
        schedule="cosine",
        warmup=100,
        clip_norm=1.0,
        ema=0.998,
    ),
    # What the bundled model is: completion, with detail from the ground around, then all of it against a discriminator.
    "detail": Run(
        system="inpaint",
        options=inpaint.Options(
            generator="glcic-texture",
            width=16,
            upsample="bilinear",
            discriminator_width=24,
            completion_steps=15_000,
            discriminator_steps=300,
            structure_weight=0.05,
            adversarial_weight=0.003,
            beta_2=0.99,
        ),
        augmentation=SHARP,
        run_dir=Path("runs/inpaint"),
        steps=19_000,
        batch_size=4,
        size=256,
        learning_rate=5e-4,
        schedule="cosine",
        warmup=100,
        clip_norm=1.0,
        ema=0.995,
    ),
    # The seed's mod_GAN_poly, with its three cures.
    "seed": Run(
        system="inpaint",
        options=inpaint.Options(generator="autoencoder", discriminator="masked"),
        run_dir=Path("runs/inpaint"),
        steps=40_000,
    ),
    # The seed's mod_mend_*: how fake each pixel is.
    "map": Run(
        system="inpaint",
        options=inpaint.Options(generator="residual", discriminator="map", adversarial="lsgan", adversarial_weight=3.0),
        run_dir=Path("runs/inpaint"),
        steps=40_000,
    ),
    # The paper: 90k, 10k and 400k steps of 96 pictures.
    "glcic": Run(
        system="inpaint",
        options=inpaint.Options(
            generator="glcic",
            discriminator="glcic",
            adversarial="gan",
            mask="box",
            completion_steps=90_000,
            discriminator_steps=10_000,
            reconstruction="l2",
            adversarial_weight=4e-4,
            balance=0.0,
            history=0.0,
            optimizer="adadelta",
        ),
        run_dir=Path("runs/inpaint"),
        steps=500_000,
        batch_size=96,
        learning_rate=1.0,
    ),
    # The write-up (seed document 002): 128 px, Adam, and an end by the loss.
    "glcic-walkthrough": Run(
        system="inpaint",
        options=inpaint.Options(
            generator="glcic-walkthrough",
            discriminator="glcic",
            mask="box",
            box_sides=(24 / 128, 48 / 128),
            completion_steps=30_000,
            stop_loss=1e-4,
            reconstruction="l2",
            adversarial_weight=4e-4,
            balance=0.0,
            history=0.0,
            beta_1=0.9,
            beta_2=0.999,
        ),
        run_dir=Path("runs/inpaint"),
        steps=100_000,
        batch_size=16,
        size=128,
        learning_rate=1e-3,
    ),
}
INPAINT_DEFAULT = "plain"

# Pictures as they should look, in their own colours.
NATURAL = Augmentation(
    gain=(0.95, 1.05), gamma=(0.95, 1.05), saturation=(0.9, 1.1), tint=(0.98, 1.02), swap=0.0, palette=0.0,
    noise=(0.0, 0.01),
)  # fmt: skip
TRANSLATE = {
    # The paper, at its size: one picture a step. The clouds are those of the default restorer.
    "pix2pix": Run(
        system="pix2pix",
        options=pix2pix.Options(),
        simulation=VEIL.simulation,
        augmentation=VEIL.augmentation,
        run_dir=Path("runs/pix2pix"),
        steps=200_000,
        batch_size=1,
        learning_rate=2e-4,
    ),
    # To be trained on a CPU: narrowed, at the default restorer's kind of size, several pictures a step.
    "pix2pix-narrow": Run(
        system="pix2pix",
        options=pix2pix.Options(width=16, levels=6, discriminator_width=16),
        simulation=VEIL.simulation,
        augmentation=VEIL.augmentation,
        run_dir=Path("runs/pix2pix"),
        steps=40_000,
        batch_size=4,
        size=128,
        learning_rate=2e-4,
        schedule="linear",
        ema=0.999,
    ),
    # The paper: 200 epochs of about 1,000 pictures, one a step.
    "cyclegan": Run(
        system="cyclegan",
        options=cyclegan.Options(),
        simulation=VEIL.simulation,
        augmentation=NATURAL,
        run_dir=Path("runs/cyclegan"),
        steps=200_000,
        batch_size=1,
        learning_rate=2e-4,
        schedule="linear",
    ),
    # To be trained on a CPU: narrowed, on smaller pictures.
    "cyclegan-narrow": Run(
        system="cyclegan",
        options=cyclegan.Options(width=16, discriminator_width=16),
        simulation=VEIL.simulation,
        augmentation=NATURAL,
        run_dir=Path("runs/cyclegan"),
        steps=40_000,
        batch_size=2,
        size=128,
        learning_rate=2e-4,
        schedule="linear",
        ema=0.999,
    ),
    # The authors' settings: 200 epochs of about 1,000 pictures.
    "enlightengan": Run(
        system="enlightengan",
        options=enlightengan.Options(),
        augmentation=NATURAL,
        run_dir=Path("runs/enlightengan"),
        steps=6_400,
        batch_size=32,
        size=320,
        schedule="linear",
    ),
    # To be trained on a CPU: narrowed, on smaller pictures, in more steps.
    "enlightengan-narrow": Run(
        system="enlightengan",
        options=enlightengan.Options(width=12, discriminator_width=16),
        augmentation=NATURAL,
        run_dir=Path("runs/enlightengan"),
        steps=10_000,
        batch_size=4,
        size=128,
        schedule="linear",
    ),
}
TRANSLATE_DEFAULT = "pix2pix"

# Fields as they are, from 128 px (of 0.3 m, say) to each 64 px: seen whole, and never mirrored where pictures have 256.
FIELDS = Augmentation(
    gain=(0.95, 1.05), gamma=(0.95, 1.05), saturation=(0.95, 1.05), tint=(0.98, 1.02), swap=0.0, palette=0.0,
    scale=(0.4, 0.6),
)  # fmt: skip
SCENE = {
    name: Run(
        system="scene",
        options=options,
        augmentation=FIELDS,
        run_dir=Path("runs/scene"),
        steps=steps,
        batch_size=batch_size,
        size=64,
        learning_rate=learning_rate,
    )
    for name, options, steps, batch_size, learning_rate in (
        # To be trained on a CPU: a quarter of DCGAN's width and batch. Without the gate the discriminator, which sees
        # the same fields again and again, is soon so far ahead that all pictures become one woven pattern.
        ("farmland", scene.Options(width=32, balance=3.0), 20_000, 32, 2e-4),
        ("farmland-wgan", scene.Options(width=32, noise="normal", adversarial="wgan"), 50_000, 64, 5e-5),
        ("farmland-wgan-gp", scene.Options(width=32, noise="normal", adversarial="wgan-gp"), 50_000, 64, 1e-4),
        # The paper's width.
        ("dcgan", scene.Options(width=128), 50_000, 128, 2e-4),
    )
}
SCENE_DEFAULT = "farmland"
