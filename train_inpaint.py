"""Trains the filling of holes under opaque cloud; run it again to go on. `--help` lists the options."""

import sys

from cloud_removal.cli.train import train
from configure import INPAINT, INPAINT_DEFAULT

if __name__ == "__main__":
    sys.exit(train("train_inpaint.py", INPAINT, INPAINT_DEFAULT))
