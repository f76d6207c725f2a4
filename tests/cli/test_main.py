import importlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tyro

from cloud_removal import cli
from cloud_removal.errors import InputError


@dataclass(frozen=True)
class Command:
    """Shows a picture."""

    picture: tyro.conf.Positional[Path]

    def run(self) -> int | None:
        if self.picture.name == "missing.png":
            raise InputError("missing.png does not exist;\nexpected a picture.")
        if self.picture.name == "slow.png":
            raise KeyboardInterrupt
        return None


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cli.COMMANDS, "show", "Shows a picture.")
    monkeypatch.setitem(sys.modules, "cloud_removal.cli.show", SimpleNamespace(Command=Command))


def test_without_arguments_every_command_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([])
    shown = capsys.readouterr().out
    assert all(name in shown for name in cli.COMMANDS)


def test_help_imports_neither_tensorflow_nor_rasterio() -> None:
    script = (
        "import sys; from cloud_removal.cli import main; main(['--help']); "
        "sys.exit(' '.join({'tensorflow', 'keras', 'rasterio', 'cv2'} & set(sys.modules)) or 0)"
    )
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.fixture(scope="module")
def asked_for_help() -> dict[str, list[Any]]:
    """For each command, asked in turn in one fresh process: its exit code, and which large modules are there then."""
    script = (
        "import contextlib, io, json, sys\nfrom cloud_removal.cli import COMMANDS, main\nfound = {}\n"
        "for name in sorted(COMMANDS):\n"
        "    try:\n"
        "        with contextlib.redirect_stdout(io.StringIO()):\n            code = main([name, '--help'])\n"
        "    except SystemExit as stop:\n        code = stop.code\n"
        "    found[name] = code or 0, sorted({'tensorflow', 'keras'} & set(sys.modules))\n"
        "print(json.dumps(found))"
    )
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (finished.returncode, finished.stderr) == (0, "")
    return json.loads(finished.stdout)


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_help_of_a_command_does_not_import_tensorflow(name: str, asked_for_help: dict[str, list[Any]]) -> None:
    assert asked_for_help[name] == [0, []]


def test_an_unknown_command_is_wrong_usage_and_lists_the_right_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["remvoe"]) == 2
    assert "remove" in capsys.readouterr().err


def test_an_unknown_option_is_wrong_usage(show: None) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["show", "a.png", "--colour", "red"])
    assert stop.value.code == 2


def test_a_mistake_of_the_user_becomes_one_line_and_exit_code_1(show: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", "missing.png"]) == 1
    assert capsys.readouterr().err == "error: missing.png does not exist; expected a picture.\n"


def test_an_interrupted_command_exits_with_130(show: None) -> None:
    assert cli.main(["show", "slow.png"]) == 130


def test_a_command_that_returns_nothing_has_succeeded(show: None) -> None:
    assert cli.main(["show", "a.png"]) == 0


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_each_listed_command_can_be_run(name: str) -> None:
    assert hasattr(importlib.import_module(f"cloud_removal.cli.{name}"), "Command")
