"""What a what-if does, in words: each number of the sentence is computed anew here, with torch."""

import numpy as np
import torch

from memviz import (
    Add,
    Clamp,
    Detach,
    Experiment,
    Scale,
    compare,
    encode,
    gradient_flow,
    record,
)
from memviz.edits import delete_token
from memviz.findings import MEETING, meeting_step, opposite, what_if_finding
from memviz.interventions import Intervention
from memviz.theme import number

SEQUENCE = encode("hello world")


def finding(*interventions: Intervention, cell: str = "lstm", tolerance: float | None = None) -> str:
    network = Experiment(cell=cell, seed=1, forget_bias=3.0).build(SEQUENCE)
    runs = [record(network, SEQUENCE), record(network, SEQUENCE, interventions=interventions)]
    flows = gradient_flow(network, runs[0]), gradient_flow(network, runs[1])
    meeting = None if tolerance is None else meeting_step(compare(*runs, tolerance=tolerance))
    return what_if_finding(compare(*runs, gradients=flows), meeting)


def shut_lstm() -> tuple[torch.Tensor, torch.Tensor]:
    """An LSTM written out whose forget gate is held at 0: its hidden states, and the gradient to the first input."""
    p = Experiment(seed=1, forget_bias=3.0).build(SEQUENCE).parameters
    x = torch.tensor(SEQUENCE.inputs, requires_grad=True)
    h = c = torch.zeros(8, dtype=torch.float64)
    hidden = []
    for row in x:
        i, _, g, o = (p["weight_ih"] @ row + p["bias_ih"] + p["weight_hh"] @ h + p["bias_hh"]).split(8)
        c = 0.0 * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        hidden.append(h)
    (gradient,) = torch.autograd.grad(h.sum(), x)
    return torch.stack(hidden).detach(), gradient[0]


def test_the_sentence_tells_the_first_step_the_output_and_the_gradient() -> None:
    said = finding(Clamp("forget", 0.0))
    module = Experiment(seed=1, forget_bias=3.0).build(SEQUENCE).to_torch()
    x = torch.tensor(SEQUENCE.inputs, requires_grad=True)
    before, _ = module(x)
    (gradient,) = torch.autograd.grad(before[-1].sum(), x)
    after, gradient_after = shut_lstm()
    assert torch.equal(before[0].detach().round(decimals=12), after[0].round(decimals=12))  # c_{-1} is 0
    change = float((after[-1] - before[-1].detach()).norm() / before[-1].detach().norm())
    norms = [number(float(norm), 2) for norm in (gradient[0].norm(), gradient_after.norm())]
    assert said == (
        f"From step 1 (“e”) the cell state changes, the last hidden state by {number(change * 100, 2)}%; the gradient "
        f"to the first input goes from {norms[0]} to {norms[1]}."
    )


def test_a_cut_gradient_changes_no_number_of_the_run() -> None:
    said = finding(Detach("cell"), Detach("hidden"))
    assert said.startswith("No number of the run changes; the gradient to the first input goes from ")
    assert said.endswith(" to exactly 0.")


def test_holding_a_signal_at_its_own_value_changes_nothing() -> None:
    assert "goes from" in finding(Clamp("input", 1.0, steps=[3]))
    said = finding(Scale("forget", 1.0))
    assert said.startswith("No number of the run changes; the gradient to the first input stays ")


def test_a_change_that_ends_before_the_end_of_the_run_is_told() -> None:
    # The last step's output gate is shut: c goes on, h becomes 0.
    said = finding(Clamp("output", 0.0, steps=[10]))
    assert said.startswith("From step 10 (“d”) the hidden state changes, the last hidden state by 100%")
    assert "to exactly 0." in said


def test_runs_that_meet_again_say_from_which_step_on() -> None:
    forgetting = [Clamp("forget", 0.0), Clamp("candidate_from_hidden", 0.0)]
    network = Experiment(seed=1).build(SEQUENCE)
    before = record(network, SEQUENCE, interventions=forgetting)
    after = record(network, SEQUENCE, interventions=[*forgetting, Add("candidate_pre", 0.5, steps=[2])])
    met = meeting_step(compare(before, after, tolerance=MEETING))
    differences = np.max([np.abs(after[name] - before[name]).max(axis=1) for name in before.names], axis=0)
    assert met is not None
    assert (differences[met:] <= MEETING).all()
    assert differences[met - 1] > MEETING
    assert f"From step {met} on the runs are within 0.001 again." in what_if_finding(
        compare(before, after), met
    )


def test_a_token_that_is_taken_from_the_end_leaves_all_common_steps_alone() -> None:
    network = Experiment(seed=1).build(SEQUENCE)
    edited = delete_token(SEQUENCE, 10)
    before, after = record(network, SEQUENCE), record(network, edited.sequence)
    said = what_if_finding(compare(before, after, edited.alignment))
    change = np.linalg.norm(before["hidden"][10] - before["hidden"][9]) / np.linalg.norm(before["hidden"][10])
    percent = number(float(change) * 100, 2)
    assert said == f"No number of the run changes that both runs have, the last hidden state by {percent}%."


def test_a_gate_is_first_held_where_it_is_not() -> None:
    trace = record(Experiment(seed=1, forget_bias=3.0).build(SEQUENCE), SEQUENCE)
    assert opposite(trace, "forget") == 0.0
    shut = record(Experiment(seed=1, forget_bias=-3.0).build(SEQUENCE), SEQUENCE)
    assert opposite(shut, "forget") == 1.0
