"""SlowFast by pytorchvideo's builder, for any clip length and size."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the package is older than torch's own deprecations
    from pytorchvideo.models.slowfast import create_slowfast

HEAD = 2
"""The last blocks of pytorchvideo's network, pooling and projection, are the head."""


class SlowFast(nn.Module):
    """Clips (B, 3, T, H, W) to class scores (B, C).

    Args:
        classes: C.
        depth, stem_width, reduction: size; 50, 64 and 8 are SlowFast R50.
        fusion_kernel: frames that the lateral convolutions see.
        alpha: the slow pathway sees every alpha-th frame.
        dropout: before the projection.
        freeze: first blocks (stem, stages) that keep weights and statistics.
        norm_momentum: of all batch-norms.

    `arguments` are what pytorchvideo's builder got, besides a pooling that takes any size.
    """

    def __init__(
        self,
        classes: int,
        *,
        depth: int,
        stem_width: int,
        fusion_kernel: int,
        reduction: int,
        alpha: int,
        dropout: float,
        freeze: int,
        norm_momentum: float,
    ) -> None:
        super().__init__()
        self.arguments = {
            "slowfast_channel_reduction_ratio": (reduction,),
            "slowfast_fusion_conv_stride": (alpha, 1, 1),
            "slowfast_fusion_conv_kernel_size": (fusion_kernel, 1, 1),
            "model_depth": depth,
            "model_num_class": classes,
            "dropout_rate": dropout,
            "stem_dim_outs": (stem_width, stem_width // reduction),
            "head_output_size": (1, 1, 1),
        }
        self.network: nn.Module = create_slowfast(**self.arguments, head_pool=nn.AdaptiveAvgPool3d)
        self._alpha = alpha
        self._freeze = freeze
        for module in self.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.momentum = norm_momentum
        for block in self._frozen():
            block.requires_grad_(False)

    def forward(self, clips: Tensor) -> Tensor:
        """Class scores before the softmax."""
        scores: Tensor = self.network([clips[:, :, :: self._alpha], clips])
        return scores

    def train(self, mode: bool = True) -> SlowFast:
        """Switch to training; the statistics of frozen blocks stay as they are."""
        super().train(mode)
        for block in self._frozen():
            block.eval()
        return self

    def parts(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Parameters of the backbone, and those of the head."""
        blocks = list(self._blocks())
        return tuple(  # type: ignore[return-value]
            [value for block in part for value in block.parameters()] for part in (blocks[:-HEAD], blocks[-HEAD:])
        )

    def _blocks(self) -> Iterator[nn.Module]:
        blocks = self.network.get_submodule("blocks")
        assert isinstance(blocks, nn.ModuleList)
        yield from blocks

    def _frozen(self) -> list[nn.Module]:
        return list(self._blocks())[: self._freeze]


def class_weights(counts: Tensor) -> Tensor:
    """Weight of each class in a balanced loss: N / (C · its clips), 0 for a class without any (scikit-learn's)."""
    return torch.where(counts > 0, counts.sum() / (len(counts) * counts.clamp(min=1)), 0.0)
