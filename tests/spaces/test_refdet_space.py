from __future__ import annotations

from spaces.refdet import space
from spaces.space import ranges


def test_triplets_are_drawn_where_a_training_has_them() -> None:
    """In batches of their own in stages 2 and 3, and in each episode of stage 3 without such batches."""
    listed = ranges(space)
    for name in ("triplet_weight", "negative_strategy"):
        assert listed[name].when == "stage is 3, or when stage is 2 or 3, use_triplet is True"
    assert listed["triplet_ratio"].when == "stage is 2 or 3, use_triplet is True"
    assert listed["supcon_weight"].when == "stage is 2 or 3"
