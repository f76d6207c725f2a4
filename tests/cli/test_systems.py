"""`systems` tells of each system what it is, where it comes from, and how to train it."""

import contextlib
import io

import pytest

from cloud_removal.cli import main
from cloud_removal.systems import find, names


@pytest.fixture(scope="module")
def paragraphs():
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(["systems"]) == 0
    return dict(zip(names(), out.getvalue().rstrip().split("\n\n"), strict=True))


@pytest.mark.parametrize("name", names())
def test_a_paragraph_on_each_system_has_title_source_seed_script_and_presets(name, paragraphs):
    system = find(name)
    presets = ", ".join([f"{system.default_preset} (default)", *system.other_presets])
    assert paragraphs[name].splitlines() == [
        f"{name}: {system.title}",
        f"  source  {system.source}",
        f"  seed    {system.seed_document}",
        f"  script  python {system.script} --system {name}",
        f"  presets {presets}",
    ]
