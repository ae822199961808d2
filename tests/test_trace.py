"""A trace: every signal at every step as the equations give it, read-only, and to a file and back."""

import copy
import gc
import html
import io
import json
import math
import pickle
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import config

from memviz.cells import CELLS
from memviz.encoding import encode
from memviz.network import Network
from memviz.trace import Trace, record
from tests import oracles

FEATURES, HIDDEN, TIME = 3, 4, 6
every_cell = pytest.mark.parametrize("name", oracles.NAMES)
ODD_TOKENS = ("🧑‍🚀", "\n", "<b>&amp;\"'", "שלום", "\u202e", "", "é", "\x00", "é", "'quote'", "\\", "x" * 500)


def network_of(name: str, seed: int = 0) -> Network:
    return Network(CELLS[name], oracles.as_torch(oracles.parameters(name, FEATURES, HIDDEN, seed)))


def trace_of(name: str = "lstm", seed: int = 0, time: int = TIME) -> Trace:
    return record(network_of(name, seed), oracles.inputs(FEATURES, time, seed))


def relabelled(trace: Trace, tokens: tuple[str, ...]) -> Trace:
    return Trace(trace.cell, tokens, trace.inputs, trace.signals, trace.initial)


def state_of(name: str, seed: int):
    values = oracles.state(name, HIDDEN, seed)
    return CELLS[name].state_type(*(torch.tensor(value) for value in values.values()))


@pytest.fixture
def unchecked():
    """What a user of the library meets, who has no annotations checked at every call."""
    before = config.jaxtyping_disable
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", before)


# --- what is recorded ------------------------------------------------------------------------------------


@every_cell
@pytest.mark.parametrize("seed", [None, 5])
def test_row_t_of_every_signal_is_its_value_after_step_t(name: str, seed: int | None) -> None:
    xs = oracles.inputs(FEATURES, TIME, 1)
    state = None if seed is None else state_of(name, seed)
    trace = record(network_of(name, 1), xs, state)
    start = oracles.state(name, HIDDEN, seed)
    expected = oracles.run(name, oracles.parameters(name, FEATURES, HIDDEN, 1), xs, start)
    assert trace.names == tuple(expected[0])
    for signal in trace.names:
        np.testing.assert_allclose(
            trace[signal], [step[signal] for step in expected], rtol=1e-12, atol=1e-12, err_msg=signal
        )
    assert set(trace.initial) == set(start)
    for part, value in start.items():
        assert np.array_equal(trace.initial[part], value)


@every_cell
def test_shapes_and_types_are_those_of_the_design(name: str) -> None:
    trace = trace_of(name)
    assert (len(trace), trace.units, trace.cell) == (TIME, HIDDEN, CELLS[name])
    assert trace.inputs.shape == (TIME, FEATURES)
    for array in trace.signals.values():
        assert array.shape == (TIME, HIDDEN)
        assert array.dtype == np.float64
    for part, width in oracles.ORACLES[name].state:
        assert trace.initial[part].shape == (width * HIDDEN,)
        assert trace.initial[part].dtype == np.float64


@every_cell
def test_the_state_before_a_step_is_the_state_after_the_step_before(name: str) -> None:
    xs = oracles.inputs(FEATURES, TIME, 2)
    trace = record(network_of(name, 2), xs, state_of(name, 2))
    p, state = oracles.parameters(name, FEATURES, HIDDEN, 2), oracles.state(name, HIDDEN, 2)
    expected = []
    for x in xs:
        expected.append(np.concatenate(list(state.values())))
        state, _ = oracles.step(name, p, x, state)
    np.testing.assert_allclose(trace.state_before(), expected, rtol=1e-12, atol=1e-12)


def test_everything_in_a_trace_is_read_only() -> None:
    trace = trace_of()
    for array in (trace["forget"], trace.inputs, trace.initial["cell"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
    with pytest.raises(TypeError):
        trace.signals["forget"] = np.zeros((TIME, HIDDEN))
    with pytest.raises(AttributeError):
        trace.tokens = ()


def test_a_trace_keeps_a_copy_of_its_inputs_and_of_its_state() -> None:
    xs = oracles.inputs(FEATURES, TIME, 3)
    state = state_of("lstm", 3)
    trace = record(network_of("lstm"), xs, state)
    copies = xs.copy(), state.cell.numpy().copy()
    xs[:] = 0
    state.cell.zero_()
    assert np.array_equal(trace.inputs, copies[0])
    assert np.array_equal(trace.initial["cell"], copies[1])
    assert copies[0].any()


@pytest.mark.parametrize(
    "convert",
    [
        np.asarray,
        torch.tensor,
        lambda xs: torch.tensor(xs).requires_grad_(),
        lambda xs: torch.tensor(xs.T.copy()).T,  # not contiguous
        lambda xs: xs[:, ::-1][:, ::-1],  # negative strides
        np.asfortranarray,
    ],
)
def test_inputs_may_come_as_any_array_or_tensor(convert) -> None:
    xs = oracles.inputs(FEATURES, TIME, 0)
    assert np.array_equal(record(network_of("lstm"), convert(xs))["hidden"], trace_of()["hidden"])


def test_inputs_in_float32_and_whole_numbers_are_taken_as_float64() -> None:
    whole = np.arange(TIME * FEATURES).reshape(TIME, FEATURES) % 5
    expected = record(network_of("lstm"), whole.astype(np.float64))["cell"]
    for xs in (whole, torch.tensor(whole), whole.astype(np.float32)):
        trace = record(network_of("lstm"), xs)
        assert trace.inputs.dtype == np.float64
        assert np.array_equal(trace["cell"], expected)


def test_the_tokens_are_those_of_the_sequence_or_the_timesteps() -> None:
    sequence = encode("ab a")
    network = Network(CELLS["gru"], oracles.as_torch(oracles.parameters("gru", 3, HIDDEN, 0)))
    trace = record(network, sequence)
    assert trace.tokens == sequence.tokens
    assert np.array_equal(trace.inputs, sequence.inputs)
    assert trace_of(time=3).tokens == ("0", "1", "2")


def test_recording_needs_no_gradient_and_draws_no_number() -> None:
    before = torch.get_rng_state()
    network = network_of("lstm-fgr")
    record(network, oracles.inputs(FEATURES, TIME, 0))
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(value.requires_grad for value in network.parameters.values())


def test_a_given_state_that_requires_a_gradient_is_taken_as_numbers() -> None:
    state = CELLS["gru"].state_type(state_of("gru", 4).hidden.requires_grad_())
    trace = record(network_of("gru"), oracles.inputs(FEATURES, 2, 0), state)
    assert np.array_equal(trace.initial["hidden"], oracles.state("gru", HIDDEN, 4)["hidden"])


def test_running_on_from_the_last_state_continues_the_trace() -> None:
    xs = oracles.inputs(FEATURES, 8, 6)
    network = network_of("lstm", 6)
    whole, first = record(network, xs), record(network, xs[:5])
    last = CELLS["lstm"].state_type(torch.tensor(first["hidden"][-1]), torch.tensor(first["cell"][-1]))
    second = record(network, xs[5:], last)
    for signal in whole.names:
        assert np.array_equal(whole[signal], np.concatenate([first[signal], second[signal]]))


def test_an_unknown_signal_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(KeyError, match=r'has the signals reset_from_input, .*hidden; got \\?"forget\\?"'):
        trace_of("gru")["forget"]


# --- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [(0, FEATURES), (4, FEATURES + 1), (4, 0), (FEATURES,), (1, 4, FEATURES), ()]
)
def test_inputs_of_another_shape_are_refused_with_both_shapes(shape: tuple[int, ...], unchecked) -> None:
    with pytest.raises(
        ValueError, match=r"^The inputs are \(time, 3\) with at least one timestep; got "
    ) as no:
        record(network_of("lstm"), np.zeros(shape))
    assert str(shape) in str(no.value)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_inputs_that_are_not_finite_are_refused(bad: float) -> None:
    xs = oracles.inputs(FEATURES, TIME, 0)
    xs[3, 1] = bad
    with pytest.raises(ValueError, match=r"^The inputs are finite numbers; got NaN or infinity\.$"):
        record(network_of("lstm"), xs)


@pytest.mark.parametrize("shapes", [[4], [4, 3], [4, 4, 4], [3, 4], []])
def test_a_state_of_other_widths_is_refused_with_the_parts_there_are(shapes: list[int], unchecked) -> None:
    state = tuple(torch.zeros(width) for width in shapes)
    with pytest.raises(ValueError, match=r"hidden, cell of the widths \[4, 4\]; got \["):
        record(network_of("lstm"), oracles.inputs(FEATURES, 2, 0), state)


def test_the_state_of_full_gate_recurrence_holds_the_gates_too() -> None:
    state = tuple(torch.zeros(4) for _ in range(3))
    with pytest.raises(ValueError, match=r"hidden, cell, gates of the widths \[4, 4, 12\]"):
        record(network_of("lstm-fgr"), oracles.inputs(FEATURES, 2, 0), state)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_state_that_is_not_finite_is_refused(bad: float) -> None:
    state = state_of("lstm", 0)
    state.cell[1] = bad
    with pytest.raises(ValueError, match="finite"):
        record(network_of("lstm"), oracles.inputs(FEATURES, 2, 0), state)


# --- as a table ------------------------------------------------------------------------------------------


def test_the_table_has_a_row_for_each_value_and_says_which_one_it_is() -> None:
    trace = relabelled(trace_of("gru", time=3), ("a", "b", "a"))
    frame = trace.to_frame()
    assert list(frame.columns) == ["timestep", "token", "signal", "unit", "value"]
    expected = [
        (t, "aba"[t], signal, unit, trace[signal][t, unit])
        for signal in trace.names
        for t in range(3)
        for unit in range(HIDDEN)
    ]
    assert list(frame.itertuples(index=False, name=None)) == expected


def test_the_table_holds_the_chosen_signals_in_the_chosen_order() -> None:
    trace = trace_of("lstm", time=2)
    frame = trace.to_frame(names=["hidden", "forget"])
    assert frame["signal"].tolist() == ["hidden"] * 8 + ["forget"] * 8
    row = frame[(frame.signal == "forget") & (frame.timestep == 1) & (frame.unit == 2)]
    assert row["value"].tolist() == [trace["forget"][1, 2]]
    with pytest.raises(KeyError, match="reset"):
        trace.to_frame(names=["reset"])


# --- to a file and back ----------------------------------------------------------------------------------


def same(one: Trace, other: Trace) -> bool:
    return (
        one.cell is other.cell
        and one.tokens == other.tokens
        and one.names == other.names
        and np.array_equal(one.inputs, other.inputs)
        and all(np.array_equal(one[name], other[name]) for name in one.names)
        and list(one.initial) == list(other.initial)
        and all(np.array_equal(one.initial[part], other.initial[part]) for part in one.initial)
    )


@every_cell
def test_a_file_gives_back_exactly_the_trace_that_was_saved(name: str, tmp_path) -> None:
    trace = record(network_of(name), oracles.inputs(FEATURES, TIME, 0), state_of(name, 8))
    trace.save(tmp_path / "trace.npz")
    loaded = Trace.load(tmp_path / "trace.npz")
    assert same(trace, loaded)
    assert same(trace, Trace.load(io.BytesIO(trace.to_bytes())))
    with pytest.raises(ValueError, match="read-only"):
        loaded["hidden"][0] = 1.0


def test_odd_tokens_survive_a_file() -> None:
    trace = relabelled(trace_of(time=len(ODD_TOKENS)), ODD_TOKENS)
    assert Trace.load(io.BytesIO(trace.to_bytes())).tokens == ODD_TOKENS


@given(st.lists(st.text(max_size=4), min_size=1, max_size=6))
@settings(max_examples=30)
def test_any_tokens_survive_a_file(tokens: list[str]) -> None:
    trace = relabelled(trace_of(time=len(tokens)), tuple(tokens))
    assert Trace.load(io.BytesIO(trace.to_bytes())).tokens == tuple(tokens)


def test_a_file_holds_no_pickle_and_only_plain_numbers() -> None:
    trace = relabelled(trace_of(time=len(ODD_TOKENS)), ODD_TOKENS)
    with zipfile.ZipFile(io.BytesIO(trace.to_bytes())) as archive:
        members = archive.namelist()
        assert len(members) == len(trace.names) + len(trace.initial) + 2
        for member in members:
            array = np.load(io.BytesIO(archive.read(member)), allow_pickle=False)
            assert array.dtype in (np.float64, np.uint8)


def members_of(trace: Trace) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(trace.to_bytes()), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays}


def file_of(members: dict[str, np.ndarray], **about) -> io.BytesIO:
    """A trace's file with some of what it says about itself exchanged; None takes it out."""
    said = json.loads(members["about"].tobytes()) | about
    said = {key: value for key, value in said.items() if value is not None}
    file = io.BytesIO()
    np.savez(file, **{**members, "about": np.frombuffer(json.dumps(said).encode(), np.uint8)})
    file.seek(0)
    return file


REFUSAL = r"^A trace is an \.npz file written by Trace\.save; got another file\.$"


def test_the_helper_of_the_next_tests_writes_files_that_load() -> None:
    trace = trace_of()
    assert same(Trace.load(file_of(members_of(trace))), trace)


def _npz(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"hello",
        b"PK\x03\x04",
        b"PK\x05\x06" + b"\x00" * 18,  # a zip archive without members
        b"\x93NUMPY\x01\x00",
        _npy(np.zeros(3)),
        _npy(np.array([{"a": 1}], dtype=object)),
        _npz(a=np.zeros(3)),
        _npz(about=np.zeros(3)),
        _npz(about=np.frombuffer(b"[" * 100_000, np.uint8)),
        _npz(about=np.frombuffer(b'{"cell": "lstm"}', np.uint8)),
        _npz(about=np.frombuffer(b"null", np.uint8)),
        _npz(about=np.frombuffer(b"\xff\xfe\xff", np.uint8)),
    ],
    ids=range(13),
)
def test_another_file_is_refused_with_a_sentence(junk: bytes) -> None:
    with pytest.raises(ValueError, match=REFUSAL):
        Trace.load(io.BytesIO(junk))


@pytest.mark.parametrize("part", [0.05, 0.3, 0.6, 0.9, 0.999])
def test_a_truncated_file_is_refused_with_a_sentence(part: float) -> None:
    data = trace_of().to_bytes()
    with pytest.raises(ValueError, match=REFUSAL):
        Trace.load(io.BytesIO(data[: int(len(data) * part)]))


@pytest.mark.parametrize(
    "about",
    [
        {"cell": "lstn"},
        {"cell": None},
        {"tokens": None},
        {"names": None},
        {"names": ["nothing"]},
        {"cell": "lstm-fgr"},
    ],
)
def test_a_file_that_says_other_things_about_itself_is_refused(about: dict) -> None:
    with pytest.raises(ValueError, match=REFUSAL):
        Trace.load(file_of(members_of(trace_of()), **about))


@pytest.mark.parametrize("member", ["inputs", "signal/forget", "initial/cell", "about"])
def test_a_file_without_a_member_is_refused(member: str) -> None:
    members = members_of(trace_of())
    file = io.BytesIO()
    np.savez(file, **{key: value for key, value in members.items() if key != member})
    file.seek(0)
    with pytest.raises(ValueError, match=REFUSAL):
        Trace.load(file)


def test_a_file_that_holds_a_pickle_is_refused() -> None:
    members = members_of(trace_of()) | {"signal/hidden": np.array([[object()]], dtype=object)}
    with pytest.raises(ValueError, match=REFUSAL):
        Trace.load(file_of(members))


FORGED = {
    "another format": ({"format": 99}, {}),
    "no format": ({"format": None}, {}),
    "a signal too few": ({"names": ["hidden"]}, {}),
    "signals out of order": ({"names": list(reversed(CELLS["lstm"].signal_names))}, {}),
    "a token too few": ({"tokens": ["a"]}, {}),
    "tokens that are numbers": ({"tokens": [1, 2, 3, 4, 5, 6]}, {}),
    "tokens in one string": ({"tokens": "abcdef"}, {}),
    "a flat signal": ({}, {"signal/hidden": np.zeros(TIME)}),
    "a longer signal": ({}, {"signal/forget": np.zeros((TIME + 1, HIDDEN))}),
    "a wider signal": ({}, {"signal/forget": np.zeros((TIME, HIDDEN + 1))}),
    "a signal of text": ({}, {"signal/forget": np.full((TIME, HIDDEN), "1")}),
    "a narrow initial state": ({}, {"initial/cell": np.zeros(HIDDEN - 1)}),
    "flat inputs": ({}, {"inputs": np.zeros(TIME)}),
    "longer inputs": ({}, {"inputs": np.zeros((TIME + 1, FEATURES))}),
    "no timestep": (
        {"tokens": []},
        {f"signal/{name}": np.zeros((0, HIDDEN)) for name in CELLS["lstm"].signal_names}
        | {"inputs": np.zeros((0, FEATURES))},
    ),
}


@pytest.mark.parametrize("forgery", sorted(FORGED))
def test_a_file_whose_parts_do_not_fit_together_is_refused(forgery: str, unchecked) -> None:
    about, arrays = FORGED[forgery]
    with pytest.raises(ValueError, match=REFUSAL):
        Trace.load(file_of(members_of(trace_of()) | arrays, **about))


def test_a_file_that_does_not_exist_is_an_error_of_the_system(tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        Trace.load(tmp_path / "nowhere.npz")


@pytest.mark.parametrize("lost", [40, -1])
def test_a_broken_file_is_closed_again(lost: int, tmp_path) -> None:
    path = tmp_path / "broken.npz"
    trace_of(time=2).save(path)
    path.write_bytes(b"hello" if lost < 0 else path.read_bytes()[:-lost])
    with pytest.raises(ValueError, match=REFUSAL):
        Trace.load(path)
    gc.collect()  # a file left open is a ResourceWarning, which fails the test


def test_a_file_with_any_byte_changed_loads_whole_or_is_refused(tmp_path) -> None:
    trace, path = trace_of("elman", time=2), tmp_path / "changed.npz"
    trace.save(path)
    data, rng = path.read_bytes(), np.random.default_rng(0)
    outcomes = set()
    for _ in range(400):
        changed = bytearray(data)
        changed[-int(rng.integers(1, len(data) // 2))] = int(rng.integers(256))
        path.write_bytes(changed)
        try:
            with warnings.catch_warnings(action="ignore"):  # files left open have their own test
                outcomes.add(len(Trace.load(path)))
        except ValueError as error:
            outcomes.add(str(error))
    assert len(outcomes) == 2
    assert 2 in outcomes


@pytest.mark.parametrize("carry", [copy.deepcopy, lambda trace: pickle.loads(pickle.dumps(trace))])
def test_a_trace_goes_to_another_process_and_comes_back(carry) -> None:
    trace = relabelled(trace_of("lstm-fgr", time=len(ODD_TOKENS)), ODD_TOKENS)
    again = carry(trace)
    assert same(again, trace)
    with pytest.raises(ValueError, match="read-only"):
        again["hidden"][0] = 1.0


# --- as text ---------------------------------------------------------------------------------------------


@every_cell
def test_the_repr_is_three_short_lines(name: str) -> None:
    lines = repr(trace_of(name, time=40)).split("\n")
    assert lines[0] == f'<Trace "{name}": 40 timesteps, 4 units'
    assert lines[1] == "  tokens   0 1 2 3 4 5 6 7 8 9 10 11 …"
    assert len(lines) == 3


def test_the_html_shows_tokens_as_text_and_never_as_markup() -> None:
    tokens = ("<script>alert(1)</script>", "</bdi>", '" onload="x', "&lt;", "<img src=x onerror=y>", "a")
    shown = relabelled(trace_of(), tokens)._repr_html_()
    assert "<script" not in shown
    assert "<img" not in shown
    assert shown.count("</bdi>") == 1
    assert html.escape(" ".join(tokens)) in shown


def test_the_html_states_the_range_of_each_gate() -> None:
    trace = trace_of()
    shown = trace._repr_html_()
    for name in ("input", "forget", "candidate", "output", "cell", "hidden"):
        low, mean, high = (
            f"{value:.3g}" for value in (trace[name].min(), trace[name].mean(), trace[name].max())
        )
        assert f"<tr><th>{name}</th><td>{low}</td><td>{mean}</td><td>{high}</td>" in shown


def test_the_html_of_a_long_trace_stays_small() -> None:
    long = record(
        Network(CELLS["elman"], oracles.as_torch(oracles.parameters("elman", FEATURES, 64, 0))),
        oracles.inputs(FEATURES, 3000, 0),
    )
    assert len(long._repr_html_()) < 1e6
    silent = Network(
        CELLS["elman"], {k: torch.zeros(s) for k, s in CELLS["elman"].parameter_shapes(1, 2).items()}
    )
    assert "nan" not in record(silent, np.zeros((2, 1)))._repr_html_()  # all zeros: nothing to divide by


def test_a_network_that_overflows_float64_is_refused_with_the_step() -> None:
    tensors = {"weight_ih": torch.ones(4, 1), "weight_hh": torch.full((4, 4), 1000.0)}
    network = Network("elman-relu", {**tensors, "bias_ih": torch.zeros(4), "bias_hh": torch.zeros(4)})
    with pytest.raises(ValueError, match=r"overflows float64 at step \d+\. Lower its recurrent scale"):
        record(network, torch.ones(200, 1))


def test_a_prediction_of_other_timesteps_is_refused(unchecked) -> None:
    trace = trace_of()
    with pytest.raises(ValueError, match=rf"is \(time, output\) with {len(trace)} timesteps; got \(1, 2\)"):
        replace(trace, prediction=np.zeros((1, 2)))
