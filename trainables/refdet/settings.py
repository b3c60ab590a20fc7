"""The settings of one refdet training, named as the arguments of the RefDet few-shot guide (document 003)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trainables.gpu_settings import ChannelsLast, CudnnBenchmark, Tf32
from trainables.settings import Earlier, Settings

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Weight = Annotated[float, Field(ge=0.0, le=1000.0)]
Factor = Annotated[float, Field(ge=0.0, le=100.0)]


class RefdetSettings(Settings):
    """What the guide tunes by hand, and the size of the model.

    No field has a default: a preset in `presets.yaml` gives every value, so none can hide in the code.
    """

    stage: Literal[1, 2, 3] = Field(description="1 detection losses, 2 with contrast, 3 with a triplet loss too")
    epochs: int = Field(ge=1, le=10_000, description="epochs of the whole training")
    image_size: int = Field(ge=64, le=4096, multiple_of=32, description="pixels of the square query frame")
    reference_size: int = Field(ge=14, le=1022, description="pixels of the square reference; a multiple of its patch")
    n_way: int = Field(ge=2, le=100, description="classes in an episode")
    n_query: int = Field(ge=1, le=100, description="query frames a class in an episode")
    n_episodes: int = Field(ge=1, le=100_000, description="episodes in an epoch")
    n_reference: int = Field(ge=1, le=100, description="reference images a class, K")
    curriculum: bool = Field(description="from 2 classes and 4 frames up to n_way and n_query, in thirds")
    gradient_accumulation: int = Field(ge=1, le=256, description="episodes in one optimizer step")
    lr: float = Field(gt=0, le=1000, description="AdamW learning rate after warm-up")
    weight_decay: float = Field(ge=0, le=1, description="AdamW weight decay")
    warmup_epochs: int = Field(ge=0, le=1000, description="epochs over which the learning rate rises")
    dinov2_factor: Factor = Field(description="learning rate of the reference encoder, in lr")
    backbone_factor: Factor = Field(description="learning rate of the query backbone, in lr")
    fusion_factor: Factor = Field(description="learning rate of the fusion, in lr")
    head_factor: Factor = Field(description="learning rate of the head, in lr")
    freeze_dinov2: bool = Field(description="hold the reference encoder still")
    freeze_backbone: bool = Field(description="hold the query backbone still, its batch-norms too")
    bbox_weight: Weight = Field(description="weight of the WIoU v3 box loss")
    cls_weight: Weight = Field(description="weight of the class loss")
    dfl_weight: Weight = Field(description="weight of the distribution focal loss")
    supcon_weight: Weight = Field(description="weight of the supervised contrast with references, from stage 2")
    cpe_weight: Weight = Field(description="weight of the contrastive proposal encoding, from stage 2")
    triplet_weight: Weight = Field(
        description="weight of the triplet loss: in triplet batches of stages 2 and 3, and in a stage 3 without them"
    )
    contrastive_decay: bool = Field(description="halve supcon and cpe after 70 % of the epochs")
    use_triplet: bool = Field(description="mix triplet batches in; in stage 3 without it each episode has the loss")
    triplet_ratio: Probability = Field(description="share of the episodes that are triplet batches")
    triplet_batch_size: Annotated[int, Earlier(0)] = Field(
        ge=0, le=10_000, description="frames in a triplet batch; 0 for those of an episode"
    )
    negative_strategy: Literal["background", "cross_class", "mixed"] = Field(description="what a triplet is told from")
    fliplr: Probability = Field(description="probability of mirroring a training frame left to right")
    turn: Probability = Field(description="probability of turning a class, frames and references alike: a new class")
    hsv: Probability = Field(description="probability of shifting a training frame's colours")
    num_workers: Annotated[int, Earlier(0)] = Field(ge=0, le=64, description="threads that prepare episodes; 0: none")
    seed: int = Field(ge=0, lt=2**32, description="of the initial weights and of every epoch")
    device: str = Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N")
    mixed_precision: bool = Field(description="bfloat16 where it is safe; float16 on a GPU without it")
    channels_last: ChannelsLast
    tf32: Tf32
    cudnn_benchmark: CudnnBenchmark
    weights: str = Field(
        min_length=1,
        description="none, yolov8n to download it, an Ultralytics yolov8n .pt file, or a checkpoint directory",
    )
    reference_weights: str = Field(
        min_length=1, description="reference encoder: none, sample, dinov2 to download it, or a state dict file"
    )
    reference_model: Literal["dinov2", "tiny"] = Field(description="DINOv2 ViT-S/14, or a ViT of 0.14 M parameters")
    reference_scale: Annotated[Literal["imagenet", "half"], Earlier("half")] = Field(
        description="mean and deviation of the encoder's pixels: imagenet is DINOv2's, half maps them to [-1, 1]"
    )
    width: float = Field(gt=0, le=2, description="channels of the query backbone, in those of YOLOv8; n has 0.25")
    embedding: int = Field(ge=8, le=1024, description="length of the vectors that frame and reference are compared by")
    norm_momentum: float = Field(gt=0, le=1, description="momentum of the batch-norm statistics")

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.use_triplet and self.stage == 1:
            raise ValueError("use_triplet is on, but stage is 1; triplet batches belong to stages 2 and 3")
        if self.reference_size % 14:
            raise ValueError(f"reference_size is {self.reference_size}; it must be a multiple of the patch, 14")
        if self.reference_weights == "sample" and self.reference_model != "tiny":
            raise ValueError("reference_weights sample are of reference_model tiny; give DINOv2's own file, or none")
        return self
