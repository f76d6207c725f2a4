"""`export --average`: the weighted mean of the weights of several models."""

import json

import numpy as np
import pytest

from cloud_removal.cli import main
from cloud_removal.model_folder import CARD, WEIGHTS


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two runs of a step from different seeds, exported."""
    folders, tmp_path = [], tmp_path_factory.mktemp("models")
    for seed in (0, 1):
        run = tmp_path / f"run{seed}"
        words = ["--preset", "veil", "--widths", "2", "2", "2", "2", "2", "--size", "64", "--batch-size", "1"]
        assert trained([*words, "--steps", "1", "--seed", str(seed), "--run-dir", str(run)]) == 0
        assert main(["export", str(run), str(tmp_path / f"model{seed}")]) == 0
        folders.append(tmp_path / f"model{seed}")
    return folders


def trained(words):
    import configure
    from cloud_removal.cli.train import train

    return train("train_defog.py", configure.DEFOG, configure.DEFOG_DEFAULT, words)


def weights(folder):
    with np.load(folder / "1" / WEIGHTS) as file:
        return dict(file)


def test_weights_are_the_weighted_mean(models, tmp_path):
    first, second = models
    words = ["export", str(first), str(tmp_path / "mean"), "--average", str(second), "--shares", "0.75", "0.25"]
    assert main(words) == 0
    one, other, mean = weights(first), weights(second), weights(tmp_path / "mean")
    for path, value in mean.items():
        np.testing.assert_allclose(value, 0.75 * one[path] + 0.25 * other[path], atol=1e-6)
    training = json.loads((tmp_path / "mean" / "1" / CARD).read_text())["training"]
    assert (training["averaged_with"], training["shares"]) == ([str(second)], [0.75, 0.25])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--average", "{1}", "--shares", "0.5"], "expected 2 numbers"),
        (["--average", "{1}", "--shares", "0.5", "0.6"], "sum to 1"),
        (["--shares", "1"], "goes with --average"),
    ],
)
def test_shares_that_make_no_mean_are_refused(models, tmp_path, capsys, words, message):
    words = [word.format(*models) for word in words]
    assert main(["export", str(models[0]), str(tmp_path / "mean"), *words]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "mean").exists()
