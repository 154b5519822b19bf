"""Recipes: repeatable, resumable, shared between processes, and finished as packed files."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from functools import partial

import pytest
import torch

from binmorph.cli import main
from binmorph.errors import DataError
from binmorph.nn import architectures
from binmorph.nn.binary import BinaryLayer
from binmorph.training import augment, data, finish, loop, recipes, run
from binmorph.training.data import Data
from binmorph.training.recipes import parts
from binmorph.training.workers import Workers

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def toy() -> Data:
    """Four classes of 8x8 images, told apart by the brightest corner."""
    generator = torch.Generator().manual_seed(2)
    images = torch.randint(0, 120, (160, 1, 8, 8), generator=generator, dtype=torch.uint8)
    labels = torch.arange(160) % 4
    for i, label in enumerate(labels.tolist()):
        images[i, 0, 4 * (label // 2) :, 4 * (label % 2) :][:4, :4] += 120
    return Data(images[:128], labels[:128], images[128:], labels[128:], 4)


def small(**options) -> loop.Recipe:
    recipe = recipes.RECIPES["two_value_05_digits"]
    network = partial(
        parts.named, name="resnet18_two_value", stages=(1, 1), widths=(4, 8), sparsity="penalty"
    )
    options = {"shift": 1, "flip": True, "mixup": 0.5, "gamma": 0.1, "density": 0.3, **options}
    return dataclasses.replace(recipe, network=network, epochs=3, batch=32, **options)


def test_a_resumed_run_is_the_same_run(toy, tmp_path) -> None:
    """Augmentation, mixup, schedules, penalty and optimizer state included; the global random state is not
    part of it."""
    whole = loop.fit(small(), toy, loop.Settings(seed=4), Workers())
    settings = loop.Settings(seed=4, checkpoint=tmp_path / "c", stop_after=2)
    loop.fit(small(), toy, settings, Workers())
    torch.rand(17)
    resumed = loop.fit(small(), toy, dataclasses.replace(settings, stop_after=None, resume=True), Workers())
    states = whole.network.state_dict(), resumed.network.state_dict()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert [h["loss"] for h in whole.history] == [h["loss"] for h in resumed.history]
    assert [h["epoch"] for h in resumed.history] == [1, 2, 3]
    assert not list(tmp_path.glob("*.part"))
    other = loop.fit(small(), toy, loop.Settings(seed=5), Workers())
    assert other.history[0]["loss"] != whole.history[0]["loss"]


def test_a_run_may_start_from_another(toy) -> None:
    first = loop.fit(small(), toy, loop.Settings(epochs=1), Workers())
    settings = loop.Settings(epochs=1, rate=0.0, start=first.network.state_dict())
    second = loop.fit(small(), toy, settings, Workers())
    weights = [dict(run.network.named_parameters()) for run in (first, second)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_two_steps(toy, tmp_path) -> None:
    """Float weights that decay, in the network that the second step takes over as it stands."""
    first, second = (recipes.RECIPES[f"norm_free_{middle}digits"] for middle in ("float_weights_", ""))
    network = first.network(toy)
    assert not any(m.binarizes for m in network.modules() if isinstance(m, BinaryLayer))
    _, decayed = loop.optimizer_of(network, first).param_groups
    assert decayed["weight_decay"] == 1e-5
    assert any(p is network.blocks[0].conv.weight for p in decayed["params"])
    assert len(loop.optimizer_of(second.network(toy), second).param_groups[1]["params"]) == 2  # stem and head
    done = finish.finish(first, network, toy, None)
    assert done.density != done.density
    run.save("norm_free_float_weights_digits", first, done, toy, tmp_path / "first.pt")
    state = run.load_state(tmp_path / "first.pt", "norm_free_digits")
    settings = loop.Settings(epochs=1, batch=32, rate=0.0, start=state)
    begun = loop.fit(second, toy, settings, Workers()).network
    assert torch.equal(begun.blocks[3].conv.weight, network.blocks[3].conv.weight)
    assert len(begun.blocks[3].conv.binary_weight.unique()) == 2
    with pytest.raises(DataError, match="not a model of the recipe resnete_digits"):
        run.load_state(tmp_path / "first.pt", "resnete_digits")


def test_the_log_tells_more_than_one_loss_per_epoch(toy) -> None:
    done = loop.fit(small(), toy, loop.Settings(epochs=1, watch=8), Workers()).history[0]
    assert len(done["losses"]) == 4  # steps
    assert sum(done["losses"]) / 4 == pytest.approx(done["loss"], abs=1e-5)
    assert done["test_accuracy"] * 8 == round(done["test_accuracy"] * 8)


def test_distillation_follows_the_teacher(toy, tmp_path) -> None:
    """The loss is the stated mixture; a teacher of wrong labels pulls the network towards these; resumed runs
    are the same."""
    scores, taught = torch.randn(5, 4), torch.randn(5, 4)
    p, q = (torch.softmax(s / 3, 1) for s in (taught, scores))
    expected = 9 * (p * (p / q).log()).sum(1).mean()
    assert loop.distillation_loss(scores, taught, 3.0) == pytest.approx(float(expected), rel=1e-5)
    assert loop.distillation_loss(taught, taught, 3.0) == pytest.approx(0, abs=1e-6)
    recipe = small(mixup=0.0, gamma=0.0, distillation=1.0)
    wrong = 9.0 * torch.nn.functional.one_hot((toy.y_train + 1) % 4).float()
    settings = loop.Settings(teacher=wrong, checkpoint=tmp_path / "c", epochs=6, rate=2e-2)
    whole = loop.fit(recipe, toy, settings, Workers())
    labels = loop.accuracy(whole.network, recipe, toy.x_train, toy.y_train)
    assert loop.accuracy(whole.network, recipe, toy.x_train, (toy.y_train + 1) % 4) > labels
    loop.fit(recipe, toy, dataclasses.replace(settings, stop_after=3), Workers())
    resumed = loop.fit(recipe, toy, dataclasses.replace(settings, resume=True), Workers())
    assert [h["loss"] for h in whole.history] == [h["loss"] for h in resumed.history]


def test_a_teacher_is_a_saved_network_of_any_recipe(tmp_path) -> None:
    teacher, out = tmp_path / "teacher.pt", tmp_path / "net.pt"
    assert main(["train", "sfc_digits", "--out", str(teacher), "--epochs", "1", "--quiet"]) == 0
    command = ["train", "binary_digits", "--out", str(out), "--epochs", "1", "--quiet", "--teacher"]
    assert main([*command, str(teacher)]) == 0
    header = json.loads((tmp_path / "net.jsonl").read_text().splitlines()[0])
    assert header["taught"]
    scores = run.teacher_scores(teacher, data.LOADERS["digits"](None))
    assert scores.shape[1] == 10
    (tmp_path / "teacher.pt").write_bytes(b"no network")
    with pytest.raises(DataError, match="no teacher for these images"):
        run.teacher_scores(teacher, data.LOADERS["digits"](None))


def test_a_foreign_checkpoint_is_refused(toy, tmp_path) -> None:
    settings = loop.Settings(epochs=1, checkpoint=tmp_path / "c")
    with pytest.raises(DataError, match="no checkpoint"):
        loop.fit(small(), toy, dataclasses.replace(settings, resume=True), Workers())
    loop.fit(small(), toy, settings, Workers())
    with pytest.raises(DataError, match="belongs to a run with"):
        loop.fit(small(), toy, dataclasses.replace(settings, resume=True, seed=1), Workers())
    (tmp_path / "c").write_bytes(b"no checkpoint")
    with pytest.raises(DataError, match="not a checkpoint"):
        loop.fit(small(), toy, dataclasses.replace(settings, resume=True), Workers())
    with pytest.raises(DataError, match="a batch of 500"):
        loop.fit(small(), toy, dataclasses.replace(settings, batch=500), Workers())


def test_augmentation(toy) -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.zeros(400, 1, 8, 8, dtype=torch.uint8)
    image[:, 0, 3, 2] = 200
    moved = augment.shift_and_flip(image, 1, True, generator)
    assert moved.dtype == torch.uint8
    assert (moved.sum((1, 2, 3)) == 200).all()
    assert len(moved.unique(dim=0)) == 18  # nine places, mirrored or not
    assert augment.shift_and_flip(image, 0, False, generator) is image
    mixed, order, a = augment.mixup(toy.x_train.float(), 1.0, generator)
    assert 0 < a < 1
    assert torch.allclose(mixed, a * toy.x_train + (1 - a) * toy.x_train[order])
    draws = torch.tensor([augment._beta(0.4, generator) for _ in range(3000)])
    assert draws.mean().item() == pytest.approx(0.5, abs=0.03)
    assert draws.var().item() == pytest.approx(1 / (4 * 1.8), abs=0.02)


def test_schedules() -> None:
    recipe = recipes.RECIPES["resnete18_cifar10"]
    assert [recipe.rate_at(e / 150) for e in (0, 74, 75, 100, 125)] == pytest.approx(
        [0.01, 0.01, 0.003, 0.0009, 0.00027]
    )
    linear = recipes.RECIPES["reactnet18_norm_free_cifar10"]
    assert linear.rate_at(0.5) == pytest.approx(2.5e-4)
    late = recipes.RECIPES["binary_fashion_mnist"]
    assert [late.rate_at(t) for t in (0, 0.59, 0.8, 1)] == pytest.approx([3e-3, 3e-3, 1.5e-3, 0])
    warm = recipes.RECIPES["binary_mnist"]
    assert warm.rate_at(0.05) == pytest.approx(0.5 * 3e-3, rel=0.01)
    assert warm.rate_at(1.0) == pytest.approx(0)


def test_every_recipe_makes_its_network() -> None:
    for name, recipe in recipes.RECIPES.items():
        image = {"digits": (1, 8, 8), "cifar10": (3, 32, 32)}.get(recipe.data[0], (1, 28, 28))
        x = torch.full((1, *image), 16, dtype=torch.uint8)
        network = recipe.network(Data(x, torch.zeros(1).long(), x, torch.zeros(1).long(), 10))
        if "digits" in name:
            assert network.eval()(recipe.inputs(x)).shape == (1, 10)


@pytest.mark.parametrize("name", ["binary_digits", "self_binarizing_digits", "ternary_digits"])
def test_command(name: str, tmp_path, capsys) -> None:
    """Two epochs: better than chance, packed equal to hard, and the files load."""
    out = tmp_path / "net.pt"
    arguments = ["train", name, "--out", str(out), "--epochs", "2", "--quiet"]
    assert main([*arguments, "--json", str(tmp_path / "r.json")]) == 0
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["accuracy_packed"] == result["accuracy_hard"] > 0.1
    assert result["file_bytes"] == (tmp_path / "net.bmorph").stat().st_size
    header, *epochs, last = map(json.loads, (tmp_path / "net.jsonl").read_text().splitlines())
    assert header["recipe"] == name
    assert [e["epoch"] for e in epochs] == [1, 2]
    assert last["finished"]["accuracy_hard"] == result["accuracy_hard"]
    assert (tmp_path / "net.png").stat().st_size > 1000
    assert main(["verify", str(tmp_path / "net.bmorph"), str(out)]) == 0
    if name == "binary_digits":
        assert main([*arguments[:4], "--resume", "--epochs", "2", "--quiet"]) == 0


def test_command_refusals(tmp_path, capsys) -> None:
    assert main(["train", "list"]) == 0
    assert "resnete18_cifar10" in capsys.readouterr().out
    out = str(tmp_path / "n.pt")
    for arguments, message in (
        (["nothing", "--out", out], "unknown recipe"),
        (["binary_mnist", "--out", out], "--data DIR"),
        (["binary_mnist", "--out", out, "--data", str(tmp_path)], "has no file"),
        (["binary_digits"], "--out FILE"),
        (["ternary_digits", "--out", out, "--resume"], "not resumed"),
        (["binary_digits", "--out", out, "--start", out], "not a model file"),
    ):
        assert main(["train", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_two_processes(tmp_path) -> None:
    """Two workers, each with half of every batch; what they average is the same network."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"]
    command += ["--standalone", "-m", "binmorph.cli", "train", "two_value_05_digits", "--quiet"]
    result = subprocess.run(
        [*command, "--epochs", "1", "--out", str(tmp_path / "n.pt")], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    header, epoch, _ = map(json.loads, (tmp_path / "n.jsonl").read_text().splitlines())
    assert header["workers"] == 2
    assert 0 < epoch["loss"] < 3


def test_a_network_that_cannot_be_packed_says_why(toy, tmp_path) -> None:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Tanh(), torch.nn.Linear(64, 4))
    recipe = recipes.RECIPES["resnete_digits"]
    done = finish.finish(recipe, network, toy, tmp_path / "x.bmorph")
    assert done.accuracy_packed is None
    assert "Tanh" in done.problem
    assert not (tmp_path / "x.bmorph").exists()


def test_a_model_of_the_registry_is_restored(toy) -> None:
    recipe = recipes.RECIPES["resnete_digits"]
    network = recipe.network(toy).eval()
    config = {"image": [1, 8, 8], "classes": 4}
    saved = {"recipe": "resnete_digits", "config": config, "state": network.state_dict()}
    x = recipe.inputs(toy.x_test)
    assert torch.equal(run.restore(saved)(x), network(x))
    assert isinstance(network, architectures.ResNetE)
