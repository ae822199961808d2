"""Models: nested, shared, repeatedly called, and Cells stepped by hand; and what cannot be recorded."""

import copy

import pytest
import torch
from jaxtyping import config
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

import memviz
from memviz.torch_modules import recording, trace_module
from tests.torch_modules.cases import SIGNALS, drawn_case, drawn_module
from tests.torch_modules.reference import gradient_of, run


@pytest.fixture
def unchecked():
    """What a user of the library meets, who has no annotations checked at every call."""
    before = config.jaxtyping_disable
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", before)


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = drawn_module(nn.LSTM, 3, 4, batch_first=True)
        self.top = drawn_module(nn.GRU, 4, 2, seed=1, batch_first=True)
        self.alias = self.top

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.rnn(input=x, hx=None)
        return self.alias(states)[0]


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.unused = drawn_module(nn.RNN, 3, 2)
        self.head = nn.Linear(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(x))


def test_every_module_is_found_under_every_name() -> None:
    model, x = Model(), torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    with memviz.recording(model, gradients=True) as found:
        model(x).sum().backward()
    assert found.paths == ("encoder.rnn", "encoder.top", "encoder.alias", "unused")
    assert found["encoder.alias"] is found["encoder.top"]
    assert list(found) == list(found.paths)
    assert "encoder.rnn" in found
    assert "head" not in found
    assert found["encoder.rnn"]["forget"].shape == (1, 1, 2, 5, 4)
    inner = trace_module(model.encoder.rnn, x)
    for name in SIGNALS[nn.LSTM]:
        assert torch.equal(found["encoder.rnn"][name], inner[name])
    assert torch.equal(found["encoder.top"].call.inputs[0], inner["hidden"][0, 0])
    assert found["encoder.rnn"].gradient["forget"].shape == (1, 1, 2, 5, 4)


def test_the_gradient_of_a_module_inside_a_model_is_that_of_autograd() -> None:
    """The gradient of the lower module's output is that of the upper module's inputs: dL/da W."""
    model, x = Model().double(), torch.randn(2, 5, 3, dtype=torch.float64)
    with recording(model, gradients=True) as found:
        states, _ = model.encoder.rnn(x)
        states.retain_grad()
        model.head(model.encoder.top(states)[0]).sum().backward()
    upper = found["encoder.top"]
    rows = torch.cat([upper.gradient[gate][0, 0] for gate in ("reset", "update", "candidate")], dim=2)
    torch.testing.assert_close(rows @ model.encoder.top.weight_ih_l0.detach(), states.grad)


def test_a_module_that_is_called_again_keeps_each_call() -> None:
    module = drawn_module(nn.GRU, 3, 4)
    first, second = torch.ones(5, 2, 3), torch.zeros(7, 1, 3)
    with recording(module) as found:
        module(first)
        module(second)
        assert len(found[""].calls) == 2
        module(first)
    assert [call["reset"].shape[2:4] for call in found[""].calls] == [(2, 5), (1, 7), (2, 5)]
    assert torch.equal(found[""].calls[0]["reset"], found[""].calls[2]["reset"])
    assert found[""].calls[0].weights[0, 0]["weight_ih"] is found[""].calls[2].weights[0, 0]["weight_ih"]
    assert list(found[""].to_frame()["call"].unique()) == [0, 1, 2]
    with pytest.raises(ValueError, match=r"nn.GRU\) was called 3 times; choose one"):
        found["reset"]


CELLS = [
    (nn.LSTMCell, nn.LSTM, {}),
    (nn.GRUCell, nn.GRU, {}),
    (nn.RNNCell, nn.RNN, {}),
    (nn.RNNCell, nn.RNN, {"nonlinearity": "relu"}),
]


@pytest.mark.parametrize(("kind", "stacked", "options"), CELLS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("unbatched", [True, False])
def test_the_calls_of_a_cell_that_follow_each_other_are_the_timesteps_of_one(
    kind, stacked, options, bias, unbatched
) -> None:
    case = drawn_case(
        stacked, layout="unbatched" if unbatched else "batched", given=True, bias=bias, **options
    )
    cell = drawn_module(kind, 3, 4, bias=bias, dtype=torch.float64, **options)
    with torch.no_grad():
        for name, value in cell.named_parameters():
            value.copy_(getattr(case.module, f"{name}_l0"))
    x, _ = case.call()
    parts = [part[0, 0] if unbatched else part[0] for part in case.state]
    state = tuple(parts) if len(parts) > 1 else parts[0]
    with recording(cell, gradients=True) as found:
        kept = []
        for t, x_t in enumerate(x):
            state = cell(x_t, state) if t % 2 else cell(input=x_t, hx=state)
            kept.append(state[0] if isinstance(state, tuple) else state)
        sum(h.sum() * (t + 1) for t, h in enumerate(kept)).backward()
    expected = run(case)
    sum((output * torch.arange(1, 6)[:, None]).sum() for output in expected.outputs).backward()
    for b in range(len(case.samples)):
        rows = expected.signals[0, 0, b]
        for name in SIGNALS[stacked]:
            torch.testing.assert_close(found[name][0, 0, b], torch.stack(rows[name]).detach())
            torch.testing.assert_close(found.gradient[name][0, 0, b], gradient_of(name, rows))
    _, trace = found.sample(0).layer(0)
    torch.testing.assert_close(torch.tensor(trace["hidden"]), found["hidden"][0, 0, 0])


def test_a_cell_that_steps_two_sequences_by_turns_keeps_them_apart() -> None:
    cell = drawn_module(nn.GRUCell, 3, 4)
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(6, 2, 3, generator=generator), torch.randn(6, 2, 3, generator=generator)
    with recording(cell) as found:
        a = b = None
        for x, y in zip(first, second, strict=True):
            a, b = cell(x, a), cell(y, b)
    with recording(cell) as alone:
        a = None
        for x in first:
            a = cell(x, a)
    assert len(found[""].calls) == 2
    assert torch.equal(found[""].calls[0]["update"], alone["update"])


def test_a_state_that_was_changed_between_two_steps_begins_a_sequence_with_the_right_gradient() -> None:
    cell = drawn_module(nn.LSTMCell, 3, 4, dtype=torch.float64)
    x = torch.randn(2, 1, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with recording(cell, gradients=True) as found:
        h, c = cell(x[0])
        h.retain_grad()
        end, _ = cell(x[1], (h * 0.5, c))
        end.sum().backward()
    first, second = found[""].calls
    assert torch.equal(second.initial["hidden"][0, 0], h.detach() * 0.5)
    torch.testing.assert_close(first.gradient["hidden"][0, 0, :, 0], h.grad)
    assert torch.equal(second.gradient["hidden"][0, 0, :, 0], torch.ones(1, 4, dtype=torch.float64))


def test_a_cell_state_that_was_changed_beside_the_same_hidden_state_begins_a_sequence() -> None:
    cell = drawn_module(nn.LSTMCell, 3, 4, dtype=torch.float64)
    x = torch.randn(2, 1, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with recording(cell, gradients=True) as found:
        h, c = cell(x[0])
        end, _ = cell(x[1], (h, c * 0.5))
        end.sum().backward()
    _, second = found[""].calls
    assert torch.equal(second.initial["cell"][0, 0], c.detach() * 0.5)
    w, u = cell.weight_ih.detach(), cell.weight_hh.detach()
    pre = (w @ x[1, 0] + cell.bias_ih.detach() + u @ h[0].detach() + cell.bias_hh.detach()).requires_grad_()
    i, f, g, o = pre.split(4)
    (o.sigmoid() * (f.sigmoid() * c[0].detach() * 0.5 + i.sigmoid() * g.tanh()).tanh()).sum().backward()
    ours = [second.gradient[name][0, 0, 0, 0] for name in ("input", "forget", "candidate", "output")]
    torch.testing.assert_close(torch.cat(ours), pre.grad)


@pytest.mark.parametrize("kind", [nn.GRUCell, nn.RNNCell, nn.LSTMCell])
def test_a_state_that_was_changed_in_place_begins_a_sequence(kind: type[nn.Module]) -> None:
    """As where an episode has ended: h[done] = 0."""
    cell, x = drawn_module(kind, 3, 4), torch.ones(2, 3)
    with torch.no_grad(), recording(cell) as found:
        state = cell(x, cell(x))
        part = state[-1] if isinstance(state, tuple) else state
        part[1] = 0.0
        cell(x, state)
    first, second = found[""].calls
    assert (first.shape[3], second.shape[3]) == (2, 1)
    assert not list(second.initial.values())[-1][0, 0, 1].any()
    _, trace = found[""].calls[1].sample(1).layer(0)
    torch.testing.assert_close(torch.tensor(trace["hidden"]).float(), second["hidden"][0, 0, 1])


@pytest.mark.parametrize("kind", [nn.LSTM, nn.LSTMCell])
def test_a_state_may_be_given_as_a_list_as_torch_takes_it(kind: type[nn.Module]) -> None:
    module = drawn_module(kind, 3, 4)
    one = (2,) if kind is nn.LSTMCell else (1, 2)
    x, state = torch.ones(*one, 3), [torch.ones(*one, 4), torch.zeros(*one, 4)]
    with recording(module) as found:
        module(x, state)
    for given in (state, tuple(state)):
        assert torch.equal(found["forget"], trace_module(module, x, given)["forget"])


def test_a_batch_of_none_is_recorded_as_one() -> None:
    for kind in (nn.LSTM, nn.GRU, nn.RNN):
        module = drawn_module(kind, 3, 4, num_layers=2, bidirectional=True)
        with recording(module, gradients=True) as found:
            module(torch.ones(5, 0, 3))[0].sum().backward()
        assert found["hidden"].shape == (2, 2, 0, 5, 4)


def test_a_subclass_with_torchs_own_forward_is_recorded_under_its_own_weights() -> None:
    class Named(nn.LSTM):
        """Another name and nothing else."""

    module = drawn_module(Named, 3, 4)
    assert trace_module(module, torch.ones(5, 2, 3))["forget"].shape == (1, 1, 2, 5, 4)


# --- what is refused -------------------------------------------------------------------------------------


class Overridden(nn.LSTM):
    def forward(self, x: Tensor, hx=None):
        return super().forward(x * 2, hx)


def in_model(module: nn.Module) -> nn.Module:
    return nn.ModuleDict({"encoder": nn.ModuleDict({"rnn": module})})


def with_own_forward() -> nn.Module:
    module = drawn_module(nn.GRU, 3, 4)
    module.forward = lambda x: x
    return module


def compiled() -> nn.Module:
    module = drawn_module(nn.GRU, 3, 4)
    module._compiled_call_impl = module._call_impl
    return module


REFUSED = [
    (lambda: nn.Linear(2, 3), r"nn.RNN, nn.LSTM, nn.GRU or their Cells; got Linear"),
    (
        lambda: in_model(drawn_module(Overridden, 3, 4)),
        r'"encoder.rnn", a Overridden, whose forward is another',
    ),
    (lambda: in_model(with_own_forward()), r'"encoder.rnn", whose forward is another'),
    (lambda: in_model(torch.jit.script(drawn_module(nn.LSTM, 3, 4))), r'"encoder.rnn", a scripted LSTM'),
    (lambda: in_model(compiled()), r'"encoder.rnn", which is compiled'),
]


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.parametrize(("build", "message"), REFUSED)
def test_what_cannot_be_recorded_is_refused_by_name(build, message) -> None:
    with pytest.raises(ValueError, match=message):
        recording(build())


def test_a_quantised_module_is_refused_by_name() -> None:
    class LSTM(nn.Module):
        """As torch.ao.nn.quantized.dynamic has it; making one needs an engine that not every build has."""

    LSTM.__module__ = "torch.ao.nn.quantized.dynamic.modules.rnn"
    with pytest.raises(ValueError, match=r'"encoder.rnn", a quantised LSTM. Record the model before'):
        recording(in_model(LSTM()))


def test_what_is_no_module_is_refused(unchecked) -> None:
    with pytest.raises(ValueError, match=r"of a torch.nn.Module; got dict"):
        recording({})


def test_weights_that_are_not_finite_are_named() -> None:
    model = Model()
    with torch.no_grad():
        model.encoder.rnn.weight_hh_l0[0, 0] = torch.nan
    with (
        pytest.raises(ValueError, match=r'NaN or infinity in weight_hh of "encoder.rnn" \(nn.LSTM\)'),
        recording(model),
    ):
        model(torch.ones(2, 5, 3))


def test_an_input_that_is_not_finite_is_shown_as_what_becomes_of_it() -> None:
    x = torch.ones(5, 1, 3)
    x[2] = torch.nan
    hidden = trace_module(drawn_module(nn.LSTM, 3, 4), x)["hidden"]
    assert hidden[0, 0, 0, :2].isfinite().all()
    assert hidden[0, 0, 0, 2:].isnan().all()


def test_a_recording_read_before_the_forward_says_so() -> None:
    with recording(Model()) as found:
        with pytest.raises(ValueError, match=r'"encoder.rnn" \(nn.LSTM\) is read after it was called'):
            found["encoder.rnn"]["forget"]
    with pytest.raises(ValueError, match=r'"unused" \(nn.RNN\) is read after it was called'):
        found["unused"].to_frame()


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with recording(Model()) as found:
        pass
    with pytest.raises(KeyError, match=r"encoder.rnn.*got \\?\"encoder\\?\""):
        found["encoder"]
    with pytest.raises(ValueError, match=r"has an only one; got encoder\.rnn"):
        _ = found.only
    with pytest.raises(KeyError, match=r"has kept the signals reset, update, candidate, hidden; got"):
        trace_module(drawn_module(nn.GRU, 3, 4), torch.ones(5, 2, 3))["forget"]


def test_a_gradient_that_is_not_there_says_what_to_do() -> None:
    module = drawn_module(nn.GRU, 3, 4)
    with recording(module) as without:
        module(torch.ones(5, 2, 3))[0].sum().backward()
    with pytest.raises(ValueError, match=r"recording\(model, gradients=True\)"):
        _ = without.gradient
    with recording(module, gradients=True) as early:
        output, _ = module(torch.ones(5, 2, 3))
    output.sum().backward()
    with pytest.raises(ValueError, match=r"call loss.backward\(\) inside the with block"):
        _ = early.gradient


@pytest.mark.parametrize("shape", [(5, 2, 4), (2, 3, 4, 3), (4,)])
def test_a_wrong_shape_is_said_with_what_the_module_takes(unchecked, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"the model itself \(nn.LSTM\) takes \(time, batch, 3\).*; got \("):
        trace_module(drawn_module(nn.LSTM, 3, 4), torch.ones(shape))
    with pytest.raises(ValueError, match=r"takes \(batch, time, 3\).*; got list"):
        trace_module(drawn_module(nn.LSTM, 3, 4, batch_first=True), [1.0])


def test_an_unknown_signal_or_layer_is_refused() -> None:
    module = drawn_module(nn.LSTM, 3, 4, num_layers=2)
    for signals in (["forget", "reset"], []):
        with pytest.raises(ValueError, match="The signals are one or more of input_pre, input, forget_pre"):
            recording(module, signals=signals)
    for layers in ([2], [-1], []):
        with pytest.raises(ValueError, match="The layers are one or more of 0 to 1; got"):
            recording(module, layers=layers)


def test_dropout_that_cannot_be_drawn_again_is_refused_at_reading() -> None:
    """As on CUDA, where cuDNN keeps its masks: the copy of the generator is not there."""
    module = drawn_module(nn.LSTM, 3, 4, num_layers=2, dropout=0.5)
    block = recording(module)
    with block as found:
        module(torch.ones(5, 2, 3))
        block._ears[0].heard.captured[0].random = None
        with pytest.raises(ValueError, match=r"eval mode: module.eval\(\)"):
            found["forget"]
        block._ears[0].heard.captured.clear()


def test_a_layer_that_does_not_run_again_as_it_ran_is_refused() -> None:
    module = drawn_module(nn.GRU, 3, 4, num_layers=2)
    block = recording(module)
    with block as found:
        module(torch.ones(5, 2, 3))
        block._ears[0].heard.captured[0].weights[0]["weight_ih"] += 1.0
        with pytest.raises(ValueError, match="run again as they ran; got states that differ by"):
            found["reset"]
        block._ears[0].heard.captured.clear()


def test_a_packed_sequence_of_equal_lengths_and_sorted_ones_are_read_alike() -> None:
    module = drawn_module(nn.LSTM, 3, 4, num_layers=2, bidirectional=True)
    samples = [torch.ones(5, 3), torch.zeros(3, 3)]
    by_order = [
        trace_module(module, pack_sequence(samples, enforce_sorted=True))["cell"],
        trace_module(module, pack_sequence(samples[::-1], enforce_sorted=False))["cell"].flip(2),
    ]
    torch.testing.assert_close(*by_order, equal_nan=True)


def test_a_recording_listens_again_but_not_inside_its_own_block() -> None:
    module, x = drawn_module(nn.LSTM, 3, 4), torch.ones(5, 2, 3)
    block = recording(module)
    with block:
        module(x)
    with block as found:
        module(2 * x)
        with pytest.raises(ValueError, match="one with block at a time"), block:
            pass
        module(x)
    first, _, third = found[""].calls
    assert torch.equal(first["cell"], third["cell"])


def test_a_copied_model_records_as_its_original() -> None:
    module = drawn_module(nn.LSTM, 3, 4)
    x = torch.ones(5, 2, 3)
    with recording(module):
        twin = copy.deepcopy(module)
    assert torch.equal(trace_module(twin, x)["forget"], trace_module(module, x)["forget"])
