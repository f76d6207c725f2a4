"""CycleGAN stopped and gone on with: both optimizers, loss scales and the pools of past fakes included."""

import dataclasses

import pytest

from cloud_removal.config import Run
from cloud_removal.systems.cyclegan import Options
from cloud_removal.training import checkpoint, saves
from tests.systems.resuming import arrays, built, differing, differing_after_two_stretches

OPTIONS = Options(width=2, blocks=1, discriminator_width=2, pool=3)
POOLS = {f"state/pool{number}_{what}" for number in (0, 1) for what in ("pictures", "kept")}


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_restored_system_goes_on_bit_by_bit_with_the_same_past_fakes(precision, tmp_path):
    run = Run("cyclegan", OPTIONS, size=24, batch_size=2, precision=precision, ema=0.9)
    system, unbroken = built(run)
    batches = list(system.batches("training", 0).take(4))
    for batch in batches[:2]:  # Then the pools are full.
        system.train_step(batch)
    prefix = checkpoint.save(tmp_path, unbroken, 2, 0.0)
    held = arrays(unbroken)
    other, resumed = built(dataclasses.replace(run, seed=1))  # Other weights, before they are restored.
    checkpoint.restore(saves.Saved(prefix, 2, 0.0), resumed)
    for name, pool in other.pools.items():
        pool.seed = system.pools[name].seed
    for one in (system, other):
        for batch in batches[2:]:
            one.train_step(batch)
    assert differing(arrays(unbroken), arrays(resumed)) == []
    assert {"state/pool0_pictures", "state/pool1_pictures"} & set(differing(held, arrays(resumed)))


def test_a_checkpoint_holds_both_pools_and_the_moments_of_all_four_networks():
    _, found = built(Run("cyclegan", OPTIONS, size=24, batch_size=2, precision="mixed_float16"))
    assert set(found) >= POOLS | {"state/steps"}
    for optimizer, networks in (("generators", ("a_to_b", "b_to_a")), ("discriminators", ("_a", "_b"))):
        own = [path for path in found if path.startswith(f"optimizers/{optimizer}/")]
        assert any("dynamic_scale" in path for path in own)
        assert all(any(network in path and "velocity" in path for path in own) for network in networks)


def test_a_run_in_two_stretches_ends_as_one_in_one(tmp_path):
    run = Run("cyclegan", OPTIONS, steps=4, size=24, batch_size=2, precision="float32", schedule="linear", log_every=1)
    assert differing_after_two_stretches(run, tmp_path, first=2) == []
