"""Modality collapse: whether a training has stopped using the thermal plane.

The RGB and thermal YOLO26x report (document 000) warns of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainables.recipe import Alarm

PATIENCE = 5
"""Epochs in a row that make a collapse: "several" in the report."""
DEAD = 1e-6
"""Share of the RGB filters' gradient under which the thermal filters' counts as none. Measured in healthy trainings:
0.3 to 0.8."""
LEARNT = 0.05
"""mAP50-95 from which on a loss of the thermal plane must show."""


@dataclass
class CollapseWatch:
    """Counts epochs without a thermal gradient, and epochs whose mAP is no lower with the thermal plane blanked."""

    gradient_epochs: int = 0
    unused_epochs: int = 0

    def look(self, *, thermal: float, rgb: float, with_thermal: float, blanked: float) -> None:
        """Take in one epoch: gradient norms of the first convolution's slices, mAP with and without thermal."""
        self.gradient_epochs = self.gradient_epochs + 1 if thermal <= DEAD * rgb else 0
        self.unused_epochs = self.unused_epochs + 1 if with_thermal > LEARNT and blanked >= with_thermal else 0

    def alarm(self) -> Alarm | None:
        """The collapse, if there is one."""
        if self.gradient_epochs >= PATIENCE:
            return Alarm("collapsed", f"no gradient reached the thermal filters in {self.gradient_epochs} epochs")
        if self.unused_epochs >= PATIENCE:
            return Alarm("collapsed", f"mAP was as high without the thermal plane in {self.unused_epochs} epochs")
        return None
