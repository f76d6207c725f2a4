"""The command line: which commands there are, and how their errors become one line and an exit code.

Each command is a module of this package with a dataclass `Command`, parsed by tyro from its fields. It is imported
only when it is called, and imports TensorFlow only where it needs it, so that `--help` answers at once.
"""

import importlib
import os
import sys
from collections.abc import Sequence

from cloud_removal.cli.quiet import quiet_tensorflow
from cloud_removal.errors import CloudRemovalError

# A keras.json in the user's home could name a backend that the systems are not written for.
os.environ["KERAS_BACKEND"] = "tensorflow"
quiet_tensorflow()
# Else TensorFlow takes a GPU's whole memory at once, and nothing else can run beside it. The user's own word counts.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

PROGRAM = "python -m cloud_removal"

COMMANDS = {
    "remove": "Take clouds and haze off a picture, a GeoTIFF or a folder of them.",
    "archive": "Take clouds and haze off many scenes at once, on this machine or a cluster.",
    "composite": "Make one picture out of several dates, each pixel from the date with the thinnest cloud.",
    "evaluate": "Score a model on pairs of cloudy and clear pictures.",
    "scenes": "Draw pictures that a trained generator makes out of noise, and check that they are no copies.",
    "calibrate": "Measure how far a model may be off, for error bars, and write it into its card.",
    "export": "Write the network of a training run as a model folder.",
    "prepare": "Cut ground into tiles, or turn infrared pictures into cloud layers, for training.",
    "simulate": "Put clouds, haze and their shadows over a clear picture.",
    "plot": "Draw the curves of a training run.",
    "systems": "List the systems that can be trained, with their scripts and presets.",
}

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code: 0 done, 1 a CloudRemovalError, 2 wrong usage, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return DONE
    if words[0] not in COMMANDS:
        print(f"error: there is no command {words[0]!r}\n\n{usage()}", file=sys.stderr)
        return WRONG_USAGE
    return call(words[0], words[1:])


def usage() -> str:
    """The list of commands."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join([f"usage: {PROGRAM} COMMAND ...", "", *lines, "", f"{PROGRAM} COMMAND --help tells more."])


def call(name: str, arguments: Sequence[str]) -> int:
    """Parses the arguments of command `name` and runs it. Returns the exit code."""
    import tyro

    module = importlib.import_module(f"cloud_removal.cli.{name}")
    try:
        spelled_out = getattr(module.Command, "spelled_out", list)  # Where a command has more forms than the parser.
        command = tyro.cli(module.Command, args=spelled_out(arguments), prog=f"{PROGRAM} {name}")
        return int(command.run() or DONE)
    except CloudRemovalError as error:
        return report(error)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # The reader of our output (`| head`) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:  # What no command foresaw: a name too long, a folder on the way that may not be entered.
        return report(CloudRemovalError(f"{error.filename or name}: {error.strerror or error}. Check the file's name."))


def report(error: CloudRemovalError) -> int:
    """Prints `error` as one line on stderr. Returns the exit code that goes with it."""
    print("error: " + " ".join(str(error).split()), file=sys.stderr)
    return FAILED
