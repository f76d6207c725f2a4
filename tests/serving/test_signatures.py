"""What a model folder answers on a server is what `remove` makes of a picture."""

import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver
from tensorflow.python.tools import saved_model_cli

from cloud_removal.export.server_files import served_card
from cloud_removal.export.serving import statistics_over
from cloud_removal.inference.context import measure
from cloud_removal.inference.picture import restore_picture
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings
from cloud_removal.inference.windows import Area
from tests.small_model import cloudy, read, write_raster


def picture(height: int, width: int) -> np.ndarray:
    """Of 8 bits (H, W, 3), with clear ground, thin and opaque cloud."""
    return np.round(255 * cloudy(height, width).transpose(1, 2, 0)).astype(np.uint8)


@pytest.fixture(scope="module")
def served(exported):
    return tf.saved_model.load(exported).signatures


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (40, 61), (300, 530)])
def test_bytes_answers_what_remove_makes_of_a_picture(served, model, size):
    values = picture(*size)
    answer = served["bytes"](image_bytes=tf.io.encode_png(values)[tf.newaxis])
    ground, opacity = restore_picture(model, values)
    difference = tf.io.decode_png(answer["ground_bytes"][0]).numpy().astype(int) - ground
    assert np.abs(difference).max() <= 1 and np.count_nonzero(difference) <= 1e-3 * difference.size
    seen = tf.io.decode_png(answer["opacity_bytes"][0]).numpy()[..., 0]
    np.testing.assert_allclose(seen, 255 * opacity, atol=0.502)


def test_files_of_one_request_may_differ_in_size_and_format(served):
    small, large = picture(9, 12), picture(30, 20)
    files = [tf.io.encode_jpeg(small).numpy(), tf.io.encode_png(large).numpy()]
    answer = served["bytes"](image_bytes=tf.constant(files))["ground_bytes"].numpy()
    assert [tf.io.decode_png(file).shape for file in answer] == [(9, 12, 3), (30, 20, 3)]
    alone = served["bytes"](image_bytes=tf.constant(files[1:]))["ground_bytes"].numpy()
    assert alone[0] == answer[1]


def test_what_is_no_picture_is_refused(served):
    with pytest.raises(tf.errors.InvalidArgumentError, match="Unknown image file format"):
        served["bytes"](image_bytes=tf.constant([b"cloud"]))


def test_remove_answers_what_the_command_writes(served, model, tmp_path):
    values = picture(40, 61)
    write_raster(tmp_path / "in.tif", values.transpose(2, 0, 1))
    remove(tmp_path / "in.tif", tmp_path / "out.tif", model, Settings(), provenance=tmp_path / "from.tif")
    answer = {name: value[0].numpy() for name, value in served["remove"](image=values[None] / np.float32(255)).items()}
    np.testing.assert_array_equal(answer["provenance"][..., 0], read(tmp_path / "from.tif")[0])
    np.testing.assert_allclose(255 * answer["ground"].transpose(2, 0, 1), read(tmp_path / "out.tif"), atol=0.501)
    assert set(np.unique(answer["provenance"])) == {1, 2, 4} and answer["provenance"].dtype == np.uint8


def test_remove_keeps_clear_ground_bit_by_bit(served):
    image = cloudy(33, 50).transpose(1, 2, 0)[None]
    answer = served["remove"](image=image)
    kept = answer["provenance"].numpy()[..., 0] == 1
    assert 0.1 < kept.mean() < 0.9
    np.testing.assert_array_equal(answer["ground"].numpy()[kept], image[kept])


def test_a_picture_is_answered_alike_alone_and_in_a_batch(served):
    images = np.stack([cloudy(24, 36, seed).transpose(1, 2, 0) for seed in range(3)])
    together, alone = served["remove"](image=images), served["remove"](image=images[1:2])
    for name in ("ground", "opacity", "provenance"):
        np.testing.assert_allclose(together[name][1], alone[name][0], atol=1e-6)


@pytest.mark.parametrize("size", [(3, 5), (8, 16), (17, 40), (33, 64)])
def test_statistics_are_spread_over_a_picture_as_over_a_scene(size):
    image = np.random.default_rng(2).random((2, *(max(side, 8) for side in size), 3), np.float32)
    image[:, :, 20:] *= 0.3

    def look(pictures):
        return tf.reduce_mean(tf.convert_to_tensor(pictures), (1, 2))

    def seen(area: Area, out: np.ndarray) -> bool:
        out[...] = image[1, area.top : area.bottom, area.left : area.right]
        return True

    height, width = image.shape[1:3]
    nodes = measure(height, width, 8, 16, 3, 8, seen, lambda pictures: look(pictures).numpy())
    frame = Area(0, 0, -(-height // 4) * 4, -(-width // 4) * 4)
    spread = statistics_over(tf.constant(image), look, 8, 16, 4)
    np.testing.assert_allclose(spread[1], nodes.over(frame, 4), atol=1e-6)


def test_the_page_on_serving_names_every_signature(served):
    page = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(served)


def test_the_card_that_is_served_says_all_that_windows_need(served, model):
    (text,) = served["card"](asked=tf.constant([""]))["card_bytes"].numpy()
    answer = json.loads(text)
    own = model.card.values
    assert {name: own.get(name) for name in answer if name != "content"} == {
        name: value for name, value in answer.items() if name != "content"
    }
    assert set(own) - set(answer) == {"version", "training", "scores", "config"}


def test_the_card_that_is_served_tells_models_of_other_weights_apart():
    card = {"name": "bright", "version": 1, "config": {"seed": 0}}
    contents = [
        json.loads(served_card(card, {"net/kernel": np.full(3, value)}))["content"] for value in (1.0, 1.0, 2.0)
    ]
    assert contents[0] == contents[1] != contents[2]


def test_saved_model_cli_shows_each_signature_with_its_names(exported):
    shown = io.StringIO()
    if not flags.FLAGS.is_parsed():
        flags.FLAGS(["saved_model_cli"])
    with contextlib.redirect_stdout(shown), flagsaver.flagsaver(dir=str(exported), all=True):
        saved_model_cli.show()
    found = shown.getvalue().split("The MetaGraph")[0]
    for name in ("serving_default", "bytes", "remove", "context", "restore", "card"):
        assert f"signature_def['{name}']" in found
    for name in ("inputs['image_bytes']", "outputs['ground_bytes']", "outputs['opacity_bytes']"):
        assert name in found
    assert found.count("shape: (-1, -1, -1, 3)") >= 6


def test_the_c_api_of_tensorflow_runs_it_without_any_python_of_tensorflow_or_ours(exported, served):
    library = Path(tf.__file__).parent / "libtensorflow_cc.so.2"
    if not library.exists():  # Linux' packages have it under this name; those of other systems do not.
        pytest.skip(f"this TensorFlow has no {library.name}")
    values = cloudy(21, 30).transpose(1, 2, 0)[None]
    job = {"library": str(library), "model": str(exported), "shape": values.shape, **_names(exported, "remove")}
    program = [sys.executable, "-I", str(Path(__file__).with_name("c_api.py")), json.dumps(job)]
    printed = subprocess.run(program, input=values.tobytes(), capture_output=True, check=True).stdout
    wanted = served["remove"](image=values)["ground"].numpy()
    np.testing.assert_allclose(np.frombuffer(printed, np.float32).reshape(values.shape), wanted, atol=1e-6)


def _names(folder: Path, signature: str) -> dict[str, str]:
    """What the input `image` and the output `ground` of `signature` are called in the graph."""
    from tensorflow.python.saved_model import loader_impl

    graph = loader_impl.parse_saved_model(str(folder)).meta_graphs[0].signature_def[signature]
    return {"image": graph.inputs["image"].name, "ground": graph.outputs["ground"].name}
