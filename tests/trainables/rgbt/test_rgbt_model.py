"""Four channels made out of three, the gate, and what the optimizer does with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from trainables.errors import CheckpointError
from trainables.rgbt.recipe import Rgbt
from trainables.rgbt.settings import RgbtSettings
from trainables.ultralytics_import import isolated

pytestmark = pytest.mark.e2e  # imports and builds Ultralytics' networks: ten seconds

NAMES = ("3", "7")
ADDED = {"gated": "a gate", "attention": "attention"}
FUSIONS = ("concat", "gated", "attention", "two-stream")


def settings(**changes: Any) -> RgbtSettings:
    return Rgbt().settings("tiny", changes)


def arguments(given: RgbtSettings, folder: Path) -> Any:
    with isolated(folder):
        from ultralytics.cfg import get_cfg

        from trainables.rgbt import training
    return get_cfg(overrides=training.arguments(given))


def detector(folder: Path, weights: Any = None, names: tuple[str, ...] = NAMES, **changes: Any) -> Any:
    given = settings(**changes)
    args = arguments(given, folder)
    from trainables.rgbt.model import build

    torch.manual_seed(1)
    return build(given, names, args, weights)


@pytest.fixture
def three_channels(tmp_path: Path) -> Any:
    """A three-channel detector of the same size, whose norms fit, so that its answers depend on the input."""
    with isolated(tmp_path):
        from ultralytics.nn.tasks import DetectionModel

        from trainables.rgbt.architecture import model_yaml
    torch.manual_seed(0)
    model = DetectionModel(model_yaml("t"), ch=3, nc=2, verbose=False)
    model.end2end = True
    model.args = arguments(settings(), tmp_path)
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for module in norms:
        module.momentum = 1.0
    with torch.no_grad():
        model.train()(planes(seed=6)[:, :3])
    return model


def planes(seed: int = 5) -> torch.Tensor:
    return torch.rand(2, 4, 64, 64, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def raw(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    scores: torch.Tensor = model.eval()(pixels)[1]["one2one"]["scores"]
    return scores


def save_weights(model: Any, path: Path) -> None:
    """Write `model` as Ultralytics itself saves one."""
    torch.save({"model": model, "ema": None, "epoch": -1, "train_args": dict(vars(model.args))}, path)


class TestFourChannels:
    @pytest.mark.parametrize("fusion", FUSIONS)
    def test_from_zero_see_what_three_saw(self, three_channels: Any, tmp_path: Path, fusion: str) -> None:
        four_channels = detector(tmp_path, three_channels, fusion=fusion, thermal_init="zero")
        blanked = planes() * torch.tensor([1.0, 1, 1, 0]).view(1, 4, 1, 1)
        assert torch.allclose(raw(four_channels, blanked), raw(three_channels, blanked[:, :3]), atol=1e-5)

    def test_from_the_mean_see_more(self, three_channels: Any, tmp_path: Path) -> None:
        from trainables.rgbt.model import first_filters

        weight = first_filters(detector(tmp_path, three_channels, thermal_init="mean"))[0]
        assert torch.allclose(weight[:, 3], three_channels.model[0].conv.weight.mean(dim=1))
        assert torch.equal(weight[:, :3], three_channels.model[0].conv.weight)

    def test_survive_saving_and_loading(self, three_channels: Any, tmp_path: Path) -> None:
        from trainables.rgbt.weights import load_weights

        four_channels = detector(tmp_path, three_channels, thermal_init="mean")
        four_channels.model[0].conv.weight.data[:, 3] += 1
        save_weights(four_channels, tmp_path / "four.pt")
        loaded = load_weights(str(tmp_path / "four.pt"), "t")
        again = detector(tmp_path, loaded, thermal_init="zero")
        assert torch.allclose(raw(again, planes()), raw(four_channels, planes()), atol=1e-5)


class TestTheGate:
    def test_starts_as_the_plain_stem_and_its_weights_add_up_to_two(self, tmp_path: Path) -> None:
        gated = detector(tmp_path, fusion="gated").model[0]
        assert torch.equal(gated.weights(planes()), torch.ones(2, 2, 64, 64))
        torch.nn.init.normal_(gated.gate[-1].weight)
        assert torch.allclose(gated.weights(planes()).sum(dim=1), torch.full((2, 64, 64), 2.0))

    def test_has_parameters_only_when_it_is_there(self, tmp_path: Path) -> None:
        names = [set(detector(tmp_path, fusion=fusion).state_dict()) for fusion in ("concat", "gated")]
        assert {name.rpartition(".")[0] for name in names[1] - names[0] if "gate" in name} == {
            "model.0.gate.0",
            "model.0.gate.2",
        }
        assert not any("gate" in name for name in names[0])


class TestAttention:
    @torch.no_grad()
    def test_starts_as_the_plain_stem_and_weighs_planes_and_places(self, three_channels: Any, tmp_path: Path) -> None:
        changes = {"weights": three_channels, "thermal_init": "mean"}
        attention, plain = (detector(tmp_path, fusion=fusion, **changes) for fusion in ("attention", "concat"))
        assert torch.equal(raw(attention, planes()), raw(plain, planes()))
        assert not torch.allclose(raw(plain, planes()), raw(plain, planes(seed=7)), atol=1e-3)
        stem = attention.model[0]
        torch.nn.init.constant_(stem.attention.channel_attention.fc.bias, -9.0)
        stem.attention.channel_attention.fc.bias.data[3] = 9.0
        weights = (stem.weighed(planes()) / planes()).mean(dim=(0, 2, 3))
        assert weights[:3].max() < 0.01
        assert weights[3] == pytest.approx(2.0, abs=0.01), "sigmoid's 1 for the plane, a half for each place, times 4"
        torch.nn.init.normal_(stem.attention.spatial_attention.cv1.weight)
        assert (stem.weighed(planes()) / planes())[:, 3].std() > 0.1


class TestTwoStreams:
    def test_are_two_backbones_that_the_neck_gets_joined(self, tmp_path: Path) -> None:
        two_stream, concat = (detector(tmp_path, fusion=fusion) for fusion in ("two-stream", "concat"))
        assert two_stream.stride.tolist() == concat.stride.tolist() == [8, 16, 32]
        backbone = sum(value.numel() for layer in concat.model[:11] for value in layer.parameters())
        joints = sum(value.numel() for layer in (28, 30, 32) for value in two_stream.model[layer].parameters())
        filters = 8 * 4 * 9 - 8 * 3 * 9 - 8 * 9  # the first ones of both streams are the plain stem's
        added = sum(value.numel() for value in two_stream.parameters()) - sum(
            value.numel() for value in concat.parameters()
        )
        assert added == backbone + joints - 8 * 4 * 9 + filters
        assert {type(layer).__module__.split(".")[0] for layer in two_stream.modules()} <= {
            "ultralytics",
            "torch",
            "torchvision",
        }

    def test_both_take_the_weights_of_one_and_begin_as_rgb_or_as_their_mean(
        self, three_channels: Any, tmp_path: Path
    ) -> None:
        from trainables.rgbt.model import first_filters
        from trainables.rgbt.weights import check_fits

        two_stream = detector(tmp_path, three_channels, fusion="two-stream", thermal_init="zero")
        check_fits(two_stream, three_channels, "three.pt")
        colours, thermal = first_filters(two_stream)
        assert torch.equal(colours, three_channels.model[0].conv.weight)
        assert torch.equal(thermal, three_channels.model[0].conv.weight.mean(dim=1, keepdim=True))
        assert torch.equal(two_stream.model[26].cv1.conv.weight, three_channels.model[10].cv1.conv.weight)
        blanked = planes() * torch.tensor([1.0, 1, 1, 0]).view(1, 4, 1, 1)
        assert torch.allclose(raw(two_stream, planes()), raw(two_stream, blanked), atol=1e-5), (
            "thermal has no share yet"
        )
        joined = detector(tmp_path, three_channels, fusion="two-stream", thermal_init="mean")
        assert not torch.allclose(raw(joined, planes()), raw(joined, blanked), atol=1e-5)

    def test_are_refused_by_a_model_with_one(self, three_channels: Any, tmp_path: Path) -> None:
        from trainables.rgbt.weights import check_fits

        two_stream = detector(tmp_path, fusion="two-stream")
        with pytest.raises(CheckpointError, match="have two backbones; set fusion to two-stream"):
            check_fits(detector(tmp_path, two_stream), two_stream, "two.pt")
        with pytest.raises(CheckpointError, match=r"model\.\d+\.conv\.weight is .* but the model has"):
            check_fits(detector(tmp_path, model="n", fusion="two-stream"), three_channels, "small.pt")


class TestWeights:
    @pytest.mark.parametrize(
        ("content", "complaint"),
        [(None, "no such file; give an Ultralytics checkpoint"), (b"junk", "cannot be read")],
    )
    def test_that_are_no_checkpoint_are_refused(self, tmp_path: Path, content: bytes | None, complaint: str) -> None:
        with isolated(tmp_path):
            from trainables.rgbt.weights import load_weights
        path = tmp_path / "weights.pt"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(CheckpointError, match=complaint):
            load_weights(str(path), "x")

    def test_of_another_size_are_refused(self, three_channels: Any, tmp_path: Path) -> None:
        from trainables.rgbt.weights import check_fits, load_weights

        path = tmp_path / "small.pt"
        save_weights(three_channels, path)
        with pytest.raises(CheckpointError, match=r"model\.\d+\.conv\.weight is .* but the model has"):
            load_weights(str(path), "n")
        assert load_weights(str(path), "t") is not None
        with pytest.raises(CheckpointError, match=r"model\.\d+\.conv\.weight is .* but the model has"):
            check_fits(detector(tmp_path, model="n"), three_channels, "small.pt")
        check_fits(detector(tmp_path), three_channels, "fitting.pt")
        check_fits(detector(tmp_path, fusion="gated"), three_channels, "fitting.pt")

    @pytest.mark.parametrize("fusion", FUSIONS)
    @pytest.mark.parametrize("form", ["checkpoint", "export"])
    def test_of_an_earlier_training_are_gone_on_from(self, tmp_path: Path, fusion: str, form: str) -> None:
        """The RGB and thermal YOLO26x report (document 000): train on KUST4K, fine-tune on VT-MOT."""
        from trainables.rgbt.weights import check_fits, load_weights

        given = settings(fusion=fusion)
        earlier = detector(tmp_path, fusion=fusion)
        if fusion in ADDED:
            for parameter in earlier.model[0].parameters():
                torch.nn.init.normal_(parameter)
        folder = tmp_path / "epoch-0001"
        folder.mkdir()
        content = {"names": list(NAMES), "ema": earlier.state_dict()}
        torch.save({"epoch": 1, "identity": "rgbt", "training": content}, folder / "state.pt")
        written = Rgbt().weights(given, folder, tmp_path)
        path = folder if form == "checkpoint" else tmp_path / next(iter(written))
        before = torch.random.get_rng_state()
        loaded = load_weights(str(path), "t")
        assert torch.equal(torch.random.get_rng_state(), before)
        again = detector(tmp_path, loaded, fusion=fusion)
        check_fits(again, loaded, str(path))
        assert all(torch.equal(value, earlier.state_dict()[name]) for name, value in again.state_dict().items())
        if fusion in ADDED:
            with pytest.raises(CheckpointError, match=f"weigh the .* by {ADDED[fusion]}; set fusion to {fusion}"):
                check_fits(detector(tmp_path, loaded), loaded, str(path))
            with pytest.raises(CheckpointError, match="is not of a training with these settings"):
                load_weights(str(path), "n")

    def test_of_an_earlier_training_keep_each_class_where_its_name_is(self, tmp_path: Path) -> None:
        from trainables.rgbt.weights import load_weights

        folder = tmp_path / "epoch-0001"
        folder.mkdir()
        content = {"names": list(NAMES), "ema": (earlier := detector(tmp_path).state_dict())}
        torch.save({"epoch": 1, "identity": "rgbt", "training": content}, folder / "state.pt")
        again = detector(tmp_path, load_weights(str(folder), "t"), names=NAMES[::-1]).state_dict()
        outputs = [name for name in earlier if "cv3." in name and earlier[name].shape[:1] == (2,)]
        assert outputs
        assert all(torch.equal(again[name], earlier[name].flip(0)) for name in outputs)

    def test_of_the_tiny_model_cannot_be_downloaded(self, tmp_path: Path) -> None:
        with isolated(tmp_path):
            from trainables.rgbt.weights import load_weights
        with pytest.raises(CheckpointError, match="there are none of model t"):
            load_weights("ultralytics", "t")


def test_no_input_is_smaller_than_a_setting_may_be(tmp_path: Path) -> None:
    """At 32 pixels the last maps have one value each, of which batch-norm has no deviation in a batch of one."""
    with isolated(tmp_path):
        from trainables.rgbt.batches import prepared
    for size, expected in ((64, {64, 96}), (96, {64, 96, 128, 160})):
        batch = {"img": torch.zeros(1, 4, size, size, dtype=torch.uint8)}
        given = settings(image_size=size, multi_scale=0.5)
        shapes = {tuple(prepared(batch, given, torch.device("cpu"))["img"].shape[2:]) for _ in range(200)}
        assert shapes == {(side, side) for side in expected}
