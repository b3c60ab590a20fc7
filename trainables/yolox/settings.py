"""The settings of one yolox training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trainables.gpu_settings import BatchParts, ChannelsLast, CudnnBenchmark, MixedPrecision, Tf32
from trainables.settings import Earlier, Settings

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Side = Annotated[int, Field(ge=64, le=4096, multiple_of=32)]
LossWeight = Annotated[float, Earlier(1.0)]
Size = Annotated[tuple[Side, Side], Field(strict=False)]  # YAML has lists, no tuples


class YoloxSettings(Settings):
    """What the YOLOX stability report (document 001) tunes, the rest of upstream's configuration, the model's size.

    No field has a default: a preset in `presets.yaml` gives every value, so none can hide in the code.
    """

    epochs: int = Field(ge=1, le=10_000, description="epochs of the whole training")
    input_size: Size = Field(description="height and width of the input in pixels; strides go to 32")
    batch: int = Field(ge=1, le=4096, description="images in one optimizer step")
    lr: float = Field(gt=0, le=1000, description="SGD learning rate for a batch of 32; scaled linearly to batch")
    lr_scale: float = Field(gt=0, le=1e6, description="multiplies lr: what a short training needs beside a long one")
    momentum: float = Field(gt=0, lt=1, description="Nesterov momentum")
    weight_decay: float = Field(ge=0, le=1, description="weight decay of the convolutions")
    schedule: Literal["yoloxwarmcos", "three_phase"] = Field(
        description="upstream's learning rate, or the YOLOX stability report's"
    )
    warmup_epochs: int = Field(ge=0, le=1000, description="epochs over which the learning rate rises to lr")
    min_lr_ratio: Probability = Field(description="share of lr at the end")
    no_aug_epochs: int = Field(ge=0, le=10_000, description="last epochs, without mosaic and mixup, with the L1 loss")
    mosaic_prob: Probability = Field(description="probability of joining a training image with three others")
    mixup_prob: Probability = Field(description="probability of mixing another image into a mosaic (never without one)")
    hsv_prob: Probability = Field(description="probability of shifting a training image's colours")
    flip_prob: Probability = Field(description="probability of mirroring a training image left to right")
    degrees: float = Field(ge=0, le=180, description="largest rotation of a mosaic")
    translate: Probability = Field(description="largest shift of a mosaic, as a share of the input")
    shear: float = Field(ge=0, le=45, description="largest shear of a mosaic in degrees")
    scale_min: float = Field(gt=0, le=1, description="smallest scale of a mosaic")
    scale_max: float = Field(ge=1, le=10, description="largest scale of a mosaic")
    freeze: Literal["none", "backbone", "backbone+neck"] = Field(description="what keeps its weights and statistics")
    reg_weight: float = Field(ge=0, le=1000, description="weight of the IoU box loss (5 in upstream's code)")
    conf_weight: LossWeight = Field(ge=0, le=1000, description="weight of the objectness loss (1 in upstream's code)")
    cls_weight: LossWeight = Field(ge=0, le=1000, description="weight of the class loss (1 in upstream's code)")
    l1_weight: LossWeight = Field(ge=0, le=1000, description="weight of the last epochs' L1 box loss (1 upstream)")
    ema: bool = Field(description="evaluate the moving average of the weights")
    multiscale: float = Field(ge=0, le=0.5, description="share by which the input varies, in steps of 32 pixels")
    depth: float = Field(gt=0, le=4, description="depth multiplier of the model (1.0 is YOLOX-L)")
    width: float = Field(gt=0, le=4, description="width multiplier of the model (1.0 is YOLOX-L)")
    norm_momentum: float = Field(gt=0, le=1, description="momentum of the batch-norm statistics (0.03 upstream)")
    weights: str = Field(
        min_length=1, description="backbone and neck: none, digits, yolox_s to yolox_x, a file; or all: a checkpoint"
    )
    score_threshold: Probability = Field(description="score under which a detection is dropped in evaluation")
    nms_threshold: Probability = Field(description="IoU above which the weaker of two boxes of a class is dropped")
    seed: int = Field(ge=0, lt=2**32, description="of the initial weights and of every epoch")
    device: str = Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N")
    workers: int = Field(ge=0, le=256, description="processes that prepare batches; 0: none")
    mixed_precision: MixedPrecision
    channels_last: ChannelsLast
    tf32: Tf32
    cudnn_benchmark: CudnnBenchmark
    batch_parts: BatchParts
