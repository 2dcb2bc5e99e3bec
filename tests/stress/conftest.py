"""The writers and their checker are those of the outputs' tests."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "outputs"))
