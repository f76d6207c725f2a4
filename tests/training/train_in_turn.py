"""Training scripts one after the other in a process of their own, in which TensorFlow is imported once for all."""

import json
import os
import runpy
import subprocess
import sys

from benchmarks.soak import ROOT


def train_in_turn(*commands):
    """Runs each command, (script, options ...), to its end. RuntimeError with what was said where one fails."""
    words = [[str(word) for word in command] for command in commands]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    program = [sys.executable, "-m", "tests.training.train_in_turn", json.dumps(words)]
    ended = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(ended.stderr)


def main(commands):
    """The exit code of the first command that fails, or 0."""
    for command in commands:
        sys.argv = command
        try:
            runpy.run_path(command[0], run_name="__main__")
        except SystemExit as ended:
            if ended.code:
                return ended.code
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
