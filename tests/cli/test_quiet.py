import os
import subprocess
import sys


def imported(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=kept | environment)


def test_tensorflow_is_imported_in_silence_and_stderr_works_afterwards() -> None:
    script = "import sys, cloud_removal.cli, tensorflow; print(len(tensorflow.constant([1, 2])), file=sys.stderr)"
    assert imported(script).stderr == "2\n"


def test_the_log_level_of_the_user_wins() -> None:
    script = "import os, cloud_removal.cli; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    assert imported(script, TF_CPP_MIN_LOG_LEVEL="0").stdout == "0\n"
