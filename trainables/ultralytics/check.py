"""What Ultralytics itself says about settings, models and labels, asked before the first trial."""

from __future__ import annotations

from copy import copy
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from ultralytics import YOLO
from ultralytics.cfg import get_cfg
from ultralytics.data.dataset import ClassificationDataset, YOLODataset

from trainables.errors import CheckpointError, DataError, SettingsError, first_line
from trainables.ultralytics.data import SPLITS, DataSet, UltralyticsData
from trainables.ultralytics.files import download_model, model_file
from trainables.ultralytics.planes import check_planes
from trainables.ultralytics.settings import UltralyticsSettings
from trainables.ultralytics.tasks import NOT_TAKEN, task_of
from trainables.ultralytics.upstream import arguments, check_task, contained
from trainables.vision.findings import Findings
from trainables.vision.label_file import label_file, note_beyond, without_area

UNFLIPPED = "data sets whose images are not mirrored"
NOTED = "remarks of Ultralytics about labels and images"
EMPTY_BOX = "label files with boxes without area, which Ultralytics keeps as objects that nothing can match"
BOXES = ("detect", "pose")
"""Tasks whose labels have boxes; those of the others are outlines, of which Ultralytics leaves out what is beyond."""


def check(settings: UltralyticsSettings, data: UltralyticsData) -> None:
    """Whether Ultralytics takes `settings`, their model and the labels of `data`; what it remarks becomes a finding.

    Raises:
        SettingsError: it does not take a setting.
        CheckpointError: a model is not here, or cannot be read.
        DataError: the labels are not of the task.
    """
    task = task_of(settings.model_dump())
    if settings.download and settings.model.endswith(".pt") and not Path(settings.model).is_file():
        download_model(settings.model)
    overrides = arguments(settings, data="", save_dir=Path())
    try:
        args = get_cfg(overrides=overrides)
    except (TypeError, ValueError, SyntaxError) as error:
        raise SettingsError(f"ultralytics: {first_line(error)}") from None
    if task == "classify" and settings.multi_scale:
        raise SettingsError("ultralytics: multi_scale is not for classify; set it to 0")
    check_task(_task_of_model(settings.model), {"task": task, "model": settings.model})
    for dataset in data.sets:
        _check_kind(dataset, task)
        if not dataset.is_read_as_usual:
            for split in SPLITS:
                check_planes(dataset.images[split], dataset.planes)
        _check_labels(dataset, task, args, data)


@lru_cache(maxsize=64)
def _task_of_model(model: str) -> str:
    """The task of the model in a file, which is loaded for that."""
    try:
        loaded = YOLO(model_file(model), task=None)
        if type(loaded) is not YOLO:  # it turns into the class of the model that the file holds
            raise SettingsError(f"ultralytics: model is {model}; {NOT_TAKEN}")
        return str(loaded.task)
    except (SettingsError, CheckpointError):
        raise
    except Exception as error:  # whatever unpickling or building a broken model runs into
        raise CheckpointError(
            f"ultralytics: model is {model}, which Ultralytics cannot load ({first_line(error)}); give another one"
        ) from None


def _check_kind(dataset: DataSet, task: str) -> None:
    if bool(dataset.folders) != (task == "classify"):
        kind = "a folder of classes" if dataset.folders else "a data YAML"
        needed = "train/ and val/ with a folder a class" if task == "classify" else "a data YAML"
        raise DataError(f"{dataset.source}: is {kind}, but the task is {task}, which needs {needed}")
    if task == "pose" and "kpt_shape" not in dataset.described:
        raise DataError(f"{dataset.source}: key 'kpt_shape' is missing; for pose it must be [keypoints, 2 or 3]")


def _check_labels(dataset: DataSet, task: str, args: Any, data: UltralyticsData) -> None:
    """Have Ultralytics read all labels, once; the trainings in this process then need not."""
    if any(key.startswith(f"{task}/{dataset.name}/") for key in data.scans):
        return
    args = copy(args)
    args.fraction = 1.0
    with TemporaryDirectory() as folder, contained(data.scans) as remarks:
        source = dataset.for_trainer(Path(folder))
        for split in SPLITS:
            try:
                images = read_split(dataset, split, source, args, augment=split == "train")
                note_boxes(images, task, data.findings)
            except (ValueError, RuntimeError, FileNotFoundError, AssertionError) as error:
                raise DataError(f"{dataset.source}: {split}: {' '.join(str(error).split())[:400]}") from None
    data.scans[f"{task}/{dataset.name}/checked"] = True
    for remark in remarks:
        data.findings.add(NOTED, dataset.source, remark)
    if task == "pose" and not dataset.described.get("flip_idx"):
        data.findings.add(
            UNFLIPPED, dataset.source, "has no flip_idx, so Ultralytics sets fliplr and flipud to 0 whatever is given"
        )


def note_boxes(images: Any, task: str, findings: Findings) -> None:
    """Note the boxes in `images`, from `read_split`, that reach beyond their picture or have no area."""
    for label in images.labels if task in BOXES else ():
        file, boxes = Path(label_file(label["im_file"])), np.asarray(label["bboxes"], dtype=np.float32).reshape(-1, 4)
        if count := int(without_area(boxes).sum()):
            findings.add(EMPTY_BOX, file, f"{count} boxes have a side of 0 within the image; remove them", count)
        note_beyond(file, boxes, findings)


def read_split(dataset: DataSet, split: str, source: str, args: Any, augment: bool) -> Any:
    """Ultralytics' own data set of a split, whose labels it reads.

    Args:
        dataset: whose split.
        split: "train" or "val".
        source: what `DataSet.for_trainer` returned.
        args: Ultralytics' configuration of a training.
        augment: whether its images are changed at random.
    """
    args = copy(args)
    args.cache = False
    if dataset.folders:
        names = dict(enumerate(dataset.names))
        return ClassificationDataset(dataset.folders[split], args, augment=augment, prefix=split, names=names)
    described = {**dataset.described, "names": dict(enumerate(dataset.names)), "nc": len(dataset.names), "channels": 3}
    file = str(Path(source).with_name(f"{split}.txt"))
    given = {"data": described, "task": args.task, "imgsz": args.imgsz, "single_cls": args.single_cls}
    return YOLODataset(file, augment=augment, hyp=args, batch_size=1, **given)
