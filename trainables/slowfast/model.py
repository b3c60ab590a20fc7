"""pytorchvideo's video classifiers, for any clip length and size: SlowFast, SlowOnly (one slow pathway) and X3D."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from trainables.slowfast.settings import SlowfastSettings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package is older than torch's own deprecations
    from pytorchvideo.models.head import create_res_basic_head
    from pytorchvideo.models.net import Net
    from pytorchvideo.models.resnet import create_bottleneck_block, create_res_stage
    from pytorchvideo.models.slowfast import create_slowfast
    from pytorchvideo.models.stem import create_res_basic_stem
    from pytorchvideo.models.x3d import create_x3d

STAGES: Mapping[int, tuple[int, int, int, int]] = {18: (1, 1, 1, 1), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
"""Blocks of the four stages of SlowOnly, by `depth`: those of pytorchvideo's SlowFast."""
TEMPORAL = (1, 1, 3, 3)
"""Frames that the first convolution of a block sees in each stage of a slow pathway (SlowFast paper, table 1)."""
X3D_WIDTH = 2.0
"""pytorchvideo's `width_factor` of all X3D sizes; the stem has that many times `stem_dim_in` channels."""
X3D_STRIDE = 32


class VideoClassifier(nn.Module):
    """Clips (B, 3, T, H, W) to class scores (B, C).

    Args:
        settings: which network, its size, what it sees of a clip, what is frozen.
        classes: C.

    Attributes:
        network: pytorchvideo's.
        builder: name of the function of pytorchvideo that builds it.
        arguments: of that function, besides a pooling that takes any size.
    """

    def __init__(self, settings: SlowfastSettings, classes: int) -> None:
        super().__init__()
        self.builder, self.arguments = BUILDERS[settings.model], ARGUMENTS[settings.model](settings, classes)
        self.network: nn.Module = NETWORKS[settings.model](self.arguments)
        self._kind = settings.model
        self._alpha = settings.alpha
        self._freeze = settings.freeze
        for module in self.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.momentum = settings.norm_momentum
        for block in self._frozen():
            block.requires_grad_(False)

    def forward(self, clips: Tensor) -> Tensor:
        """Class scores before the softmax."""
        frames: Any = clips if self._kind == "x3d" else clips[:, :, :: self._alpha]
        scores: Tensor = self.network([frames, clips] if self._kind == "slowfast" else frames)
        return scores

    def train(self, mode: bool = True) -> VideoClassifier:
        """Switch to training; the statistics of frozen blocks stay as they are."""
        super().train(mode)
        for block in self._frozen():
            block.eval()
        return self

    def parts(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Parameters of the backbone, and those of the head."""
        blocks, head = list(self._blocks()), HEAD[self._kind]
        return tuple(  # type: ignore[return-value]
            [value for block in part for value in block.parameters()] for part in (blocks[:-head], blocks[-head:])
        )

    def _blocks(self) -> Iterator[nn.Module]:
        blocks = self.network.get_submodule("blocks")
        assert isinstance(blocks, nn.ModuleList)
        yield from blocks

    def _frozen(self) -> list[nn.Module]:
        return list(self._blocks())[: self._freeze]


def _slowfast_arguments(settings: SlowfastSettings, classes: int) -> dict[str, Any]:
    return {
        "slowfast_channel_reduction_ratio": (settings.reduction,),
        "slowfast_fusion_conv_stride": (settings.alpha, 1, 1),
        "slowfast_fusion_conv_kernel_size": (settings.fusion_kernel, 1, 1),
        "model_depth": settings.depth,
        "model_num_class": classes,
        "dropout_rate": settings.dropout,
        "stem_dim_outs": (settings.stem_width, settings.stem_width // settings.reduction),
        "head_output_size": (1, 1, 1),
    }


def _slow_arguments(settings: SlowfastSettings, classes: int) -> dict[str, Any]:
    return {
        "model_depth": settings.depth,
        "model_num_class": classes,
        "dropout_rate": settings.dropout,
        "stem_dim_out": settings.stem_width,
        "stem_conv_kernel_size": (1, 7, 7),
        "head_output_size": (1, 1, 1),
    }


def _x3d_arguments(settings: SlowfastSettings, classes: int) -> dict[str, Any]:
    return {
        "input_clip_length": settings.frames,
        "input_crop_size": max(X3D_STRIDE, *settings.input_size),
        "model_num_class": classes,
        "dropout_rate": settings.dropout,
        "width_factor": X3D_WIDTH,
        "depth_factor": settings.x3d_depth,
        "stem_dim_in": int(settings.stem_width / X3D_WIDTH),
        "head_activation": None,
    }


def _slowfast(arguments: Mapping[str, Any]) -> nn.Module:
    network: nn.Module = create_slowfast(**arguments, head_pool=nn.AdaptiveAvgPool3d)
    return network


def _slow(arguments: Mapping[str, Any]) -> nn.Module:
    """What pytorchvideo's `create_resnet` builds; that one knows no depth of 18."""
    width, shared = arguments["stem_dim_out"], {"norm": nn.BatchNorm3d, "activation": nn.ReLU}
    kernel = arguments["stem_conv_kernel_size"]
    stem = create_res_basic_stem(
        in_channels=3,
        out_channels=width,
        conv_kernel_size=kernel,
        conv_stride=(1, 2, 2),
        conv_padding=[size // 2 for size in kernel],
        pool=nn.MaxPool3d,
        pool_kernel_size=(1, 3, 3),
        pool_stride=(1, 2, 2),
        pool_padding=(0, 1, 1),
        **shared,
    )
    blocks, inputs = [stem], width
    for index, depth in enumerate(STAGES[arguments["model_depth"]]):
        stride, frames = 1 if index == 0 else 2, TEMPORAL[index]
        blocks.append(
            create_res_stage(
                depth=depth,
                dim_in=inputs,
                dim_inner=width * 2**index,
                dim_out=4 * width * 2**index,
                bottleneck=create_bottleneck_block,
                conv_a_kernel_size=(frames, 1, 1),
                conv_a_stride=(1, 1, 1),
                conv_a_padding=(frames // 2, 0, 0),
                conv_b_kernel_size=(1, 3, 3),
                conv_b_stride=(1, stride, stride),
                conv_b_padding=(0, 1, 1),
                **shared,
            )
        )
        inputs = 4 * width * 2**index
    blocks.append(
        create_res_basic_head(
            in_features=inputs,
            out_features=arguments["model_num_class"],
            pool=nn.AdaptiveAvgPool3d,
            output_size=arguments["head_output_size"],
            dropout_rate=arguments["dropout_rate"],
            output_with_global_average=True,
        )
    )
    network: nn.Module = Net(blocks=nn.ModuleList(blocks))
    return network


def _x3d(arguments: Mapping[str, Any]) -> nn.Module:
    network: nn.Module = create_x3d(**arguments)
    network.get_submodule("blocks.5.pool").pool = nn.AdaptiveAvgPool3d(1)
    return network


BUILDERS = {"slowfast": "create_slowfast", "slow": "create_resnet", "x3d": "create_x3d"}
"""pytorchvideo's functions, by the setting `model`."""
ARGUMENTS = {"slowfast": _slowfast_arguments, "slow": _slow_arguments, "x3d": _x3d_arguments}
NETWORKS = {"slowfast": _slowfast, "slow": _slow, "x3d": _x3d}
HEAD = {"slowfast": 2, "slow": 1, "x3d": 1}
"""The last blocks, which are the head: pooling and projection."""


def class_weights(counts: Tensor) -> Tensor:
    """Weight of each class in a balanced loss: N / (C · its clips), 0 for a class without any (scikit-learn's)."""
    return torch.where(counts > 0, counts.sum() / (len(counts) * counts.clamp(min=1)), 0.0)
