"""What the pages say can be typed as it stands, and prints what they say."""

import re
import shlex
from pathlib import Path

import pytest

from cloud_removal import cli

ROOT = Path(__file__).parents[1]
SIMULATE = (ROOT / "docs" / "simulate.md").read_text()


@pytest.mark.parametrize("command", re.findall(r"^ {4}python -m cloud_removal (simulate assets.*)$", SIMULATE, re.M))
def test_the_commands_of_the_page_on_simulate_cover_what_it_says(command, tmp_path, monkeypatch, capsys):
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    (tmp_path / "pairs" / "cloud").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert cli.main(shlex.split(command)) == 0
    printed = capsys.readouterr().out
    covered = printed.partition(",")[0]
    assert f"    {covered}," in SIMULATE or covered.startswith("pairs/cloud/town.png: a veil over 100.0 %")


@pytest.mark.parametrize(
    "page",
    ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))],
)
def test_what_a_page_links_to_is_there(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text())
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


def test_every_page_is_linked_from_the_readme():
    links = re.findall(r"\]\((docs/[^)#]+\.md)\)", (ROOT / "README.md").read_text())
    assert sorted(set(links)) == sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md"))
