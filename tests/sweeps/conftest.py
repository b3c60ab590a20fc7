from __future__ import annotations

import sys
from pathlib import Path

HERE = str(Path(__file__).parent)
if HERE not in sys.path:  # sweeps find the recipe of these tests by name: `trouble:Trouble`
    sys.path.insert(0, HERE)
