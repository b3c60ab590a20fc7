"""ultralytics: any Ultralytics model and task, trained by Ultralytics' own trainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from trainables.loop_recipe import PackageRecipe
from trainables.objective import Bounds, Reports
from trainables.recipe import PROCESSES, StrongestEnds
from trainables.ultralytics.files import data_file, download_data
from trainables.ultralytics.settings import UltralyticsSettings
from trainables.ultralytics.tasks import task_of

if TYPE_CHECKING:
    from trainables.loop import Training
    from trainables.trial_summary import TrialSummary
    from trainables.ultralytics.data import UltralyticsData


class Ultralytics(PackageRecipe[UltralyticsSettings, "UltralyticsData"]):
    """Detection, segmentation, poses, oriented boxes and classification with Ultralytics' models, data and trainer."""

    name = "ultralytics"
    summary = "any Ultralytics model and task, by Ultralytics' own trainer"
    metric = "fitness"
    reports: ClassVar[Reports] = dict.fromkeys(
        (
            *("fitness", "*/fitness", "metrics/accuracy_top1", "metrics/accuracy_top5"),
            *(f"metrics/{name}({of})" for name in ("precision", "recall", "mAP50", "mAP50-95") for of in "BMP"),
        ),
        "max",
    )
    settings_type = UltralyticsSettings
    package = "trainables.ultralytics"
    baseline = "defaults"
    tried_first = ("adamw",)
    presets_file = Path(__file__).with_name("presets.yaml")
    augmentation: ClassVar[StrongestEnds] = {
        **{"mosaic": "high", "mixup": "high", "cutmix": "high", "copy_paste": "high", "degrees": "high"},
        **{"translate": "high", "scale": "high", "shear": "high", "flipud": "high", "fliplr": "high", "bgr": "high"},
        **{"hsv_h": "high", "hsv_s": "high", "hsv_v": "high", "erasing": "high"},
    }
    saves_untrained = False
    several_gpus = True
    exported = tuple(f"{path}{file}" for file in ("args.yaml", "results.csv", "weights/last.pt") for path in ("", "*/"))

    def metric_bounds(self, settings: Mapping[str, Any]) -> Bounds | None:
        """See `Recipe.metric_bounds`: with masks or key points Ultralytics adds their fitness to that of the boxes."""
        if self.metric != "fitness":
            return super().metric_bounds(settings)
        return (0.0, 2.0) if task_of(settings) in ("segment", "pose") else (0.0, 1.0)

    def start_settings(self, export: Path) -> Mapping[str, Any]:
        """See `trainables.start.Starts`; on several data sets there are several models, of which none is taken."""
        return {"model": str(export / "weights" / "best.pt")}

    def training(self, settings: UltralyticsSettings, data: UltralyticsData, workdir: Path) -> Training:
        """See `PackageRecipe.training`; on several data sets it is several."""
        training: Training = self._module("several", workdir).new_training(settings, data, workdir)
        return training

    def evaluate(
        self, settings: UltralyticsSettings, data: UltralyticsData, workdir: Path, checkpoint: Path
    ) -> Mapping[str, float]:
        """See `Recipe.evaluate`: in one process, also after a training in several."""
        return super().evaluate(settings.model_copy(update={PROCESSES: 1}), data, workdir, checkpoint)

    def locate(self, data: str, settings: Mapping[str, Any]) -> str | None:
        """See `Recipe.locate`: Ultralytics' own names too, and several data sets with commas in between."""
        names = [data] if Path(data).exists() or "," not in data else [part.strip() for part in data.split(",")]
        files = []
        for name in names:
            if settings.get("download"):
                download_data(name, task_of(settings))
            file = data_file(name)
            if file is None:
                return None
            files.append(name if len(names) == 1 and Path(name).exists() else str(file.absolute()))
        return ",".join(files)

    def open(self, path: Path) -> UltralyticsData:
        """The data set at `path`, or those that it lists with commas in between."""
        from trainables.ultralytics.data import open_data

        return open_data(path)

    def sample(self, directory: Path) -> Path:
        """Write five small data sets into `directory`, one folder a task; returns the one for detection."""
        from trainables.samples.ultralytics_tasks import write_tasks

        return write_tasks(directory)

    def sweep_files(
        self, settings: UltralyticsSettings, data: str, trials: Sequence[TrialSummary], directory: Path
    ) -> Mapping[str, str]:
        """See `Recipe.sweep_files`: what `model.tune` leaves."""
        written: Mapping[str, str] = self._module("tune_files").write(settings, data, trials, directory)
        return written

    def check(self, settings: UltralyticsSettings, data: UltralyticsData) -> None:
        """See `Recipe.check`: by Ultralytics' own checks of its configuration, models and labels."""
        self._module("check").check(settings, data)

    def frame_input(self, picture: Path) -> Path:
        """The picture itself; see `trainables.tracks.tracked.Follows`."""
        return picture
