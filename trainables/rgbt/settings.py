"""The settings of one rgbt training. Where Ultralytics has the field, the name is its own."""

from __future__ import annotations

import os
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from trainables.gpu_settings import BatchParts, ChannelsLast, CudnnBenchmark, Tf32
from trainables.settings import Earlier, Settings

TEACHERS = {f"yolo26{size}": size for size in ("n", "s", "m", "l", "x")}
"""Teachers that are a download, and their sizes."""
NO_TEACHER = f"give {' or '.join(TEACHERS)} to download one, a .pt file of YOLO26, a checkpoint directory, or none"
"""What to do about a teacher that is not there."""
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class RgbtSettings(Settings):
    """What the RGB and thermal YOLO26x report (document 000) and Ultralytics tune, and the size of the model.

    No field has a default: a preset in `presets.yaml` gives every value, so none can hide in the code.
    """

    epochs: int = Field(ge=1, le=10_000, description="epochs of the whole training")
    image_size: int = Field(ge=64, le=4096, multiple_of=32, description="pixels of the square input; strides go to 32")
    batch: int = Field(ge=1, le=4096, description="image pairs in one optimizer step")
    optimizer: Literal["SGD", "AdamW"] = Field(description="never Ultralytics' auto, which ignores lr0")
    lr0: float = Field(gt=0, le=1000, description="learning rate after warm-up")
    lrf: Probability = Field(description="share of lr0 in the end; the rate falls evenly to it")
    momentum: float = Field(ge=0, lt=1, description="momentum of SGD (Nesterov's)")
    beta1: float = Field(ge=0, lt=1, description="decay of AdamW's first moment")
    weight_decay: float = Field(ge=0, le=1, description="weight decay, of weights other than biases and norms")
    warmup_epochs: int = Field(ge=0, le=1000, description="epochs over which every learning rate rises from 0")
    box: float = Field(ge=0, le=1000, description="weight of the CIoU box loss")
    cls: float = Field(ge=0, le=1000, description="weight of the class loss")
    l1: float = Field(ge=0, le=1000, description="weight of YOLO26's L1 box loss; Ultralytics calls the gain dfl")
    modality: Literal["rgbt", "rgb"] = Field(description="rgb blanks the thermal plane everywhere: the baseline")
    fusion: Literal["concat", "gated", "attention", "two-stream"] = Field(
        description="a plain 4-channel stem, a learned weighting or attention before it, or two backbones"
    )
    thermal_init: Literal["zero", "mean"] = Field(
        description="first thermal filters, or two streams' share of thermal, unless weights bring them"
    )
    modality_dropout: Probability = Field(description="probability of blanking a training image's RGB planes")
    thermal_clahe: bool = Field(description="equalise the thermal plane's contrast in tiles, in evaluation too")
    mosaic: Probability = Field(description="probability of joining a training image with three others")
    mixup: Probability = Field(description="probability of blending a training image with another")
    cutmix: Probability = Field(description="probability of pasting a part of another into a training image")
    hsv: Probability = Field(description="largest colour shift of the RGB planes; Ultralytics' default is 0.7")
    fliplr: Probability = Field(description="probability of mirroring a training image left to right")
    translate: Probability = Field(description="largest shift of a training image, as a share of its side")
    scale: Probability = Field(description="largest change of a training image's size, as a share")
    close_mosaic: int = Field(ge=0, le=10_000, description="last epochs without mosaic, mixup and cutmix")
    multi_scale: float = Field(ge=0, lt=1, description="largest change of the input size from batch to batch, a share")
    freeze: int = Field(ge=0, le=11, description="first layers that are frozen, the 4-channel stem excepted")
    unfreeze_epoch: int = Field(ge=0, le=10_000, description="epoch after which freeze ends; 0: never")
    seed: int = Field(ge=0, lt=2**32, description="of the initial weights and of every epoch")
    device: str = Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N")
    workers: int = Field(ge=0, le=256, description="processes that prepare batches; 0: none")
    mixed_precision: bool = Field(description="bfloat16 where it is safe; float16 on a GPU without it")
    channels_last: ChannelsLast
    tf32: Tf32
    cudnn_benchmark: CudnnBenchmark
    batch_parts: BatchParts
    weights: str = Field(min_length=1, description="none, ultralytics (its download), a .pt file, or a checkpoint")
    model: Literal["t", "n", "s", "m", "l", "x"] = Field(description="size of YOLO26; t is ours, half of n's width")
    norm_momentum: float = Field(gt=0, le=1, description="momentum of the batch-norm statistics")
    teacher: Annotated[str, Earlier("none")] = Field(
        min_length=1,
        description="yolo26n … yolo26x (downloads), a .pt file or a checkpoint of any size to learn from; none",
    )
    distill_weight: Annotated[float, Earlier(0.0)] = Field(
        ge=0, le=1000, description="weight of the distance from the teacher's features; 0: none"
    )

    @field_validator("teacher")
    @classmethod
    def _of_this_folder(cls, teacher: str) -> str:
        """A sweep's workers have other working directories than who launches it."""
        return teacher if teacher == "none" or teacher in TEACHERS else os.path.abspath(teacher)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.modality == "rgb" and self.modality_dropout:
            raise ValueError("modality_dropout blanks RGB, which is all that modality rgb has; set it to 0")
        if self.distill_weight and self.teacher == "none":
            raise ValueError(
                "distill_weight is the weight of a teacher's features, and there is none; set teacher, or set it to 0"
            )
        return self

    @property
    def distills(self) -> bool:
        """Whether a teacher adds to the loss."""
        return self.distill_weight > 0
