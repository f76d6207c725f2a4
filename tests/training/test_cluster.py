"""Who trains one run together, as variables of the environment say it; and strategies that cannot be had."""

import dataclasses
import json

import pytest

from cloud_removal.config import Run, SystemOptions, run_to_text
from cloud_removal.errors import OptionError
from cloud_removal.systems.workers import ALONE, Workers
from cloud_removal.training.cluster import Cluster, named
from cloud_removal.training.follow import agreed
from cloud_removal.training.strategy import workers_of

ADDRESSES = ["here:2001", "here:2002", "there:2001"]
RUN = Run("tiny", SystemOptions(), batch_size=6, precision="float32")


def config(index=1, kind="worker", **cluster):
    task = {} if index is None else {"task": {"type": kind, "index": index}}
    return {"TF_CONFIG": json.dumps({"cluster": cluster or {"worker": ADDRESSES}} | task)}


def test_without_any_variable_a_worker_is_alone():
    assert named({}) is None


def test_one_worker_named_is_alone():
    assert named(config(0, worker=["here:2001"])) is None


def test_tf_config_names_the_workers_in_order():
    assert named(config(2)) == Cluster(tuple(ADDRESSES), 2)


def test_a_chief_comes_before_the_workers():
    cluster = named(config(0, "worker", worker=ADDRESSES[1:], chief=ADDRESSES[:1]))
    assert cluster == Cluster(tuple(ADDRESSES), 1)


def test_a_pod_of_an_indexed_job_needs_no_task():
    assert named(config(None) | {"JOB_COMPLETION_INDEX": "2"}).index == 2


def test_a_worker_knows_how_many_are_before_it_on_its_machine():
    assert [Cluster(tuple(ADDRESSES), index).place() for index in range(3)] == [0, 1, 0]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"TF_CONFIG": "{"}, "cannot be read"),
        ({"TF_CONFIG": "[1]"}, "cannot be read"),
        (config("one"), "cannot be read"),
        (config(3), "no worker of index 3"),
        (config(None), "no worker of index -1"),
        (config(0, "evaluator"), "no evaluator of index 0"),
        (config(0, worker=ADDRESSES, ps=["there:1"]), "names ps"),
        (config(0, worker=["here", "there:1"]), "'here' is no HOST:PORT"),
        (config(0, worker=["here:1", "here:1"]), "twice"),
    ],
)
def test_a_bad_tf_config_is_refused_in_one_line(variables, words):
    with pytest.raises(OptionError, match=f"^TF_CONFIG.*{words}") as refused:
        named(variables)
    assert "\n" not in str(refused.value)


def test_tasks_of_a_slurm_step_are_workers_with_ports_of_their_own(monkeypatch):
    slurm = {"STEP_NUM_TASKS": "3", "PROCID": "1", "STEP_NODELIST": "node[01-02]", "STEP_TASKS_PER_NODE": "2,1"}
    slurm["JOB_ID"] = "70123"
    variables = {f"SLURM_{name}": value for name, value in slurm.items()}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)  # TensorFlow's resolver reads them there.
    assert named(variables) == Cluster(("node01:30123", "node01:30124", "node02:30123"), 1)


def test_a_slurm_step_of_one_task_is_alone():
    assert named({"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}) is None


@pytest.mark.parametrize(
    ("strategy", "variables", "words"),
    [
        ("multiworker", {}, "--strategy multiworker: nothing names the other workers"),
        ("mirrored", {}, "--strategy mirrored: TensorFlow sees 0 GPU"),
        ("auto", config(0, worker=[f"here:{port}" for port in range(4)]), "--batch-size 6 .* 4 workers.* such as 8"),
    ],
)
def test_a_strategy_that_cannot_be_had_is_refused(monkeypatch, strategy, variables, words):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(OptionError, match=words), workers_of(dataclasses.replace(RUN, strategy=strategy), [], print):
        pass


@pytest.mark.parametrize("strategy", ["single", "auto"])
def test_a_single_worker_asks_nobody(monkeypatch, strategy):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": {"worker": ADDRESSES}}) if strategy == "single" else "")
    with workers_of(dataclasses.replace(RUN, strategy=strategy), [], print) as workers:
        assert workers is ALONE


class Second(Workers):
    """A worker whose chief has the settings `text`."""

    chief = False

    def __init__(self, text):
        self.text = text

    def same_text(self, text):
        return self.text


def chief_with(**options):
    return Second(run_to_text(dataclasses.replace(RUN, **options)))


def test_a_worker_with_other_options_than_the_chief_is_refused_with_both_values():
    with pytest.raises(OptionError, match=r"here --batch-size 6, there 4; --seed 0, there 3"):
        agreed(chief_with(batch_size=4, seed=3), RUN)


def test_a_worker_may_have_another_run_folder_and_takes_the_chiefs_precision(tmp_path):
    own = dataclasses.replace(RUN, run_dir=tmp_path, precision="auto")
    assert agreed(chief_with(precision="mixed_bfloat16"), own).precision == "mixed_bfloat16"
