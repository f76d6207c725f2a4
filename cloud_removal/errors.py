"""What can go wrong through no fault of the code: each kind says what, where, and what to do next."""


class CloudRemovalError(Exception):
    """Base of all errors a user can mend. The command line prints its message as one line and exits with 1."""


class OptionError(CloudRemovalError):
    """An option, or a combination of options, that cannot be used."""


class InputError(CloudRemovalError):
    """A picture or raster that is missing, unreadable or of an unusable kind."""


class OutputError(CloudRemovalError):
    """A result that cannot be written where it was asked for, or exists already."""


class EmptyDatasetError(CloudRemovalError):
    """A data folder with nothing in it to train on or to judge by."""


class ModelError(CloudRemovalError):
    """A model folder that is missing, incomplete, corrupt or of another kind."""


class CheckpointError(CloudRemovalError):
    """A checkpoint that cannot be restored into this run."""


class WorkerError(CloudRemovalError):
    """Another worker of the same run that cannot be reached, or has ended."""


class DivergedError(CloudRemovalError):
    """Training met a loss that is not a finite number."""


def expect(holds: bool, option: str, value: object, expected: str) -> None:
    """Nothing where it `holds`, else OptionError: the field `option` as it is typed, its value, what is `expected`."""
    if not holds:
        raise OptionError(f"--{option.replace('_', '-')} {value}: expected {expected}.")
