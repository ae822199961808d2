"""The study under edits and interventions, against autograd of the changed transcription of each changed network."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from memviz.cells import CELLS
from memviz.edits import SetWeight, SwapUnits, ZeroBlock
from memviz.experiment import Experiment
from memviz.gradients import FOUR, NETWORKS, Study, curves, fitting, opened
from memviz.interventions import Ablate, Add, Clamp, Detach, Freeze, Patch, Reset, Scale
from tests import changed, oracles

HIDDEN, LAG = 3, 12
EDITS = (
    SetWeight("weight_hh", 4, 1, 0.75),
    ZeroBlock("bias_ih", "forget"),
    SetWeight("weight_ih", 2, 0, -1.5),
)
WHAT_IFS = (
    Clamp("forget", 0.9, [0], range(3, 6)),
    Scale("output_pre", 0.5, [1]),
    Add("candidate", 0.1, steps=[2, 8]),
    Freeze("hidden", 4, [2], [7, 9]),
    Detach("hidden", [1], [10]),
    Scale("reset_from_hidden", 1.5),
    Clamp("update", 0.8, None, [6]),
    Reset([1]),
)


def study_of(edits=EDITS, interventions=WHAT_IFS, cell: str = "lstm", **settings) -> Study:
    experiment = Experiment(
        cell=cell, hidden_size=HIDDEN, forget_bias=2.0, seed=5, edits=edits, interventions=interventions
    )
    return Study(text="abcab", lag=LAG, experiment=experiment, **settings)


def edited(p: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """EDITS, by hand: row 4 of an LSTM is the forget gate's second, its forget biases are rows 3 to 5."""
    p["weight_hh"][4, 1] = 0.75
    p["bias_ih"][3:6] = 0.0
    p["weight_ih"][2, 0] = -1.5
    return p


def by_autograd(
    study: Study, network: str, seed: int, has_edits: bool, interventions
) -> dict[str, np.ndarray]:
    """log10 |dL/dh_t| and |dL/dm_t| of the sum of the last h: retain_grad in a plain loop."""
    settings = replace(study.experiment_of(network).plain, seed=seed)
    drawn = settings.build(study.sequence()).parameters
    p = {name: value.numpy().copy() for name, value in drawn.items()}
    p = oracles.as_torch(edited(p) if has_edits else p)
    for value in p.values():
        value.requires_grad_()
    cell, kept = settings.cell, {}

    def keep(t: int, signal: str, value: torch.Tensor) -> torch.Tensor:
        if signal in ("hidden", "cell"):
            value.retain_grad() if value.requires_grad else value.requires_grad_()
            kept[t, signal] = value
        return value

    before = {part: torch.zeros(len(names) * HIDDEN).double() for part, names in CELLS[cell].state}
    xs = torch.tensor(study.sequence().inputs)
    steps = changed.run(cell, p, xs, before, interventions, oracles.TORCH, keep)
    steps[-1]["hidden"].sum().backward()
    memory = "cell" if (0, "cell") in kept else "hidden"
    with np.errstate(divide="ignore"):
        return {
            name: np.log10(
                [0.0 if v.grad is None else v.grad.norm() for v in (kept[t, s] for t in range(LAG + 1))]
            )
            for name, s in (("hidden", "hidden"), ("memory", memory))
        }


def acting(network: str) -> list:
    """Those of WHAT_IFS whose signal the oracle's step has."""
    cell = "lstm" if network == "lstm-biased" else network
    p = oracles.parameters(cell, 1, 1, 0)
    _, signals = oracles.step(cell, p, np.zeros(1), oracles.state(cell, 1, None), lambda name, value: value)
    return [each for each in WHAT_IFS if isinstance(each, Reset) or each.signal in signals]


@pytest.mark.parametrize("network", NETWORKS)
def test_each_seed_of_a_changed_study_has_the_gradient_of_its_changed_transcription(network: str) -> None:
    study = study_of()
    (curve,) = curves(study, [network], seeds=3)
    has_edits = network in ("lstm", "lstm-biased")
    for row in range(3):
        expected = by_autograd(study, network, 5 + row, has_edits, acting(network))
        np.testing.assert_allclose(curve.hidden[row], expected["hidden"], rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(curve.memory[row], expected["memory"], rtol=1e-8, atol=1e-8)
    flow = opened(study, network)
    expected = by_autograd(study, network, 5, has_edits, acting(network))
    np.testing.assert_allclose(flow.log10_norms("hidden"), expected["hidden"], rtol=1e-8, atol=1e-8)
    assert list(flow.interventions) == acting(network)


def test_all_networks_at_once_are_each_network_alone() -> None:
    study = study_of()
    for together, name in zip(curves(study, NETWORKS, seeds=2), NETWORKS, strict=True):
        (alone,) = curves(study, [name], seeds=2)
        np.testing.assert_allclose(together.hidden, alone.hidden, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(together.memory, alone.memory, rtol=1e-10, atol=1e-10)


def test_edits_act_in_the_cell_that_they_are_of_and_in_no_other() -> None:
    study = study_of(interventions=())
    plain = study_of(edits=(), interventions=())
    for name in FOUR:
        (changed_curve,), (curve,) = curves(study, [name]), curves(plain, [name])
        assert np.array_equal(changed_curve.hidden, curve.hidden) == (not name.startswith("lstm"))
        left_out = study.what_ifs(name, study.sequence()).left_out
        assert [edit for edit, _ in left_out] == ([] if name.startswith("lstm") else list(EDITS))
    assert study.what_ifs("gru", study.sequence()).left_out[0][1] == "The edit is of another cell: LSTM."
    of_a_gru = study_of((SwapUnits(0, 2),), (), cell="gru")
    assert of_a_gru.what_ifs("gru", study.sequence()).edits == (SwapUnits(0, 2),)
    assert of_a_gru.what_ifs("lstm", study.sequence()).edits == ()


def test_what_does_not_fit_is_left_out_with_its_sentence_and_the_rest_acts() -> None:
    what_ifs = (
        Clamp("forget", 1.0, [3]),
        Clamp("forget", 1.0, steps=[13]),
        Clamp("forget", 0.5),
        Ablate("forget", [0]),
        Freeze("hidden", 12),
        Ablate("update"),
        Scale("forget", 2.0),
    )
    edits = (SetWeight("weight_ih", 0, 3, 1.0), SetWeight("bias_hh", 0, None, 1.0))
    study = study_of(edits, what_ifs)
    fits = study.what_ifs("lstm", study.sequence())
    assert fits.edits == edits[1:]
    assert fits.interventions == (what_ifs[2], what_ifs[6])
    assert dict(fits.left_out) == {
        edits[0]: "weight_ih is (12, 3), a place in it is a row and column from 0; got (0, 3).",
        what_ifs[0]: "The units of this run are 0 to 2; got 3.",
        what_ifs[1]: "The steps of this run are 0 to 12; got 13.",
        what_ifs[3]: "A clamp, ablation, freeze or patch may not overlap with another on the same signal; "
        "got two for forget at step 0, unit 0.",
        what_ifs[4]: "A freeze holds a value of an earlier step; after step 12, the last, is none.",
        what_ifs[5]: "LSTM has no signal update.",
    }
    same = study_of(edits[1:], (what_ifs[2], what_ifs[6]))
    without_update = ("elman", "lstm", "lstm-biased")
    for found, expected in zip(curves(study, without_update), curves(same, without_update), strict=True):
        assert np.array_equal(found.hidden, expected.hidden)


def test_a_later_edit_is_tried_on_what_the_earlier_ones_left() -> None:
    network = Experiment(hidden_size=2).build(2)
    fits = fitting(network, 3, [SwapUnits(0, 1), SwapUnits(1, 2)], [])
    assert fits.edits == (SwapUnits(0, 1),)
    assert fits.left_out == ((SwapUnits(1, 2), "The units are 0 to 1; got 2."),)


def test_a_patch_acts_in_the_network_of_one_seed_and_is_refused_for_several() -> None:
    rows = np.random.default_rng(0).standard_normal((LAG + 1, HIDDEN))
    study = study_of((), (Patch("cell", rows, [1], [4]),))
    (curve,) = curves(study, ["lstm"])
    expected = by_autograd(study, "lstm", 5, False, study.experiment.interventions)
    np.testing.assert_allclose(curve.memory[0], expected["memory"], rtol=1e-9, atol=1e-9)
    with pytest.raises(
        ValueError, match=r"A patch puts in the values of one run, .* one seed; got 2 seeds\."
    ):
        curves(study, ["lstm"], seeds=2)
    curves(study, ["elman"], seeds=2)  # which has no cell state


def test_closed_gates_that_are_opened_by_hand_carry_everything() -> None:
    # With f = 1 and nothing else of the state seen by the gates, dc_T/dc_0 is 1 at any lag.
    cut = [Detach(f"{gate}_from_hidden") for gate in ("input", "forget", "candidate", "output")]
    experiment = Experiment(hidden_size=2, interventions=(Clamp("forget", 1.0), *cut))
    flow = opened(Study(text="ab", lag=2000, experiment=experiment), "lstm")
    logs = flow.log10_norms("cell")
    np.testing.assert_allclose(logs, logs[-1], atol=1e-12)
