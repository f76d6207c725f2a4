"""Takes the clouds off scenes through TensorFlow Serving, window by window, once the server is up.

    python -m deploy.client grpc://localhost:8500/defog scene.tif clear.tif

It is `remove --server` that a start-up script may call: a server that is still being started is waited for. A program
of your own does the same with `waited_for` and `cloud_removal.inference.pipeline.remove`.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cloud_removal import cli
from cloud_removal.errors import CloudRemovalError, ModelError, expect

if TYPE_CHECKING:
    from cloud_removal.inference.servers.served import ServedModel

WAIT, AGAIN = 300.0, 1.0
"""Seconds that a server has to load its model, and between two questions whether it has."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Waits for the server, then runs `remove --server`. Returns the exit code of that, 1 where no model answers."""
    parser = argparse.ArgumentParser(
        prog="python -m deploy.client", description=__doc__.splitlines()[0], allow_abbrev=False,
        usage="%(prog)s [--wait SECONDS] SERVER INPUT OUTPUT [options of remove]",
        epilog="INPUT, OUTPUT and all other options are those of: python -m cloud_removal remove --help",
    )  # fmt: skip
    parser.add_argument("server", metavar="SERVER", help="grpc://HOST:8500/NAME or http://HOST:8501/v1/models/NAME")
    parser.add_argument("--wait", type=float, default=WAIT, help="seconds that the server has to start (%(default)g)")
    given, words = parser.parse_known_args(arguments)
    if len(words) < 2:
        parser.error("the following arguments are required: INPUT OUTPUT")
    try:
        expect(given.wait >= 0, "wait", given.wait, "seconds, 0 or more")
        waited_for(given.server, given.wait)
    except CloudRemovalError as error:
        return cli.report(error)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return cli.INTERRUPTED
    return cli.main(["remove", *words, "--server", given.server])


def waited_for(url: str, seconds: float = WAIT) -> "ServedModel":
    """The model at `url`, asked for until it answers; ModelError where `seconds` later the server is still away.

    A server that has other models only is not waited for: ModelError at once. So is no address of a model: OptionError.
    """
    from cloud_removal.inference.servers.served import ServedModel
    from cloud_removal.inference.servers.transports import BusyError

    begin, said = time.monotonic(), False
    while True:
        try:
            return ServedModel.connect(url, waits=())
        except ModelError as error:
            if not isinstance(error.__cause__, BusyError) or time.monotonic() + AGAIN > begin + seconds:
                raise
            if not said:
                print(f"waiting up to {seconds:g} s for {url} ({error.__cause__})", file=sys.stderr)
            said = True
        time.sleep(AGAIN)


if __name__ == "__main__":
    sys.exit(main())
