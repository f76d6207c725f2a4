"""The command line of the training scripts."""

import dataclasses
from pathlib import Path

import pytest

import configure
from cloud_removal.cli.train import parse, train
from cloud_removal.errors import OptionError
from cloud_removal.training import environment


def parsed(*words):
    return parse("train_defog.py", configure.DEFOG, configure.DEFOG_DEFAULT, words, configure.DEFOG_OF_PAIRS)


def exits_with(*words):
    return train("train_defog.py", configure.DEFOG, configure.DEFOG_DEFAULT, words)


def test_without_options_the_default_preset_is_trained():
    assert parsed().run == configure.DEFOG[configure.DEFOG_DEFAULT]


@pytest.mark.parametrize("words", [["--data.pairs", "c"], ["--data.pairs=c"], ["--data.pairs", "c", "--seed", "0"]])
def test_with_real_pairs_their_own_preset_is_trained(words):
    pairs, preset = parsed(*words).run, configure.DEFOG[configure.DEFOG_OF_PAIRS]
    assert dataclasses.replace(pairs, data=preset.data) == preset


def test_with_real_pairs_another_preset_or_system_can_be_named():
    assert parsed("--data.pairs", "c", "--preset", "unet").preset == "unet"
    assert parsed("--data.pairs", "c", "--system", "mend").preset == "mend"


def test_options_change_the_preset():
    run = parsed("--preset", "unet", "--width", "8", "--steps", "7").run
    assert (run.options.width, run.steps) == (8, 7)


def test_folders_of_data_are_paths():
    assert parsed("--data.ground", "a", "b", "--data.pairs", "c").run.data.ground == (Path("a"), Path("b"))


def test_a_wrong_preset_lists_the_right_ones():
    with pytest.raises(OptionError, match=f"no preset 'nope'. The presets are: {', '.join(configure.DEFOG)}"):
        parsed("--preset", "nope")


def test_a_wrong_system_lists_the_right_ones():
    with pytest.raises(OptionError, match=r"no system 'nope' here. The systems are: .*mend"):
        parsed("--system", "nope")


def test_a_system_alone_means_a_preset_of_it():
    assert configure.DEFOG[parsed("--system", "mend").preset].system == "mend"


def test_a_preset_of_another_system_is_refused():
    with pytest.raises(OptionError, match="Preset unet is of system unet, not mend"):
        parsed("--preset", "unet", "--system", "mend")


def test_a_wrong_option_is_wrong_usage_and_suggests_the_right_one(capsys):
    with pytest.raises(SystemExit) as ended:
        parsed("--learning-rat", "1")
    assert ended.value.code == 2 and "--learning-rate" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--steps", "0"), ("--batch-size", "0"), ("--log-every", "0"), ("--learning-rate", "0"), ("--ema", "1")],
)
def test_a_value_no_run_can_have_is_refused_by_name(option, value):
    with pytest.raises(OptionError, match=f"{option} {value}"):
        environment.check_options(parsed(option, value).run)


@pytest.mark.parametrize("strategy", ["mirrored", "multiworker"])
def test_a_strategy_for_which_nothing_is_there_ends_with_one_line(strategy, monkeypatch, capsys):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert exits_with("--strategy", strategy) == 1
    assert capsys.readouterr().err.startswith(f"error: --strategy {strategy}: ")


@pytest.mark.parametrize("preset", ["unet", "mend"])
def test_a_network_without_width_is_refused(preset):
    with pytest.raises(OptionError, match="--width 0: expected 1 or more"):
        environment.build(parsed("--preset", preset, "--width", "0").run)


def test_averages_of_weights_that_batch_norm_stands_between_are_refused():
    plain = parsed("--preset", "unet", "--width", "2", "--ema", "0.9").run
    with pytest.raises(OptionError, match=r"--ema 0\.9: the network unet has batch norm"):
        environment.check_average(plain, environment.build(plain))
    for run in (dataclasses.replace(plain, ema=None), parsed("--preset", "veil").run):
        environment.check_average(run, environment.build(run))


def test_a_size_the_network_cannot_take_is_refused():
    run = dataclasses.replace(parsed("--preset", "unet", "--width", "1").run, precision="float32", size=33)
    with pytest.raises(OptionError, match=r"--size 33: .* multiples of 32 px"):
        environment.check_size(run, environment.build(run))


@pytest.mark.parametrize(
    ("flags", "precision"),
    [
        ("flags : sse avx512_bf16", "mixed_bfloat16"),
        ("flags : amx_bf16", "mixed_bfloat16"),
        ("flags : avx2", "float32"),
    ],
)
def test_auto_precision_follows_the_processor(flags, precision, tmp_path):
    (tmp_path / "cpuinfo").write_text(flags)
    assert environment.choose_precision("auto", tmp_path / "cpuinfo") == precision


def test_auto_precision_is_float32_where_nothing_is_known(tmp_path):
    assert environment.choose_precision("auto", tmp_path / "none") == "float32"


def test_a_precision_asked_for_is_taken():
    assert environment.choose_precision("mixed_float16") == "mixed_float16"
