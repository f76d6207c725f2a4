"""The small model for the commands that run one."""

from tests.inference.conftest import model_folder

__all__ = ["model_folder"]
