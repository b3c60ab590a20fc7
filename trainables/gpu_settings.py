"""The types of the fields for a GPU that every recipe has: with the same name, meaning and older value everywhere.

`trainables.precision` and `trainables.backends` apply them; docs/gpu.md describes them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from trainables.settings import Earlier

MixedPrecision = Annotated[
    bool, Earlier(False), Field(description="bfloat16 where it is safe; float16 on a GPU without it")
]
ChannelsLast = Annotated[bool, Earlier(False), Field(description="keep a pixel's channels together in memory")]
Tf32 = Annotated[
    Literal["none", "convolutions", "all"],
    Earlier("convolutions"),
    Field(description="what a GPU computes in TF32: none, convolutions (torch's default), or all with the products"),
]
CudnnBenchmark = Annotated[
    bool,
    Earlier(False),
    Field(description="let cuDNN time its algorithms and take the fastest: a resume is then not exact on a GPU"),
]
BatchParts = Annotated[
    int,
    Earlier(1),
    Field(ge=1, le=256, description="forward passes that share a batch and its step, to take less memory; 1: one"),
]
