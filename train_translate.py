"""Trains the translation of one kind of picture into another; run it again to go on. `--help` lists the options."""

import sys

from cloud_removal.cli.train import train
from configure import TRANSLATE, TRANSLATE_DEFAULT

if __name__ == "__main__":
    sys.exit(train("train_translate.py", TRANSLATE, TRANSLATE_DEFAULT))
