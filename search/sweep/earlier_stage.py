"""What a sweep took over from the one that it started from."""

from __future__ import annotations

from pydantic import Field

from trainables.settings import Settings


class EarlierStage(Settings):
    """A sweep that has ended, and the checkpoint of its winner from which the next one started."""

    sweep: str = Field(description="its name")
    data: str = Field(description="its data set")
    trial: int = Field(ge=0, description="its winner")
    result: str = Field(description="what the winner reached, in words")
    trained_by: int = Field(
        ge=0, description="the training that wrote the checkpoint: the winner, or one that confirms it"
    )
    epoch: int = Field(ge=1, description="after which the checkpoint was written")
    digest: str = Field(description="SHA-256 of the files that the next sweep started from")

    def __str__(self) -> str:
        data = f" (data {'/'.join(self.data.split('/')[-2:])})" if self.data else ""
        epoch = f"{self.epoch}" if self.trained_by == self.trial else f"{self.epoch}, training {self.trained_by}"
        return f"{self.sweep}{data}: winner trial {self.trial}, {self.result}; checkpoint of epoch {epoch}"
