"""The settings of one slowfast training."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trainables.gpu_settings import BatchParts, ChannelsLast, CudnnBenchmark, MixedPrecision, Tf32
from trainables.settings import Earlier, Settings

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Side = Annotated[int, Field(ge=16, le=4096)]
Size = Annotated[tuple[Side, Side], Field(strict=False)]  # YAML has lists, no tuples


class SlowfastSettings(Settings):
    """What the thermal SlowFast report (document 004) tunes by hand, and the size of the model.

    No field has a default: a preset in `presets.yaml` gives every value, so none can hide in the code.
    """

    epochs: int = Field(ge=1, le=10_000, description="epochs of the whole training")
    input_size: Size = Field(description="height and width of the input in pixels")
    frames: int = Field(ge=4, le=1024, description="frames of the fast pathway, evenly spread over the clip")
    alpha: int = Field(ge=1, le=64, description="the slow pathway sees every alpha-th of them")
    batch: int = Field(ge=1, le=4096, description="clips in one optimizer step")
    optimizer: Literal["sgd", "adamw"] = Field(description="how the weights are stepped")
    lr: float = Field(gt=0, le=1000, description="learning rate of the head after warm-up")
    backbone_lr_ratio: float = Field(gt=0, le=1, description="learning rate of the rest, as a share of lr")
    momentum: float = Field(ge=0, lt=1, description="of SGD; the first beta of AdamW")
    weight_decay: float = Field(ge=0, le=1, description="weight decay")
    warmup_epochs: int = Field(ge=0, le=1000, description="epochs over which the learning rate rises to lr")
    dropout: float = Field(ge=0, lt=1, description="share of the head's features that a training step drops")
    crop_scale_min: float = Field(
        gt=0, le=1, description="smallest share of the picture that a crop keeps; less of one wider than 4:3"
    )
    flip: Probability = Field(description="probability of mirroring a training clip left to right")
    jitter: Probability = Field(description="largest change of a training clip's brightness and contrast")
    erasing: Probability = Field(description="probability of blanking a patch of a training clip")
    sampling: Literal["plain", "balanced"] = Field(description="each clip once an epoch, or each class as often")
    loss: Literal["ce", "weighted", "focal"] = Field(description="cross-entropy, weighted by class, or focal")
    focal_gamma: float = Field(ge=0, le=10, description="focusing exponent of the focal loss")
    label_smoothing: float = Field(ge=0, lt=1, description="share of a label that is spread over all classes")
    freeze: int = Field(ge=0, le=5, description="first blocks that keep weights and statistics: stem, then 4 stages")
    model: Annotated[Literal["slowfast", "slow", "x3d"], Earlier("slowfast")] = Field(
        description="network: SlowFast, its slow pathway alone (SlowOnly), or X3D, which sees all frames"
    )
    depth: Literal[18, 50, 101] = Field(description="layers of SlowFast and SlowOnly")
    x3d_depth: Annotated[float, Earlier(2.2)] = Field(
        gt=0, le=10, description="X3D's stages have 1, 2, 5 and 3 blocks times this, rounded up; 2.2 in S and M, 5 in L"
    )
    stem_width: int = Field(ge=4, le=1024, multiple_of=2, description="channels of the slow stem; 64 in R50, 24 in X3D")
    fusion_kernel: Annotated[Literal[5, 7], Earlier(7)] = Field(
        description="frames that the lateral convolutions see; 5 in Kinetics weights of alpha 8, 7 in those of alpha 4"
    )
    reduction: int = Field(ge=2, le=16, description="channels of the slow pathway to one of the fast")
    norm_momentum: float = Field(gt=0, le=1, description="momentum of the batch-norm statistics")
    weights: str = Field(
        min_length=1, description="backbone: none, kinetics, or a pytorchvideo state dict file; or all: a checkpoint"
    )
    seed: int = Field(ge=0, lt=2**32, description="of the initial weights and of every epoch")
    device: str = Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N")
    workers: int = Field(ge=0, le=256, description="processes that prepare batches; 0: none")
    mixed_precision: MixedPrecision
    channels_last: ChannelsLast
    tf32: Tf32
    cudnn_benchmark: CudnnBenchmark
    batch_parts: BatchParts

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.frames % self.alpha:
            raise ValueError(f"frames {self.frames} is no multiple of alpha {self.alpha}; make it one")
        return self
