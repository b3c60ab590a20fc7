"""An exported training as MLflow calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from search.tracking.predictor import Model


@pytest.mark.parametrize("alone", ["cow.jpg", Path("cow.jpg"), {"frame": "cow.jpg"}])
def test_a_picture_without_its_list_is_not_taken_for_a_list_of_letters(alone: Any) -> None:
    model = Model(lambda images: [{"picture": image} for image in images])
    assert model.predict([alone]) == [{"picture": alone}]
    with pytest.raises(MlflowException, match=r"predict takes a list of images, not .*cow.jpg.*; call predict"):
        model.predict(alone)
