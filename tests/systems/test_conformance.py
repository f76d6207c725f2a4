"""What every system must do: new ones are picked up by being there."""

import dataclasses
import importlib
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.config import Run, SystemOptions, run_from_text, run_to_text
from cloud_removal.errors import OptionError
from cloud_removal.export import completer, restorer, weights_by_path
from cloud_removal.systems import Completer, Restorer, find, names

SMALL = {
    "width": 2, "widths": (2, 2, 2, 2, 2), "discriminator_width": 2, "history_size": 4, "levels": 5, "vgg": "random",
    "blocks": 1, "pool": 3,
}  # fmt: skip
"""What makes a system small, of the options that it has."""
NO_BATCH_NORM = {"cyclegan-", "pix2pix-", "unet-veil"}
"""Titles of the variants that have none; all others do."""
ROOT = Path(__file__).parents[2]


def presets_of(script: str) -> dict[str, Run]:
    """The presets that a training script hands to the command line."""
    module = importlib.import_module(script.removesuffix(".py"))
    (presets,) = (v for v in vars(module).values() if isinstance(v, dict) and v and _are_runs(v.values()))
    return presets


def _are_runs(values) -> bool:
    return all(isinstance(value, Run) for value in values)


SCRIPTS = {path.name: presets_of(path.name) for path in sorted(ROOT.glob("train_*.py"))}
PRESETS = [(script, name) for script, presets in SCRIPTS.items() for name in presets]


def tiny(run: Run) -> Run:
    """The same run with the narrowest networks and the smallest pictures."""
    fields = {field.name for field in dataclasses.fields(run.options)}
    options = dataclasses.replace(run.options, **{k: v for k, v in SMALL.items() if k in fields})
    return dataclasses.replace(run, options=options, size=96, batch_size=2, precision="float32", warmup=0)


def variants() -> list[tuple[str, SystemOptions]]:
    """Each system with its default options and with each of its other choices that names a network."""
    found = []
    for name in names():
        base = find(name).Options()
        found.append((name, base))
        if "network" in {f.name for f in dataclasses.fields(base)}:
            found.append((name, dataclasses.replace(base, network="veil")))
    return found


def title(variant: tuple[str, SystemOptions]) -> str:
    return f"{variant[0]}-{getattr(variant[1], 'network', '')}"


def of_kind(*kinds: type) -> pytest.MarkDecorator:
    """The test is for these kinds of system only."""
    found = [variant for variant in variants() if issubclass(find(variant[0]), kinds)]
    return pytest.mark.parametrize("system", found, ids=title, indirect=True)


@pytest.fixture(scope="module", params=variants(), ids=title)
def system(request):
    name, options = request.param
    keras.utils.set_random_seed(0)
    return find(name)(tiny(Run(name, options)))


@pytest.fixture(scope="module")
def batch(system):
    return next(iter(system.batches("training", 0).take(1)))


@pytest.fixture(scope="module")
def picture(batch):
    """What a restorer is given: a cloudy picture, or of two kinds of picture the first."""
    return batch["aerial"] if "aerial" in batch else batch["a"]


class Stepped(NamedTuple):
    """Two training steps, taken once for all tests: values before them, after the first, and what each returned."""

    before: dict[str, list[np.ndarray]]
    """Trainable weights by network."""
    statistics: tuple[list[np.ndarray], list[np.ndarray]]
    """Moving means of batch norm before and after the first step."""
    scalars: list[dict[str, tf.Tensor]]


@pytest.fixture(scope="module")
def stepped(system, batch):
    moving = [w for net in system.networks.values() for w in net.non_trainable_variables if "moving_mean" in w.path]
    before = {name: values(net.trainable_variables) for name, net in system.networks.items()}
    statistics, first = values(moving), system.train_step(batch)
    return Stepped(before, (statistics, values(moving)), [first, system.train_step(batch)])


def values(variables) -> list[np.ndarray]:
    return [variable.numpy().copy() for variable in variables]


def test_two_steps_change_each_network(system, stepped):
    # Two, because a layer that starts at zero keeps the first from those before it.
    for name, network in system.networks.items():
        if not stepped.before[name]:
            continue
        after = values(network.trainable_variables)
        assert np.mean([np.any(a != b) for a, b in zip(stepped.before[name], after, strict=True)]) > 0.9, name


def test_a_step_moves_the_statistics_of_batch_norm(system, stepped):
    before, after = stepped.statistics
    assert bool(before) == (title((system.run.system, system.run.options)) not in NO_BATCH_NORM)
    assert all(np.any(a != b) for a, b in zip(before, after, strict=True))


def test_a_step_returns_finite_scalars(stepped):
    for scalars in stepped.scalars:
        assert scalars
        assert all(value.shape == () and bool(tf.math.is_finite(value)) for value in scalars.values())


def test_samples_are_pictures_in_range(system, batch):
    for images in system.samples(batch).values():
        assert images.shape[-1] in (1, 3)
        assert 0.0 <= float(tf.reduce_min(images)) <= float(tf.reduce_max(images)) <= 1.0


@of_kind(Restorer)
def test_a_restorer_gives_ground_and_opacity_of_the_pictures_size(system, picture):
    restored = system.restore(picture)
    assert restored["ground"].shape == picture.shape
    assert restored["opacity"].shape == (*picture.shape[:3], 1)
    assert all(0.0 <= float(tf.reduce_min(v)) <= float(tf.reduce_max(v)) <= 1.0 for v in restored.values())


@of_kind(Restorer)
def test_a_restorers_context_can_be_given_as_well_as_computed_or_there_is_none(system, picture):
    if not system.context_size:
        with pytest.raises(TypeError, match="no picture-wide statistics"):
            system.context(picture)
        return
    field = tf.tile(system.context(picture)[:, None, None], [1, 3, 3, 1])
    given, own = system.restore(picture, field), system.restore(picture)
    np.testing.assert_array_equal(given["ground"], own["ground"])


@of_kind(Completer)
def test_a_completer_keeps_what_is_known_bit_by_bit_and_fills_the_rest(system, batch):
    ground, hole = batch["ground"].numpy(), batch["hole"].numpy()
    completed = system.complete(batch["ground"], batch["hole"]).numpy()
    np.testing.assert_array_equal(np.where(hole == 0, completed, 0), np.where(hole == 0, ground, 0))
    assert np.any(np.where(hole == 1, completed != ground, False)) and 0 <= completed.min() <= completed.max() <= 1


@of_kind(Completer)
def test_a_completer_does_not_look_into_the_hole(system, batch):
    other = tf.where(batch["hole"] == 1, float("nan"), batch["ground"])
    one, two = (system.complete(image, batch["hole"]) for image in (batch["ground"], other))
    np.testing.assert_array_equal(one, two)


@of_kind(Restorer, Completer)
def test_a_model_folder_holds_the_networks_that_answer_and_no_others(system):
    kind = restorer if isinstance(system, Restorer) else completer
    graphs = [graph.get_concrete_function().graph for graph in kind.signatures(system).values()]
    read = {id(variable) for graph in graphs for variable in graph.variables}
    answering = {n for n, net in system.networks.items() if any(id(weight.value) in read for weight in net.weights)}
    assert answering == {path.split("/")[0] for path in weights_by_path(system)}


def test_batches_go_on_where_they_stopped(system):
    unbroken = next(iter(system.batches("training", 0).skip(2)))
    resumed = next(iter(system.batches("training", 2)))
    for name in unbroken:
        np.testing.assert_array_equal(unbroken[name], resumed[name])


def test_every_system_names_its_script_and_all_presets_of_it_there():
    for name in names():
        presets, kind = SCRIPTS[find(name).script], find(name)
        own = [preset for preset, run in presets.items() if run.system == name]
        assert sorted(own) == sorted([kind.default_preset, *kind.other_presets])


@pytest.mark.parametrize("script, name", PRESETS)
def test_a_preset_survives_the_way_through_json(script, name):
    run = SCRIPTS[script][name]
    assert run_from_text(run_to_text(run), type(run.options)) == run


def test_an_unknown_system_is_refused_with_the_right_names():
    with pytest.raises(OptionError, match=f"The systems are: {', '.join(names())}"):
        find("unknown")


def test_an_unknown_option_is_refused_with_the_right_names():
    run = SCRIPTS["train_defog.py"]["unet"]
    text = run_to_text(run).replace('"squash"', '"sqash"')
    with pytest.raises(OptionError, match="squash"):
        run_from_text(text, type(run.options))
