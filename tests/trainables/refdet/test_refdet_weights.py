"""Where refdet's first weights come from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.support.refdet_small import curve, settings
from trainables.errors import CheckpointError
from trainables.refdet.data import RefdetData
from trainables.refdet.recipe import Refdet
from trainables.ultralytics_import import isolated

pytestmark = pytest.mark.e2e  # builds networks, and trains


def test_the_shipped_encoder_fits_the_tiny_preset(videos: RefdetData, tmp_path: Path) -> None:
    with isolated(tmp_path):
        from trainables.refdet.model import reference_encoder
        from trainables.refdet.weights import SAMPLE, load_encoder
    given = Refdet().settings("tiny", {})
    assert SAMPLE.stat().st_size < 2e6
    encoder = reference_encoder(given)
    before = encoder.state_dict()["norm.weight"].clone()
    load_encoder(encoder, given.reference_weights)
    assert not torch.equal(encoder.state_dict()["norm.weight"], before)
    for content, complaint in ((None, "no such file; give timm's vit_small"), (b"junk", "cannot be read")):
        path = tmp_path / "encoder.pt"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(CheckpointError, match=complaint):
            load_encoder(encoder, str(path))


def test_dinov2_weights_of_another_size_fit_by_their_table_of_positions(tmp_path: Path) -> None:
    """timm's file has the positions of 518 pixels, (1, 1370, 384); the paper preset looks at 252."""
    import timm
    from timm.models.vision_transformer import checkpoint_filter_fn

    with isolated(tmp_path):
        from trainables.refdet.model import reference_encoder
        from trainables.refdet.weights import load_encoder
    tiny = {"embed_dim": 64, "depth": 2, "num_heads": 2}
    full = timm.create_model("vit_small_patch14_dinov2.lvd142m", pretrained=False, num_classes=0, **tiny)
    assert full.pos_embed.shape == (1, 1370, 64)
    torch.save(full.state_dict(), tmp_path / "dinov2.pt")
    encoder = reference_encoder(Refdet().settings("tiny", {"reference_size": 252}))
    load_encoder(encoder, str(tmp_path / "dinov2.pt"))
    by_timm = timm.create_model(
        "vit_small_patch14_dinov2.lvd142m", pretrained=False, img_size=252, num_classes=0, **tiny
    )
    by_timm.load_state_dict(checkpoint_filter_fn(full.state_dict(), by_timm))
    for name, value in by_timm.state_dict().items():
        assert torch.equal(value, encoder.state_dict()[name]), name


def test_dinov2_gets_the_colours_that_it_was_trained_on(tmp_path: Path) -> None:
    import timm

    with isolated(tmp_path):
        from trainables.refdet.model import SCALES
    timms = timm.create_model("vit_small_patch14_dinov2.lvd142m", pretrained=False).pretrained_cfg
    assert Refdet().settings("paper", {}).reference_scale == "imagenet"
    assert SCALES["imagenet"] == (tuple(timms["mean"]), tuple(timms["std"]))


@pytest.mark.parametrize("weights", ["weights", "reference_weights"])
def test_pretrained_weights_that_cannot_be_downloaded_are_asked_for(
    weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a network, one sentence that says what to fetch."""
    with isolated(tmp_path):
        from trainables.refdet import weights as loading
        from trainables.refdet.model import reference_encoder
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(loading, "YOLO", "http://127.0.0.1:9/yolov8n.pt")  # nobody listens there
    monkeypatch.setattr(loading, "HUB", str(tmp_path / "no such model"))
    given = Refdet().settings("tiny", {})
    with pytest.raises(
        CheckpointError, match=rf"^refdet: {weights} \w+: .* cannot be downloaded .*; fetch it elsewhere"
    ):
        loading._downloaded_yolo() if weights == "weights" else loading.load_encoder(reference_encoder(given), "dinov2")


@pytest.mark.parametrize("form", ["checkpoint", "export"])
def test_a_stage_goes_on_from_the_one_before(videos: RefdetData, tmp_path: Path, form: str) -> None:
    """The RefDet few-shot guide (document 003): stage 3 starts from stage 2's best model."""
    with isolated(tmp_path):
        from trainables.refdet.training import RefdetTraining
    folder = tmp_path / "epoch-0001"
    folder.mkdir()
    next(curve(settings("stage-2", epochs=1), videos, tmp_path)).save(folder)
    Refdet().weights(settings("stage-2", epochs=1), folder, tmp_path)
    weights = str(folder if form == "checkpoint" else tmp_path / "weights.pt")
    given = settings("stage-3", weights=weights)
    weights_now = RefdetTraining(given, videos).state()["model"]
    earlier = torch.load(tmp_path / "weights.pt")["model"]
    assert weights_now.keys() == earlier.keys()
    assert all(torch.equal(value, earlier[name]) for name, value in weights_now.items())
    with pytest.raises(CheckpointError, match="set reference_weights to none"):
        RefdetTraining(settings("stage-3", weights=weights, **{"reference_weights": "sample"}), videos)
    with pytest.raises(CheckpointError, match=r"but the model has .*; give weights of the same size"):
        RefdetTraining(settings("stage-3", weights=weights, embedding=24), videos)
