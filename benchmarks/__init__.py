"""What `make bench` measures. Each module here has `measure(quick: bool) -> list[Row]` and says its subject in its
first line; `python -m benchmarks NAME ...` runs some of them, `--quick` with tiny settings (to try them, not to quote).
"""

import cloud_removal.cli  # noqa: F401  # Quiets TensorFlow in the workers too.
