"""Trains scenes from noise (DCGAN); run it again to go on. `--help` lists the options."""

import sys

from cloud_removal.cli.train import train
from configure import SCENE, SCENE_DEFAULT

if __name__ == "__main__":
    sys.exit(train("train_scene.py", SCENE, SCENE_DEFAULT))
