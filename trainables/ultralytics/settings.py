"""The settings of one training: Ultralytics' configuration keys under their own names, and two of ours.

Their own check (`trainables.ultralytics.check`) follows before the first trial; what is here is checked at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from trainables.settings import Earlier, Settings
from trainables.ultralytics.tasks import Task

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Gain = Annotated[float, Field(ge=0.0, le=1000.0)]

OURS = frozenset({"download", "processes"})
"""Settings that are no key of Ultralytics' configuration."""
LEFT_OUT: Mapping[str, str] = {
    "data": "the data set is the sweep's field data",
    "mode": "a sweep trains",
    "cfg": "give the keys themselves",
    "time": "it changes the number of epochs of a training that runs; give epochs, and hours for the whole sweep",
    "patience": "the sweep's scheduler ends trainings",
    "save": "steadytune writes the checkpoints",
    "save_period": "steadytune writes the checkpoints; see checkpoint_every",
    "resume": "steadytune resumes trials; see `steadytune resume`",
    "exist_ok": "each trial has its own folder",
    "project": "each trial has its own folder",
    "name": "each trial has its own folder; the sweep has a name",
    "val": "each epoch is evaluated",
    "split": "val is what a sweep compares by; test is for afterwards",
    "plots": "the winner's are drawn at the export",
    "verbose": "each trial has its log",
    "profile": "it measures for loggers, which are off",
    "compile": "whether a compiled model resumes exactly was not tested",
    "quantize": "whether quantization-aware training resumes exactly was not tested",
    "distill_model": "whether distillation resumes exactly was not tested",
    "dis": "distillation is left out",
    "dlog": "depth models are left out",
    "dgrad": "depth models are left out",
    "dlam": "depth models are left out",
    "save_json": "it writes files and no metric",
    "classes": "leave the other classes out of the data set",
    "augment": "test-time augmentation is for prediction",
    "nms": "the head's own way is what is trained",
    "augmentations": "transforms written in Python cannot be kept with a sweep",
}
"""Their training keys that a sweep does not take, each with the reason."""


class UltralyticsSettings(Settings):
    """Keys of Ultralytics' configuration that a training reads. No field has a default: a preset gives every value."""

    model: str = Field(min_length=1, description="a .pt file to fine-tune, or a model YAML for random weights")
    task: Task | None = Field(description="detect, segment, pose, obb or classify; if none, the model's name tells it")
    download: bool = Field(description="ours: fetch weights and data sets that are not here, as Ultralytics does")
    epochs: int = Field(ge=1, le=100_000, description="epochs of the whole training")
    batch: int = Field(ge=1, le=65_536, description="images in a batch; AutoBatch (-1, shares) is not taken")
    imgsz: int = Field(ge=32, le=16_384, multiple_of=32, description="pixels of the square input")
    optimizer: Literal["auto", "SGD", "MuSGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop"] = Field(
        description="auto lets Ultralytics choose, and ignores lr0 and momentum"
    )
    lr0: float = Field(gt=0, le=1.0, description="learning rate after warm-up")
    lrf: Share = Field(description="share of lr0 in the end")
    momentum: float = Field(ge=0, lt=1, description="momentum of SGD, beta1 of Adam")
    weight_decay: Share = Field(description="weight decay, of weights other than biases and norms")
    warmup_epochs: float = Field(ge=0, le=1000, description="epochs of warm-up, parts of one too")
    warmup_momentum: Share = Field(description="momentum at the start of the warm-up; SGD and MuSGD only")
    warmup_bias_lr: Share = Field(description="rate of the biases at the start of the warm-up")
    nbs: int = Field(ge=1, le=65_536, description="images in one optimizer step: batches add up to about this number")
    cos_lr: bool = Field(description="the rate falls like a cosine, not evenly")
    box: Gain = Field(description="weight of the box loss")
    cls: Gain = Field(description="weight of the class loss")
    cls_pw: Share = Field(description="how strongly rare classes weigh more in the loss; 0 for not at all")
    dfl: Gain = Field(description="weight of the box distance loss; L1 in YOLO26, DFL in older models")
    pose: Gain = Field(description="weight of the keypoint loss; pose only")
    kobj: Gain = Field(description="weight of the keypoints' visibility loss; pose only")
    rle: Gain = Field(description="weight of the log-likelihood keypoint loss; pose only")
    angle: Gain = Field(description="weight of the angle loss; obb only")
    dropout: Share = Field(description="dropout before the last layer; classify only")
    overlap_mask: bool = Field(description="masks of an image are one plane with numbers; segment only")
    mask_ratio: int = Field(ge=1, le=64, description="how many times smaller the training masks are; segment only")
    hsv_h: Share = Field(description="largest shift of the hue")
    hsv_s: Share = Field(description="largest change of the saturation")
    hsv_v: Share = Field(description="largest change of the brightness")
    degrees: float = Field(ge=0, le=180, description="largest rotation, in degrees")
    translate: Share = Field(description="largest shift, as a share of the side")
    scale: float = Field(ge=0, lt=1, description="largest change of size; classify: 1 minus the smallest crop's area")
    shear: float = Field(ge=0, le=90, description="largest shear, in degrees")
    perspective: float = Field(ge=0, le=0.01, description="largest perspective distortion; 0.001 is a lot")
    flipud: Share = Field(description="probability of mirroring top to bottom")
    fliplr: Share = Field(description="probability of mirroring left to right")
    bgr: Share = Field(description="probability of swapping red and blue")
    mosaic: Share = Field(description="probability of joining an image with three others")
    mixup: Share = Field(description="probability of blending an image with another")
    cutmix: Share = Field(description="probability of pasting a part of another image")
    copy_paste: Share = Field(description="share of the objects that are pasted again; segment and obb only")
    copy_paste_mode: Literal["flip", "mixup"] = Field(description="from the mirrored image, or from another one")
    close_mosaic: int = Field(ge=0, le=100_000, description="last epochs without mosaic, mixup, cutmix and copy_paste")
    auto_augment: Literal["randaugment", "autoaugment", "augmix"] | None = Field(description="policy; classify only")
    erasing: float = Field(ge=0, le=1, description="probability of blanking a rectangle; classify only")
    multi_scale: float = Field(ge=0, lt=1, description="largest change of the input size from batch to batch, a share")
    rect: bool = Field(description="batches of one aspect ratio; without mosaic, and not shuffled")
    pretrained: bool | str = Field(description="whether a .pt model brings its weights, or a .pt file with others")
    cls_remap: bool = Field(description="keep the class weights of a .pt model for classes of the same name")
    freeze: int | None = Field(ge=0, le=1000, description="first layers that are frozen")
    single_cls: bool = Field(description="all classes as one")
    fraction: float = Field(gt=0, le=1, description="share of the training images that is used")
    cache: bool = Field(description="keep decoded images in memory; on disk, beside the images, is not taken")
    amp: bool | Literal["fp16", "bf16", "fp32"] = Field(description="mixed precision on a GPU; on a CPU there is none")
    channels_last: bool | None = Field(description="memory layout on a GPU; none leaves it to Ultralytics")
    conf: float | None = Field(ge=0, le=1, description="lowest confidence in the evaluation; none: Ultralytics' own")
    iou: Share = Field(description="overlap from which boxes are one, in the evaluation of models with NMS")
    max_det: int = Field(ge=1, le=100_000, description="most objects of an image in the evaluation; they may raise 300")
    agnostic_nms: bool = Field(description="boxes of different classes may be one")
    seed: int = Field(ge=0, lt=2**31, description="of the initial weights and of every epoch")
    deterministic: bool = Field(description="only deterministic operations, where there are")
    processes: Annotated[int, Earlier(1)] = Field(
        ge=1, le=64, description="ours: processes that share each batch, with a GPU each; `gpus: 2` sets it to 2"
    )
    device: Literal["cpu"] | None = Field(description="none: the GPU that the sweep gives the trial, or the CPU")
    workers: int = Field(ge=0, le=256, description="processes that prepare batches; 0 for none. On a CPU too")

    @model_validator(mode="after")
    def _auto_ignores_nothing(self) -> Self:
        replaced = {"lr0": 0.01, "momentum": 0.937, "warmup_bias_lr": 0.1}  # by auto; Ultralytics' own defaults
        for name, default in replaced.items():
            if self.optimizer == "auto" and getattr(self, name) != default:
                raise ValueError(
                    f"{name} is {getattr(self, name):g}, but optimizer is auto, which ignores it; set optimizer too"
                )
        return self

    @model_validator(mode="after")
    def _processes_share_batches_evenly(self) -> Self:
        if self.batch % self.processes:
            raise ValueError(
                f"batch is {self.batch}, which {self.processes} processes cannot share evenly; give a multiple of "
                f"{self.processes}"
            )
        if self.rect and self.processes > 1:
            raise ValueError(
                f"rect is true, which is for one process, but processes is {self.processes}; set rect=false"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _says_why_keys_are_left_out(cls, values: Any) -> Any:
        if isinstance(values, Mapping):
            for name in values:
                if name in LEFT_OUT:
                    raise ValueError(f"{name} is a key of Ultralytics that a sweep does not take: {LEFT_OUT[name]}")
            if values.get("device") not in (None, "cpu"):
                raise ValueError(
                    f"device is {values['device']!r}; leave it out, or give cpu: the sweep gives each trial its GPUs, "
                    "as many as its field gpus says (gpus: 1)"
                )
            if values.get("cache") in ("disk", "ram"):
                raise ValueError(
                    f"cache is {values['cache']!r}; it must be true (memory) or false: nothing is written beside images"
                )
        return values


def phase_of(settings: UltralyticsSettings, epoch: int) -> str:
    """Warm-up ("warmup"), which the trainer ends before the last epoch; then "main", then "finetune" without mosaic."""
    if epoch <= min(settings.warmup_epochs, settings.epochs - 1):
        return "warmup"
    return "finetune" if epoch > settings.epochs - settings.close_mosaic else "main"
