"""Trained systems as model folders, which need nothing but TensorFlow to run."""

from cloud_removal.export.folder import as_float32, export, weights_by_path
from cloud_removal.export.restorer import Thresholds, measured_halo, noisy_pictures
from cloud_removal.export.server_files import WARM_UP
from cloud_removal.export.sides import reflected

__all__ = [
    "WARM_UP",
    "Thresholds",
    "as_float32",
    "export",
    "measured_halo",
    "noisy_pictures",
    "reflected",
    "weights_by_path",
]
