"""The picture of before, cloud and after."""

import cv2
import numpy as np
from matplotlib.colors import to_rgb

from cloud_removal.inference.report import draw
from cloud_removal.inference.report_pictures import NO_DATA_COLOUR


def test_what_holds_no_data_has_the_same_colour_in_all_three_panels(tmp_path):
    cloud = np.full((32, 32), 0.5, np.float32)
    cloud[:, :16] = np.nan
    draw(tmp_path / "report.png", "scene", np.zeros((32, 32, 3)), cloud, np.ones((32, 32, 3)))
    picture = cv2.imread(str(tmp_path / "report.png"))[..., ::-1]
    blue = (np.abs(picture.astype(float) - 255 * np.array(to_rgb(NO_DATA_COLOUR))) < 2).all(-1).any(0)
    assert np.count_nonzero(np.diff(blue.astype(int)) == 1) == 3
