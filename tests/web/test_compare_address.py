"""The compare page's address: what is written is read back, and a broken side is said and left out."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.cells import CELLS
from memviz.edits import SwapUnits
from memviz.encoding import KINDS, encode
from memviz.experiment import Experiment
from memviz.gradients import Loss
from memviz.initialisation import INITIALISATIONS
from memviz.interventions import Ablate, Clamp, Detach, Patch, Reset
from memviz.web.address import MOST_ADDRESS_BYTES
from memviz.web.compare.address import CODEC, DEFAULT, CompareState
from memviz.web.compare.controls import in_gates
from memviz.web.compare.links import with_and_without
from memviz.web.compare.presets import PRESETS, preset_of
from memviz.web.compare.sides import MOST_SIDE_TEXT, SETTINGS, Side, heeds, read_side
from memviz.web.compare.words import described, label_of, sequence_in_words
from memviz.web.gates.address import CODEC as GATES_CODEC
from memviz.web.gates.address import GatesState
from tests.strategies import edits, interventions, made

BIASES = st.none() | st.floats(-100, 100)
VALUES: dict[str, Any] = {
    "initialisation": st.sampled_from(INITIALISATIONS),
    "chrono_steps": st.integers(3, 100_000),
    "forget_bias": BIASES,
    "update_bias": BIASES,
    "input_bias": BIASES,
    "recurrent_scale": st.floats(0, 1000),
    "edits": st.lists(edits, max_size=2),
    "interventions": st.lists(interventions, max_size=2),
}
SETTING = st.sampled_from(SETTINGS).flatmap(lambda name: st.tuples(st.just(name), VALUES[name]))
SIDES = st.tuples(
    st.sampled_from(sorted(CELLS)), st.lists(SETTING, max_size=4, unique_by=lambda pair: pair[0])
)
VIEWS = st.fixed_dictionaries(
    {
        "text": st.text(max_size=200),
        "kind": st.sampled_from(KINDS),
        "standardise": st.booleans(),
        "timestep": st.integers(0, 2999),
        "unit": st.integers(0, 63),
        "loss_timestep": st.none() | st.integers(0, 2999),
        "loss_unit": st.none() | st.integers(0, 63),
        "model": st.sampled_from(["", "latch-100", "characters-gru"]),
    }
)


def side_of(cell: str, settings: list[tuple[str, Any]]) -> Side:
    """The side of what was drawn, without its settings where they are too long for an address."""
    what_ifs = ("edits", "interventions")
    values = tuple((name, made(value) if name in what_ifs else value) for name, value in settings)
    try:
        return Side(cell, values)
    except ValueError as error:
        if "characters in a link" not in str(error):
            raise
        return Side(cell)


def test_what_a_side_can_set_is_what_this_test_draws() -> None:
    assert set(VALUES) == set(SETTINGS)


@given(SIDES)
def test_a_written_side_is_read_back_exactly(drawn: Any) -> None:
    side = side_of(*drawn)
    assert read_side(str(side)) == side
    assert "," not in str(side)
    assert len(str(side)) <= MOST_SIDE_TEXT


@given(VIEWS, st.lists(SIDES, min_size=1, max_size=6), st.integers(1, 64), BIASES)
def test_a_written_state_is_read_back_exactly(
    view: dict[str, Any], drawn: list[Any], units: int, bias: float | None
) -> None:
    experiment = Experiment(hidden_size=units, seed=2**32 - units, forget_bias=bias)
    sides = tuple(side_of(*each) for each in drawn)
    state = CompareState(**view, experiment=experiment, sides=sides)
    assert CODEC.read(CODEC.to_query(state)) == (state, [])


def test_six_of_the_longest_sides_fit_into_an_address() -> None:
    held = (Clamp("forget", 1.0, steps=range(0, 96, 2)), Ablate("output", units=[1]))
    settings = {"forget_bias": -1.2345678901234567, "interventions": held}
    side = Side("lstm-peephole", tuple(settings.items()))
    assert len(str(side)) > 0.9 * MOST_SIDE_TEXT
    query = CODEC.to_query(replace(DEFAULT, sides=(side,) * 6))
    assert len(urlencode(query)) <= MOST_ADDRESS_BYTES


def test_a_side_too_long_for_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match=r"takes at most 240 characters in a link; got \d+\."):
        Side("lstm", (("interventions", (Clamp("forget", 1.0, steps=range(0, 400, 2)),)),))
    with pytest.raises(ValueError, match="takes at most 240 characters in a link; got more"):
        read_side("lstm;" + "x" * 100_000)


def test_a_side_holds_no_patch() -> None:
    patch = Patch("cell", encode("ab").inputs)
    with pytest.raises(ValueError, match="no patches"):
        Side("lstm", (("interventions", (patch,)),))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("transformer", "The cell is one of elman"),
        ("lstm;forget_bias:1000", "The forget bias is a number from -100 to 100"),
        ("lstm;forget_bias:nan", "The forget bias is a number from -100 to 100"),
        ("lstm;forget_bias", "A side is written as in lstm;forget_bias:3"),
        ("lstm;colour:red", "A side is written as in lstm;forget_bias:3"),
        ("lstm;seed:3", "A side is written as in lstm;forget_bias:3"),
        ("lstm;forget_bias:1;forget_bias:2", "A side sets each thing once"),
        ("lstm;interventions:clamp~forget", "An intervention is written as in"),
        ("", "The cell is one of elman"),
        ("<script>", "The cell is one of elman"),
    ],
)
def test_a_broken_side_is_said_and_left_out_and_the_others_stay(written: str, said: str) -> None:
    state, problems = CODEC.read({"sides": f"gru,{written},lstm;forget_bias:1"})
    assert state.sides == (Side("gru"), Side("lstm", (("forget_bias", 1.0),)))
    assert len(problems) == 1
    assert problems[0].startswith("Side B of the link is left out. ")
    assert said in problems[0]
    assert len(problems[0]) < 400


def test_of_more_than_six_sides_the_first_six_stay() -> None:
    state, problems = CODEC.read({"sides": ",".join(["gru"] * 9)})
    assert state.sides == (Side("gru"),) * 6
    assert problems == ["Up to 6 sides are compared; the link has more, which are left out."]
    with pytest.raises(ValueError, match=r"From 1 to 6 sides are compared; got 7\."):
        replace(DEFAULT, sides=(Side(),) * 7)
    with pytest.raises(ValueError, match=r"From 1 to 6 sides are compared; got 0\."):
        replace(DEFAULT, sides=())


def test_a_link_in_which_every_side_is_broken_shows_the_default_ones() -> None:
    state, problems = CODEC.read({"sides": "x,y"})
    assert state == DEFAULT
    assert len(problems) == 2


def test_a_cell_for_all_sides_is_said_not_to_be_known_here() -> None:
    state, problems = CODEC.read({"cell": "gru"})
    assert state == DEFAULT
    assert problems == ["On this page each side names its own cell; got 'gru' for all of them."]
    assert replace(DEFAULT, experiment=Experiment("gru", seed=1)) == DEFAULT


def test_a_side_overrules_what_all_share_and_nothing_else() -> None:
    base = Experiment(hidden_size=5, seed=7, forget_bias=3.0, input_bias=1.0)
    side = Side("lstm-peephole", (("forget_bias", None), ("recurrent_scale", 2.0)))
    assert side.experiment(base) == Experiment(
        "lstm-peephole", hidden_size=5, seed=7, input_bias=1.0, recurrent_scale=2.0
    )
    assert side.with_setting("forget_bias", 1.0).without("recurrent_scale") == Side(
        "lstm-peephole", (("forget_bias", 1.0),)
    )


@pytest.mark.parametrize("name", sorted(CELLS))
def test_a_bias_is_heeded_exactly_where_it_changes_a_number(name: str) -> None:
    plain = Experiment(name, hidden_size=2).build(3).parameters
    for setting in ("forget_bias", "update_bias", "input_bias"):
        changed = Experiment(name, hidden_size=2, **{setting: 2.5}).build(3).parameters
        differs = any(not plain[part].equal(changed[part]) for part in plain)
        assert differs == heeds(CELLS[name], setting)


@pytest.mark.parametrize(
    ("side", "label"),
    [
        (Side("elman"), "Elman"),
        (Side("elman", (("forget_bias", 3.0),)), "Elman"),  # which it does not heed
        (Side("lstm", (("forget_bias", 3.0),)), "LSTM, forget bias 3"),
        (Side("lstm", (("forget_bias", -0.5),)), "LSTM, forget bias −0.5"),
        (Side("lstm", (("forget_bias", None),)), "LSTM, forget bias as drawn"),
        (Side("lstm", (("initialisation", "chrono"),)), "LSTM, chrono biases"),
        (Side("gru", (("recurrent_scale", 10.0),)), "GRU, weights from h times 10"),
        (
            Side("gru", (("interventions", (Clamp("candidate", 0.25, [1], [2, 3]),)),)),
            "GRU, candidate n held at 0.250, unit 1, steps 2 and 3",
        ),
        (
            Side("lstm", (("interventions", (Ablate("forget"), Detach("cell"), Reset([3]))),)),
            "LSTM, forget gate f cut to 0; cell state c: no gradient passes; s…",
        ),
    ],
)
def test_a_label_says_what_is_set_for_the_side(side: Side, label: str) -> None:
    assert label_of(side) == label


def test_what_all_sides_share_is_said() -> None:
    state = replace(DEFAULT, experiment=Experiment(hidden_size=1, seed=4, forget_bias=2.0))
    said = described(state, Loss(unit=0), 19)
    assert "1 unit, seed 4" in said
    assert "forget bias 2." in said
    assert "h of unit 0 at step 19" in said


def test_a_sequence_is_quoted_with_its_spaces_and_cut_where_it_is_long() -> None:
    assert sequence_in_words(encode("hello world")) == "“hello world”"
    assert sequence_in_words(encode("a b", "words")) == "“a b”"
    assert sequence_in_words(encode("1 2 3", "numbers")) == "the sequence"
    assert sequence_in_words(encode("x" * 50)) == f"“{'x' * 27}…”"


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.label)
def test_a_preset_survives_its_link_and_is_known_again(preset: Any) -> None:
    assert CODEC.read(CODEC.to_query(preset.state)) == (preset.state, [])
    assert preset_of(preset.state) is preset
    elsewhere = replace(preset.state, text="abc", timestep=2, experiment=Experiment(seed=9))
    assert preset_of(elsewhere) is preset
    clamped = Experiment(interventions=(Clamp("hidden", 0.0),))
    assert preset_of(replace(preset.state, experiment=clamped)) is None


def test_the_ablations_of_the_paper_are_all_there() -> None:
    shown = {side.cell for preset in PRESETS[:2] for side in preset.state.sides}
    paper = {"lstm-peephole", "lstm-nig", "lstm-nfg", "lstm-nog", "lstm-niaf", "lstm-noaf"}
    assert shown == paper | {"lstm-coupled", "lstm", "lstm-fgr"}  # CIFG, NP and FGR


def test_a_side_opens_in_gates_with_its_exact_settings() -> None:
    state = replace(DEFAULT, timestep=3, unit=2, experiment=Experiment(hidden_size=4, seed=5))
    side = Side("lstm", (("interventions", (Clamp("forget", 1.0),)), ("forget_bias", 2.0)))
    opened, problems = GATES_CODEC.read(GATES_CODEC.to_query(in_gates(state, side)))
    assert problems == []
    assert opened.experiment == side.experiment(state.experiment)
    assert (opened.text, opened.kind, opened.timestep, opened.unit) == (state.text, "text", 3, 2)


def test_a_network_of_the_gates_page_opens_beside_itself_without_what_was_changed() -> None:
    held = Experiment("gru", 4, 5, edits=(SwapUnits(0, 1),), interventions=(Clamp("update", 1.0),))
    state, problems = CODEC.read(
        with_and_without(GatesState(text="abc", experiment=held, timestep=1, unit=2))
    )
    assert problems == []
    assert [state.experiment_of(side) for side in state.sides] == [held.plain, held]
    assert (state.text, state.timestep, state.unit) == ("abc", 1, 2)
    with pytest.raises(ValueError, match="the same twice"):
        with_and_without(GatesState(experiment=held.plain))
