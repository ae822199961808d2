"""What the gradients page says of edits and interventions, and its links with them."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memviz.cells import CELLS
from memviz.edits import SetWeight, SwapUnits
from memviz.experiment import Experiment
from memviz.gradients import FOUR
from memviz.interventions import Ablate, Clamp, Reset, Scale
from memviz.web.gradients.address import CODEC, DEFAULT, GradientsState, linked
from memviz.web.gradients.what_ifs import said

ROWS = np.arange(12.0).reshape(4, 3)


def said_of(state: GradientsState) -> tuple[str, list[str]]:
    study = state.study
    sequence = study.sequence()
    return said(
        state, {name: study.what_ifs(name, sequence) for name in dict.fromkeys((*FOUR, state.network))}
    )


def test_one_line_says_what_acts_where_and_a_sentence_what_does_not() -> None:
    experiment = Experiment(
        forget_bias=3.0,
        edits=(SetWeight("bias_hh", 3, None, 1.0),),
        interventions=(
            Scale("hidden", 0.5),
            Clamp("forget", 1.0),
            Ablate("forget", steps=[101]),
            Ablate("update"),
        ),
    )
    line, left_out = said_of(GradientsState(experiment=experiment, network="elman"))
    assert line == (
        "What if, in “LSTM, torch's default” and “LSTM, forget bias 3.0”: bias_hh, row 3, set to 1; forget gate "
        "held at 1.00. And in every network: hidden state times 0.5. And in “GRU”: update gate cut to 0."
    )
    assert left_out == [
        "Left out: forget gate cut to 0, step 101. The steps of this run are 0 to 100; got 101."
    ]
    only = replace(experiment, edits=(), interventions=(Clamp("forget", 1.0),))
    line, left_out = said_of(GradientsState(experiment=only, network="elman"))
    assert line.endswith("The network looked at below, “Elman”, has none of them.")
    assert left_out == []
    nowhere = replace(experiment, edits=(), interventions=(Clamp("output_from_cell", 1.0),))
    line, left_out = said_of(GradientsState(experiment=nowhere))
    assert line == "None of the what-ifs acts here."
    assert left_out == ["Left out: output gate's peephole held at 1.00. LSTM has no signal output_from_cell."]
    assert said_of(GradientsState(experiment=nowhere, network="lstm-peephole"))[1] == []


@given(
    st.sampled_from(list(CELLS)),
    st.none() | st.floats(-5, 5),
    st.integers(1, 4000),
    st.text("abc", min_size=1),
)
def test_a_link_from_another_page_opens_its_network_with_its_what_ifs(cell, bias, time, text) -> None:
    experiment = Experiment(
        cell=cell,
        forget_bias=bias,
        seed=7,
        edits=(SwapUnits(0, 1),),
        interventions=(Ablate("hidden", [1]), Reset([3])),
    )
    state, problems = CODEC.read(linked(experiment, text, time))
    assert problems == []
    assert state.experiment == experiment
    assert state.study.experiment_of(state.network) == experiment
    assert state.text == text
    assert len(state.study.sequence()) == min(max(time, 6), 3001)


def test_an_address_without_what_ifs_has_none() -> None:
    assert DEFAULT.experiment == DEFAULT.experiment.plain
    assert not {"edits", "interventions"} & set(CODEC.to_query(DEFAULT))
