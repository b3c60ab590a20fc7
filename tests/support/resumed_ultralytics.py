"""Goes on with a training of the recipe ultralytics in this process, which has not seen its beginning.

    python -m tests.support.resumed_ultralytics SETTINGS.yaml DATA WORKDIR CHECKPOINT

prints the losses and metrics of each epoch as one line of JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from trainables.settings import parse, read_yaml
from trainables.ultralytics.recipe import Ultralytics
from trainables.ultralytics.settings import UltralyticsSettings


def main() -> None:
    """Train to the end."""
    import torch

    torch.set_num_threads(1)
    file, data, workdir, checkpoint = map(Path, sys.argv[1:])
    recipe = Ultralytics()
    settings = parse(UltralyticsSettings, read_yaml(file), str(file))
    for epoch in recipe.train(settings, recipe.open(data), workdir, checkpoint):
        print(json.dumps({**epoch.losses, **epoch.metrics}))


if __name__ == "__main__":
    main()
