"""`python -m cloud_removal`."""

import sys

from cloud_removal.cli import main

if __name__ == "__main__":
    sys.exit(main())
