"""Trains the removal of clouds and haze; run it again to go on. `--help` lists the options."""

import sys

from cloud_removal.cli.train import train
from configure import DEFOG, DEFOG_DEFAULT, DEFOG_OF_PAIRS

if __name__ == "__main__":
    sys.exit(train("train_defog.py", DEFOG, DEFOG_DEFAULT, of_pairs=DEFOG_OF_PAIRS))
