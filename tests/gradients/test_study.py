"""The study of several networks: what was measured by other code, its settings, and their rules."""

import numpy as np
import pytest

from memviz.encoding import EncodingError, encode
from memviz.experiment import Experiment
from memviz.gradients import (
    FOUR,
    NETWORKS,
    Curve,
    Loss,
    Study,
    curves,
    gradient_flow,
    memory_products,
    opened,
)
from memviz.trace import record


def mean_reach(study: Study, network: str, state: str = "memory", last: int = 39) -> np.ndarray:
    (curve,) = curves(study, [network], seeds=20)
    return curve.reach(last, state)


@pytest.mark.parametrize(
    ("network", "experiment", "state", "expected", "tolerance"),
    [
        ("elman", {}, "memory", -11.1, 0.9),
        ("gru", {}, "memory", -8.0, 0.8),
        ("lstm", {}, "memory", -8.1, 0.8),
        ("lstm", {}, "hidden", -8.8, 0.8),
        ("lstm-biased", {"forget_bias": 1.0}, "memory", -3.4, 0.4),
        ("lstm-biased", {"forget_bias": 1.0}, "hidden", -4.1, 0.4),
        ("lstm-biased", {"forget_bias": 3.0}, "memory", -0.1, 0.25),
        ("lstm-biased", {"forget_bias": 3.0}, "hidden", -1.3, 0.3),
        ("gru", {"update_bias": 3.0}, "memory", -0.8, 0.3),
    ],
)
def test_20_seeds_of_16_units_over_40_steps_reach_as_far_as_was_measured(
    network, experiment, state, expected, tolerance
) -> None:
    study = Study(source="noise", lag=39, experiment=Experiment(hidden_size=16, **experiment))
    reach = mean_reach(study, network, state)
    assert reach.shape == (20,)
    assert reach.mean() == pytest.approx(expected, abs=tolerance)
    if network == "elman":
        assert 1 < reach.std() < 3


def test_an_lstm_of_large_recurrent_weights_explodes_while_its_forget_gates_multiply_to_nothing() -> None:
    exploded = 0
    for seed in range(5):
        experiment = Experiment(hidden_size=16, seed=seed, initialisation="normal", recurrent_scale=10.0)
        flow = opened(Study(source="noise", lag=99, experiment=experiment), "lstm")
        products = memory_products(flow, [99])
        assert products.log10_direct[0] < -4
        exploded += bool(products.log10_full[0] >= 9)
    assert exploded >= 4


def test_a_loss_everywhere_hides_that_the_gradient_of_the_last_step_has_vanished() -> None:
    experiment = Experiment(hidden_size=16)
    last = Study(source="noise", lag=99, loss="cross-entropy", experiment=experiment)
    everywhere = Study(source="noise", lag=99, loss="cross-entropy", everywhere=True, experiment=experiment)
    (of_last,), (of_all,) = (curves(study, ["elman"], seeds=20) for study in (last, everywhere))
    ends = of_last.hidden[:, -1]
    assert ((ends > -1.2) & (ends < 0.3)).all()
    assert of_last.hidden[:, 0].mean() < -15
    assert of_last.hidden[:, 0].max() < -8
    assert -3.5 < of_all.hidden[:, 0].mean() < -1.5
    assert np.abs(of_all.reach(99)).mean() < 1.5


def test_plotting_h_alone_makes_an_lstm_with_ln_t_look_dead() -> None:
    bias = float(np.log(100))
    experiment = Experiment(hidden_size=16, forget_bias=bias, input_bias=-bias)
    (curve,) = curves(Study(source="noise", lag=99, experiment=experiment), ["lstm-biased"], seeds=20)
    # Each of 16 units keeps (T / (T + 1))^99 of o = 1/2: most of it goes straight on.
    expected = np.sqrt(16) * 0.5 * (100 / 101) ** 99
    assert 10.0 ** np.median(curve.memory[:, 0]) == pytest.approx(expected, rel=0.15)
    assert 150 < np.median(10.0 ** (curve.memory[:, 0] - curve.hidden[:, 0])) < 600


def test_a_spectral_radius_below_one_grows_before_it_shrinks() -> None:
    experiment = Experiment(hidden_size=2, initialisation="non-normal")
    study = Study(source="noise", lag=99, experiment=experiment, loss="unit", loss_unit=0)
    (curve,) = curves(study, ["elman"])
    expected = [
        np.log10(np.linalg.norm(np.linalg.matrix_power([[0.9, 0.0], [5.0, 0.9]], lag) @ [1.0, 0.0]))
        for lag in range(99, -1, -1)
    ]
    np.testing.assert_allclose(curve.hidden[0], expected, rtol=1e-12, atol=1e-12)
    assert curve.hidden[0].max() > 1.2
    assert curve.hidden[0, 0] < -1


# --- what it is made of ----------------------------------------------------------------------------------


def test_a_text_is_repeated_exactly_until_it_is_long_enough() -> None:
    study = Study(text="abca", lag=9)
    sequence, once = study.sequence(), encode("abca")
    assert sequence.tokens == tuple("abcaabcaab")
    assert sequence.features == once.features
    for t in range(10):
        assert sequence.inputs[t].tolist() == once.inputs[t % 4].tolist()
        assert sequence.symbols[t] == once.symbols[t % 4]
    assert Study(text="abcdefghij", lag=5).sequence().tokens == tuple("abcdef")
    assert len(Study(text="ab", lag=3000).sequence()) == 3001


def test_a_longer_lag_keeps_the_beginning_of_the_noise() -> None:
    short, long = (Study(source="noise", lag=lag).sequence().inputs for lag in (20, 300))
    assert short.shape == (21, 4)
    assert np.array_equal(long[:21], short)
    other = Study(source="noise", lag=20, experiment=Experiment(seed=1)).sequence().inputs
    assert not np.isclose(other, short).any()
    assert abs(long.mean()) < 0.15
    assert long.std() == pytest.approx(1.0, abs=0.1)


def test_each_network_is_the_experiment_it_says() -> None:
    study = Study(experiment=Experiment(hidden_size=3, forget_bias=2.0, input_bias=-1.0, seed=4))
    assert NETWORKS[:4] == FOUR
    assert study.experiment_of("lstm-biased") == Experiment(
        cell="lstm", hidden_size=3, forget_bias=2.0, input_bias=-1.0, seed=4
    )
    assert study.experiment_of("lstm") == Experiment(cell="lstm", hidden_size=3, seed=4)
    for network in NETWORKS[4:]:
        assert study.experiment_of(network).cell == network
        assert study.experiment_of(network).forget_bias == 2.0


@pytest.mark.parametrize("source", ["text"])
def test_curves_are_the_flows_of_networks_that_are_built_one_by_one(source: str) -> None:
    study = Study(
        source=source, lag=30, loss="squared error", target="0.5", experiment=Experiment(forget_bias=1.0)
    )
    found = curves(study, NETWORKS, seeds=2)
    assert [curve.network for curve in found] == list(NETWORKS)
    sequence = study.sequence()
    for curve in found:
        assert isinstance(curve, Curve)
        for row in range(2):
            settings = {**vars(study.experiment_of(curve.network)), "seed": row}
            network = Experiment(**settings).build(sequence)
            flow = gradient_flow(network, record(network, sequence), study.loss_of(sequence))
            np.testing.assert_allclose(curve.hidden[row], flow.log10_norms("hidden"), rtol=1e-9, atol=1e-9)
            memory = "cell" if curve.has_cell else "hidden"
            np.testing.assert_allclose(curve.memory[row], flow.log10_norms(memory), rtol=1e-9, atol=1e-9)
    flow = opened(study, "lstm-biased")
    np.testing.assert_allclose(found[3].hidden[0], flow.log10_norms("hidden"), rtol=1e-9, atol=1e-9)


def test_seeds_after_the_last_one_start_again_from_zero() -> None:
    study = Study(lag=5, experiment=Experiment(seed=2**32 - 1))
    (curve,) = curves(study, ["elman"], seeds=2)
    first = opened(Study(lag=5), "elman")  # the text does not depend on the seed
    np.testing.assert_allclose(curve.hidden[1], first.log10_norms("hidden"), rtol=1e-9, atol=1e-9)


def test_the_losses_are_the_engines() -> None:
    study = Study(text="abc", lag=5, loss_timestep=3)
    sequence = study.sequence()
    assert study.loss_of(sequence) == Loss(timestep=3)
    unit = Study(loss="unit", loss_unit=2).loss_of(sequence)
    assert (unit.kind, unit.unit, unit.readout) == ("value", 2, None)
    squared = Study(loss="squared error", target="-1.5e0", everywhere=True).loss_of(sequence)
    assert (squared.kind, squared.targets, squared.everywhere) == ("squared error", ((-1.5,),), True)
    assert np.shape(squared.readout) == (1, 8)
    crossed = Study(text="abc", loss="cross-entropy", target="c").loss_of(sequence)
    assert crossed.targets == (2,)
    assert np.shape(crossed.readout) == (3, 8)
    noise = Study(source="noise", lag=5, loss="cross-entropy", target="3")
    assert noise.loss_of(noise.sequence()).targets == (3,)
    assert np.shape(noise.loss_of(noise.sequence()).readout) == (4, 8)
    alone = Study(text="aaaaaaa", lag=5, loss="cross-entropy")
    assert np.shape(alone.loss_of(alone.sequence()).readout) == (2, 8)  # one class would be no choice
    weights = [
        Study(loss="squared error", experiment=Experiment(hidden_size=64, seed=s)).loss_of(sequence).readout
        for s in range(30)
    ]
    assert np.std(weights) == pytest.approx(1 / np.sqrt(3 * 64), rel=0.1)
    assert np.abs(weights).max() <= 1 / 8
    assert len(set(weights)) == 30


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"lag": 4}, "The lag is a whole number from 5 to 3,000; got 4."),
        ({"lag": 3001}, "The lag is a whole number from 5 to 3,000; got 3001."),
        ({"lag": True}, "The lag is a whole number from 5 to 3,000; got True."),
        ({"source": "music"}, "The source is one of noise, text; got 'music'."),
        ({"loss": "hinge"}, "The loss is one of sum, unit, squared error, cross-entropy; got 'hinge'."),
        ({"lag": 5, "loss_timestep": 6}, "The loss reads a timestep from 0 to 5; got 6."),
        ({"loss_timestep": -1}, "The loss reads a timestep from 0 to 100; got -1."),
        ({"loss_unit": 8}, "The loss reads a unit from 0 to 7; got 8."),
    ],
)
def test_a_setting_out_of_its_range_is_refused_with_its_rule(settings, rule: str) -> None:
    with pytest.raises(ValueError, match="got") as refusal:
        Study(**settings)
    assert str(refusal.value) == rule


@pytest.mark.parametrize("target", ["a", "nan", "inf", "1e999", "1_0", "٣", " ", "1,5"])
def test_a_target_that_is_no_number_is_refused(target: str) -> None:
    study = Study(lag=5, loss="squared error", target=target)
    rule = r"^The target of a squared error is a number such as 0\.5, at most 1,000,000 in size; got '"
    with pytest.raises(ValueError, match=rule):
        curves(study)


@pytest.mark.parametrize(
    ("source", "target"), [("text", "z"), ("text", "th"), ("noise", "4"), ("noise", "a")]
)
def test_a_target_that_is_not_in_the_alphabet_is_refused(source: str, target: str) -> None:
    study = Study(source=source, lag=5, loss="cross-entropy", target=target)
    with pytest.raises(
        ValueError, match=rf"^The target is a symbol of the input, one of .*; got '{target}'\.$"
    ):
        curves(study)


def test_a_text_that_is_no_sequence_is_refused() -> None:
    with pytest.raises(EncodingError):
        curves(Study(text=""))


def test_a_network_that_overflows_is_refused_in_one_sentence() -> None:
    experiment = Experiment(recurrent_scale=1000.0)
    with pytest.raises(ValueError, match="stay finite; this one overflows float64 at step"):
        curves(Study(source="noise", lag=3000, experiment=experiment), ["elman-relu"], seeds=2)
