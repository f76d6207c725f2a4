"""Files and folders that appear complete or not at all."""

import pytest

from cloud_removal.errors import OptionError, OutputError
from cloud_removal.files import check_targets, new_folder, write_result


def test_a_new_folder_appears_when_everything_in_it_is_written(tmp_path):
    with new_folder(tmp_path / "new") as partial:
        (partial / "a").write_text("a")
        assert not (tmp_path / "new").exists()
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a"]


def test_of_a_new_folder_that_fails_nothing_is_left_nor_of_the_folders_above_it(tmp_path):
    with pytest.raises(ValueError), new_folder(tmp_path / "one" / "two" / "new") as partial:
        (partial / "a").write_text("a")
        raise ValueError
    assert not list(tmp_path.iterdir())


def test_a_folder_that_exists_is_left_alone(tmp_path):
    with pytest.raises(OutputError, match="exists already"), new_folder(tmp_path):
        pass


def test_a_new_folder_can_be_entered_by_others(tmp_path):
    with new_folder(tmp_path / "new"):
        pass
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o755


def test_a_new_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"), new_folder(tmp_path / "file" / "new"):
        pass


def test_a_result_replaces_the_old_one_whole(tmp_path):
    (tmp_path / "a").write_bytes(b"older and longer")
    write_result(tmp_path / "a", b"new", "")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a": b"new"}


def test_a_result_that_cannot_take_its_place_leaves_nothing_and_gives_the_advice(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match=r"a cannot be written: Is a directory\. Name another file\."):
        write_result(tmp_path / "a", b"new", "Name another file.")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("place", "reason"), [("", "is a folder"), ("there.png", "exists already"), ("missing/a.png", "there is no folder")]
)
def test_a_file_that_could_not_be_written_in_the_end_is_refused_at_the_beginning(place, reason, tmp_path):
    (tmp_path / "there.png").touch()
    with pytest.raises(OutputError, match=reason):
        check_targets({"--a": tmp_path / "new.png", "--b": None, "--c": tmp_path / place}, overwrite=False)


def test_one_file_for_two_options_is_refused_by_their_names(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(OptionError, match="--a and --c are both"):
        check_targets({"--a": tmp_path / "x", "--b": tmp_path / "y", "--c": tmp_path / "in" / ".." / "x"}, False)


def test_files_that_can_be_written_are_let_through(tmp_path):
    (tmp_path / "old").touch()
    check_targets({"--a": tmp_path / "new", "--b": tmp_path / "old"}, overwrite=True)
