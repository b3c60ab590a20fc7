"""The settings of one resnet_yolo training."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from trainables.gpu_settings import ChannelsLast, CudnnBenchmark, MixedPrecision, Tf32
from trainables.settings import Settings

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Levels = Annotated[tuple[int, int, int, int], Field(strict=False)]  # YAML has lists, no tuples


class ResnetYoloSettings(Settings):
    """What the ResNet-18 and YOLOv8 fixes report (document 002) tunes by hand, and the size of the model.

    No field has a default: a preset in `presets.yaml` gives every value, so none can hide in the code.
    """

    epochs: int = Field(ge=1, le=10_000, description="epochs of the whole training")
    image_size: int = Field(ge=64, le=4096, multiple_of=32, description="pixels of the square input; strides go to 32")
    batch: int = Field(ge=1, le=4096, description="images in one forward pass")
    accumulation: int = Field(ge=1, le=256, description="forward passes in one optimizer step")
    lr: float = Field(gt=0, le=1000, description="AdamW learning rate after warm-up")
    weight_decay: float = Field(ge=0, le=1, description="AdamW weight decay")
    dropout: float = Field(ge=0, lt=1, description="share of the head's features that a training step drops")
    warmup_epochs: int = Field(ge=0, le=1000, description="epochs over which the learning rate rises to lr")
    warmup_start: float = Field(gt=0, le=1, description="share of lr in the first warm-up epoch")
    box_weight: float = Field(ge=0, le=1000, description="weight of the CIoU box loss")
    cls_weight: float = Field(ge=0, le=1000, description="weight of the focal class loss")
    focal_gamma: float = Field(ge=0, le=10, description="focusing exponent of the focal loss")
    iou_start: Probability = Field(description="IoU from which a prediction is matched to an object, first epoch")
    iou_end: Probability = Field(description="the same after the ramp")
    iou_ramp_epochs: int = Field(ge=1, le=10_000, description="epochs over which the matching IoU rises")
    clamp: bool = Field(description="hold tw and th in [-4, 4] before exp")
    freeze_epochs: int = Field(ge=0, le=10_000, description="first epochs in which the backbone is frozen")
    flip: Probability = Field(description="probability of mirroring a training image left to right")
    hsv: Probability = Field(description="probability of shifting a training image's colours")
    mosaic: Probability = Field(description="probability of joining a training image with three others")
    seed: int = Field(ge=0, lt=2**32, description="of the initial weights and of every epoch")
    device: str = Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N")
    workers: int = Field(ge=0, le=256, description="processes that prepare batches; 0: none")
    mixed_precision: MixedPrecision
    channels_last: ChannelsLast
    tf32: Tf32
    cudnn_benchmark: CudnnBenchmark
    weights: str = Field(
        min_length=1, description="backbone: none, torchvision, or a resnet state dict file; or all: a checkpoint"
    )
    widths: Levels = Field(description="channels of the four backbone stages; the stem has those of the first")
    blocks: Levels = Field(description="basic blocks in the four backbone stages")
    neck_channels: int = Field(ge=1, le=4096, description="channels of the feature pyramid")
    norm_momentum: float = Field(gt=0, le=1, description="momentum of the batch-norm statistics")
    score_threshold: Probability = Field(description="score under which a detection is dropped in evaluation")

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.iou_start > self.iou_end:
            raise ValueError(f"iou_start {self.iou_start:g} is above iou_end {self.iou_end:g}; it must be at most that")
        if min(*self.widths, *self.blocks) < 1:
            raise ValueError(f"widths {list(self.widths)} and blocks {list(self.blocks)} must all be at least 1")
        return self
