"""The gradients page's address: what is written is read back, and what is broken is said and takes its default."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.experiment import Experiment
from memviz.gradients import LOSSES, NETWORKS, SOURCES
from memviz.models import NAMES
from memviz.web.gradients.address import CODEC, DEFAULT, GradientsState
from memviz.web.gradients.presets import PRESETS
from memviz.web.gradients.words import described, label_of, loss_in_words

STATES = st.fixed_dictionaries(
    {
        "source": st.sampled_from(SOURCES),
        "text": st.text(max_size=200),
        "lag": st.integers(5, 3000),
        "loss": st.sampled_from(LOSSES),
        "loss_unit": st.integers(0, 63),
        "loss_timestep": st.none() | st.integers(0, 3000),
        "everywhere": st.booleans(),
        "target": st.text(max_size=40),
        "network": st.sampled_from(NETWORKS),
        "spread": st.booleans(),
        "detached": st.booleans(),
        "timestep": st.integers(0, 3000),
        "unit": st.integers(0, 63),
        "rate": st.floats(-10, 10),
    }
)
MODELS = st.sampled_from(["", *NAMES])


@given(STATES, st.none() | st.floats(-100, 100), st.integers(1, 64), MODELS)
def test_a_written_state_is_read_back_exactly(
    view: dict[str, Any], bias: float | None, units: int, model: str
) -> None:
    state = GradientsState(**view, model=model, experiment=Experiment(hidden_size=units, input_bias=bias))
    assert CODEC.read(CODEC.to_query(state)) == (state, [])


@given(STATES)
def test_every_state_has_a_study_and_says_which_choices_are_not_there(view: dict[str, Any]) -> None:
    state = GradientsState(**view)
    study = state.study
    assert study.loss_unit <= 7
    assert study.loss_timestep is None or study.loss_timestep < state.lag
    notes = state.notes()
    assert any("unit" in note for note in notes) == (state.loss == "unit" and state.loss_unit > 7)
    late = state.loss_timestep is not None and state.loss_timestep > state.lag and not state.everywhere
    assert any("timestep" in note for note in notes) == late


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.label)
def test_a_preset_survives_its_link_and_says_its_set_up(preset: Any) -> None:
    assert CODEC.read(CODEC.to_query(preset.state)) == (preset.state, [])
    said = described(preset.state)
    experiment = preset.state.experiment
    assert f"H = {experiment.hidden_size}, T = {preset.state.lag + 1}" in said
    assert "noise" in said
    for bias in (experiment.forget_bias, experiment.update_bias, experiment.input_bias):
        assert bias is None or f"bias {bias:.3g}"[:8].replace("-", "\N{MINUS SIGN}") in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "the sum of h at step 100"),
        ({"loss": "unit", "loss_unit": 3, "loss_timestep": 50}, "h of unit 3 at step 50"),
        ({"loss": "squared error", "target": "0.5"}, "a random read-out to 0.5"),
        ({"loss": "cross-entropy", "everywhere": True}, "its mean over all steps"),
    ],
)
def test_the_loss_is_said_in_words(changes: dict[str, Any], said: str) -> None:
    assert said in loss_in_words(replace(DEFAULT, **changes))


@pytest.mark.parametrize("lag", ["0", "4", "3001", "1000000", "-5", "", "5.0", "٥٠"])
def test_a_lag_that_is_not_there_says_its_rule(lag: str) -> None:
    state, problems = CODEC.read({"lag": lag})
    assert state == DEFAULT
    assert len(problems) == 1
    assert problems[0].startswith("The lag is a whole number from 5 to 3,000; got")


def test_a_network_is_called_torchs_default_only_where_it_is() -> None:
    assert label_of("lstm", DEFAULT) == "LSTM, torch's default"
    for settings in ({"recurrent_scale": 2.0}, {"initialisation": "normal"}, {"initialisation": "chrono"}):
        assert "torch" not in label_of("lstm", replace(DEFAULT, experiment=Experiment(**settings)))
    assert label_of("lstm-biased", DEFAULT) == "LSTM, forget bias 3.0"
