import functools
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from modeling.lifting import BadConfig, BadData, Config, Diverged, WrongSkeleton, evaluate, fit
from modeling.lifting.calibrate import best_factor
from modeling.lifting.checkpoint import read_run, read_tensors
from modeling.lifting.config import read
from modeling.lifting.depths import build, labels_pull
from modeling.lifting.labels import draw_pairs
from modeling.lifting.losses import order_log_loss
from modeling.lifting.metrics import error_mm

from .make import hide, make_people

FAST = {"width": 32, "epochs": 3, "batch": 32}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def weights(folder) -> dict[str, torch.Tensor]:
    return read_tensors(folder / "weights.safetensors")[0]


def same(one, other) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_a_planted_structure_is_recovered_from_relative_labels_alone(tmp_path):
    data, others = make_people(500, pairs=5, bend=0.15), make_people(200, pairs=None, seed=9, bend=0.15)
    flat = np.concatenate([others.pose2d - others.pose2d[:, :1], 0 * others.pose2d[..., :1]], -1)
    found = evaluate(fit(data, Config(width=64, epochs=25, batch=64), tmp_path).folder, others)
    assert found["order_by_gap"]["all"]["share"] > 0.86
    assert found["pa_mpjpe_mm"] < 0.45 * error_mm(flat, others.pose3d)[1]
    assert found["mpjpe_mm"] < 60
    assert found["calibration"]["calibration_error"] < 0.05


def test_the_papers_model_learns_the_orders_too(tmp_path):
    data = make_people(300, pairs=10, bend=0.15)
    config = read(None, "paper-code", ["width=64", "epochs=60", "dropout=0.1", "batch=32"])
    found = evaluate(fit(data, config, tmp_path / "run").folder, data)
    assert found["order_by_gap"]["all"]["share"] > 0.7


def test_full_supervision_beats_few_labels(tmp_path):
    data, others = make_people(400, pairs=1), make_people(150, pairs=None, seed=5)

    def error(kind: str) -> float:
        run = fit(data, Config(supervision=kind, width=64, epochs=15, batch=64), tmp_path / kind)
        return evaluate(run.folder, others)["pa_mpjpe_mm"]

    assert error("full") < error("relative")


def test_same_seed_same_weights_and_another_seed_others(tmp_path):
    data = make_people(80)
    runs = [fit(data, Config(seed=seed, **FAST), tmp_path / name).folder for seed, name in ((1, "a"), (1, "b"), (2, "c"))]
    assert same(weights(runs[0]), weights(runs[1]))
    assert not same(weights(runs[0]), weights(runs[2]))


def test_a_killed_run_goes_on_at_its_last_epoch_with_the_same_result(tmp_path):
    data = make_people(80)
    config = Config(**FAST | {"epochs": 4})

    class Killed(BaseException):
        pass

    def kill(entry):
        if entry["epoch"] == 2:
            raise Killed

    with pytest.raises(Killed):
        fit(data, config, tmp_path / "killed", kill)
    epochs = []
    taken_up = fit(data, config, tmp_path / "killed", lambda entry: epochs.append(entry["epoch"]))
    whole = fit(data, config, tmp_path / "whole")
    assert epochs == [3, 4]
    assert same(weights(taken_up.folder), weights(whole.folder))
    assert [e["loss"] for e in taken_up.curve] == [e["loss"] for e in whole.curve]
    lines = [json.loads(line) for line in (taken_up.folder / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]


def test_a_finished_run_is_not_trained_again_but_other_settings_are(tmp_path):
    data, epochs = make_people(60), []
    fit(data, Config(**FAST), tmp_path)
    fit(data, Config(**FAST), tmp_path, lambda entry: epochs.append(1))
    assert not epochs
    fit(data, Config(seed=5, **FAST), tmp_path, lambda entry: epochs.append(1))
    assert len(epochs) == 3


def test_false_from_the_callback_ends_the_run_with_usable_weights(tmp_path):
    run = fit(make_people(60), Config(**FAST | {"epochs": 50}), tmp_path, lambda entry: entry["epoch"] < 2)
    assert run.stopped == "stopped on request after epoch 2" and len(run.curve) == 2
    assert read_run(tmp_path)["best_epoch"] in (1, 2)


def test_the_callback_is_told_what_a_curve_needs(tmp_path):
    told = []
    fit(make_people(80), Config(**FAST), tmp_path, told.append)
    assert [entry["epoch"] for entry in told] == [1, 2, 3] and told[0]["epochs"] == 3
    assert {"loss", "losses", "held_out_loss", "held_out_order", "held_out_error_mm", "seconds", "best"} <= set(told[0])
    assert 0 <= told[0]["held_out_order"] <= 1 and told[0]["held_out_error_mm"] > 0
    json.dumps(told)


def test_patience_ends_a_run_that_gets_no_better(tmp_path):
    run = fit(make_people(40, pairs=1), Config(**FAST | {"epochs": 200, "patience": 2, "learning_rate": 0.05}), tmp_path)
    assert "no better held-out loss" in run.stopped and len(run.curve) < 200


def test_the_caller_keeps_its_own_random_numbers(tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    fit(make_people(30), Config(**FAST | {"epochs": 1}), tmp_path)
    assert torch.equal(torch.rand(4), expected)


def test_missing_joints_neither_break_training_nor_teach_wrong_depths(tmp_path):
    data = hide(make_people(150), 0.2)
    run = fit(data, Config(**FAST), tmp_path)
    assert np.isfinite([entry["loss"] for entry in run.curve]).all()


def test_true_depths_in_a_release_teach_nothing(tmp_path):
    data = make_people(60)
    blind = replace(data, pose3d=data.pose3d * np.float32(3.7))
    one, other = fit(data, Config(**FAST), tmp_path / "a"), fit(blind, Config(**FAST), tmp_path / "b")
    assert same(weights(one.folder), weights(other.folder))


def test_a_diverging_run_keeps_its_last_good_weights_and_says_so(tmp_path):
    data = make_people(60)

    def spoil(entry):
        if entry["epoch"] == 2:  # a rate that no network survives, as a wrong setting would give
            training_rate["now"] = float("nan")

    training_rate = {"now": None}
    from modeling.lifting.fitting import Training

    training = Training(data, Config(**FAST | {"epochs": 6}), tmp_path)
    honest = training._rate
    training._rate = lambda step: honest(step) if training_rate["now"] is None else training_rate["now"]
    run = training.run(spoil, resume=False)
    assert "diverged" in run.stopped and "weights of epoch" in run.stopped
    assert all(torch.isfinite(t).all() for t in weights(tmp_path).values() if t.is_floating_point())


def test_a_run_that_never_had_good_weights_is_an_error(tmp_path):
    data = make_people(60)
    data.pose3d[:] = 1e30  # squares overflow float32
    config = read(None, "paper-supervised", ["width=16", "epochs=2", "batch=32"])
    with pytest.raises(Diverged, match="lower learning_rate"):
        fit(replace(data, pose3d=data.pose3d * np.float32(1e8)), config, tmp_path)


def test_a_warm_start_begins_where_the_other_run_ended(tmp_path):
    data = make_people(120)
    first = fit(data, Config(**FAST | {"epochs": 12}), tmp_path / "first")
    cold = fit(data, Config(**FAST | {"epochs": 1, "seed": 1}), tmp_path / "cold")
    warm = fit(data, Config(**FAST | {"epochs": 1, "seed": 1, "warm_start": str(first.folder)}), tmp_path / "warm")
    assert warm.curve[0]["loss"] < cold.curve[0]["loss"]
    with pytest.raises(BadConfig, match="width 32"):
        fit(data, Config(**FAST | {"width": 16, "warm_start": str(first.folder)}), tmp_path / "other")


def test_a_run_of_other_joints_cannot_start_this_one(tmp_path):
    data = make_people(60)
    other = fit(data.drop_joints(["nose"]), Config(**FAST), tmp_path / "other")
    with pytest.raises(WrongSkeleton, match="train a run on this skeleton"):
        fit(data, Config(**FAST, warm_start=str(other.folder)), tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pairs(np.zeros(len(d.p_first), bool)), "no labels for the training people"),
        (lambda d: replace(d, is_train=np.zeros(len(d), bool)), "no labels for the training people"),
        (lambda d: d.people(np.arange(1)), "at least two are needed"),
    ],
)
def test_a_release_that_cannot_teach_is_refused(tmp_path, change, said):
    with pytest.raises(BadData, match=said):
        fit(change(make_people(20)), Config(**FAST), tmp_path)


def test_full_supervision_needs_poses(tmp_path):
    with pytest.raises(BadData, match="needs 3D poses"):
        fit(replace(make_people(20), pose3d=None), Config(supervision="full", **FAST), tmp_path)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("speed=3", "unknown setting speed"), ("epochs=0", "from 1 to"), ("dropout=1.5", "from 0 to"),
        ("method=magic", "depth, paper"), ("epochs", "key=value"), ("device=tpu-99", "give auto"),
        ("epochs=many", "epochs = 'many': give a whole number"), ("epochs=2.5", "give a whole number"),
        ("mirror=1", "mirror = 1: give true or false"), ("width=true", "width = True: give a whole number"),
        ("seed=none", "seed = None: give a whole number"), ("method=none", "give a word"), ("place_weight=-1", "from 0 to"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(tmp_path, word, said):
    with pytest.raises(BadConfig, match=said):
        fit(make_people(10), read(None, "nearer", [word]), tmp_path)


def test_settings_come_from_preset_file_and_words_in_this_order(tmp_path):
    (tmp_path / "c.toml").write_text('epochs = 7\nwidth = 48\n')
    config = read(tmp_path / "c.toml", "paper-code", ["width=96"])
    assert (config.method, config.paper_code, config.epochs, config.width) == ("paper", True, 7, 96)


def test_the_papers_defaults_are_the_papers():
    config = read(None, "paper").for_data(30_000)
    assert (config.width, config.dropout, config.epochs, config.batch, config.learning_rate) == (1024, 0.5, 25, 64, 1e-3)
    assert config.reprojection_weight == 1.0
    assert read(None, "paper-code").for_data(30_000).reprojection_weight == 0.1


def test_label_noise_is_found_on_held_out_people(tmp_path):
    """A sixth of the labels wrong is a third given without looking: the run must doubt them, and find an exact set sharp."""
    settings = {"width": 64, "epochs": 12, "batch": 64, "held_out": 0.3, "label_noise": "held_out"}
    clean = make_people(400, pairs=20, bend=0.15)
    noisy = draw_pairs(clean, 20, flip_rate=1 / 6)
    told = [fit(data, Config(**settings), tmp_path / name).record["calibration"] for name, data in (("a", clean), ("b", noisy))]
    exact, doubted = (one["lapse"] + one["label_blur"] for one in told)
    assert told[0]["lapse"] < 0.1 and exact < 0.4
    assert doubted > 1.5 * exact


def test_several_doubtful_labels_of_a_person_pull_as_one_exact_one_does():
    """Of labels of which 60 % say nothing each curves the loss by 0.16 of what an exact one does."""
    assert labels_pull(136 * 512, 512, lapse=0.6) == pytest.approx(1 / 0.16)
    assert labels_pull(4 * 512, 512, lapse=0.6) == 4  # no more than there are
    assert labels_pull(512, 512, lapse=0.6) == labels_pull(100, 512, lapse=0.6) == 1
    assert labels_pull(136 * 512, 512, lapse=0.0) == 1


def test_many_flipped_labels_of_a_person_teach_nearly_as_much_as_exact_ones(tmp_path):
    """Were they weighed like exact ones, the other losses would drown them: 53 % of the orders would be right."""
    noisy = draw_pairs(make_people(300, pairs=60, bend=0.15), 60, flip_rate=0.3)
    settings = {"width": 64, "epochs": 25, "batch": 64, "held_out": 0.2, "label_noise": "held_out"}
    found = evaluate(fit(noisy, Config(**settings), tmp_path).folder, make_people(200, pairs=None, seed=9, bend=0.15))
    assert found["order_by_gap"]["all"]["share"] > 0.8


def test_who_learns_from_mirrored_people_alone_knows_the_people(tmp_path):
    """Labels go with their people into the mirror; else left and right would contradict each other."""
    data, others = make_people(400, pairs=10, bend=0.15), make_people(200, pairs=None, seed=9, bend=0.15)
    shown = fit(data, Config(width=64, epochs=20, batch=64, mirror=False, mirror_share=1.0), tmp_path)
    assert evaluate(shown.folder, others)["order_by_gap"]["all"]["share"] > 0.86
    assert shown.record["people"] < 400 and shown.record["labels"] == 10 * shown.record["people"]


def test_thorough_takes_twice_the_epochs_of_any_number_of_people():
    for people in (100, 3000, 30_000):
        usual, thorough = (read(None, preset).for_data(people).epochs for preset in ("nearer", "thorough"))
        assert thorough == 2 * usual
    assert read(None, "thorough", ["epochs=7"]).for_data(100).epochs == 7


def test_votes_are_learnt_from_with_settings_of_their_own_unless_others_are_given():
    for n, dropout in ((10_000, 0.25), (30_000, 0.1)):
        config = Config().for_data(10_000, voted=n)
        assert (config.turn_weight, config.mirror_share, config.blur_mm, config.dropout) == (0.5, 0.5, 400, dropout)
    assert Config(turn_weight=0.0, dropout=0.3, blur_mm=150.0).for_data(10_000, voted=100).blur_weight is None
    exact = Config().for_data(10_000)
    assert (exact.turn_weight, exact.mirror_share, exact.blur_mm, exact.dropout) == (0.0, 0.0, None, 0.1)


def test_labels_count_as_votes_where_the_votes_of_most_are_known():
    data = draw_pairs(make_people(10, pairs=2), 2, crowd_votes=1)
    assert data.n_voted == 20 and data.people(np.arange(4)).n_voted == 8
    few = data.share_first.copy()
    few[5:] = np.nan
    assert replace(data, share_first=few).n_voted == 0
    assert make_people(10, pairs=2).n_voted == 0


def test_the_blur_of_voters_starts_at_the_papers_and_gives_way_to_exact_votes(tmp_path):
    settings = {"width": 32, "epochs": 40, "batch": 64}
    exact = make_people(400, pairs=20, bend=0.15)
    told = {
        "exact": replace(exact, share_first=exact.p_first), "like people's": draw_pairs(exact, 20, crowd_votes=1, seed=1),
    }  # fmt: skip
    runs = {name: fit(data, Config(**settings), tmp_path / name) for name, data in told.items()}
    blur = {name: run.record["calibration"]["blur_mm"] for name, run in runs.items()}
    assert blur["exact"] < 200 < 300 < blur["like people's"] < 600


def test_deviations_that_claim_too_much_are_found_out():
    """Differences twice as uncertain as said: the factor is two, and the epoch is judged by what is left after it."""
    rng = torch.Generator().manual_seed(0)
    expected = torch.randn(20_000, generator=rng)
    truly = expected + 1.0 * torch.randn(20_000, generator=rng)
    net = build(make_people(3).skeleton, Config(width=8, dropout=0.1))
    first = (truly > 0).float()
    orders = expected, torch.full_like(expected, 0.25), first, first, torch.full_like(expected, 0.01)
    factor, loss = best_factor(net, orders)
    assert factor == pytest.approx(2, rel=0.1)
    assert loss < order_log_loss(*orders, torch.sigmoid(net.lapse)) - 0.01


def test_half_precision_learns_nearly_the_same_and_keeps_whole_weights(tmp_path):
    data = make_people(60)
    runs = {name: fit(data, Config(precision=name, **FAST), tmp_path / name) for name in ("float32", "bf16")}
    assert runs["bf16"].curve[-1]["loss"] == pytest.approx(runs["float32"].curve[-1]["loss"], rel=0.05)
    assert {t.dtype for t in weights(tmp_path / "bf16").values() if t.is_floating_point()} == {torch.float32}


def test_tensorboard_gets_an_event_file_beside_a_line_per_epoch(tmp_path):
    run = fit(make_people(30), Config(tensorboard=True, **FAST), tmp_path)
    (events,) = (tmp_path / "tensorboard").glob("events.*")
    assert events.read_bytes().count(b"held_out_order") == len(run.curve)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == len(run.curve)


def test_a_compiled_training_learns_as_an_ordinary_one(tmp_path, monkeypatch):
    """Through torch's real wrapper; the C++ behind it takes minutes to build and is left out."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager", dynamic=True))
    losses = [
        fit(make_people(20), Config(epochs=1, width=8, compile=chosen), tmp_path / str(chosen)).curve[0]["loss"]
        for chosen in (False, True)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
