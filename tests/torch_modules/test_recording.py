"""Every signal and gradient of every option, against a transcription that knows neither memviz nor kernels."""

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn
from torch.nn.functional import dropout
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from memviz.torch_modules import recording, trace_module
from tests.torch_modules.cases import EVERY, KINDS, SIGNALS, cases, drawn_case
from tests.torch_modules.reference import Case, Found, gradient_of, loss_of, readers_of, run

KINDS_AND_RELU = [(kind, {}) for kind in KINDS] + [(nn.RNN, {"nonlinearity": "relu"})]

# torch says once in a process that it has no fast kernel for these.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")


def seeded(action):
    """The action with the global generator at a known state, which is put back."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        return action()


def masks_of(case: Case) -> list[Tensor]:
    """What torch drops between the layers of a seeded call: dropout of ones, layer by layer, time first."""
    module = case.module
    if not (module.training and module.dropout):
        return []
    width = (getattr(module, "proj_size", 0) or module.hidden_size) * (2 if module.bidirectional else 1)
    x, _ = case.call()

    def ones() -> Tensor:
        if isinstance(x, PackedSequence):
            return torch.ones(len(x.data), width, dtype=x.data.dtype)
        return torch.ones(len(case.samples[0]), len(case.samples), width, dtype=case.samples[0].dtype)

    found = seeded(lambda: [dropout(ones(), module.dropout) for _ in range(module.num_layers - 1)])
    return [
        pad_packed_sequence(x._replace(data=mask))[0] if isinstance(x, PackedSequence) else mask
        for mask in found
    ]


def recorded(case: Case, **options):
    """A recorded forward and backward, and the reference of it."""

    def forward_and_backward():
        with recording(case.module, gradients=True, **options) as found:
            x, state = case.call()
            output, last = case.module(x) if state is None else case.module(x, state)
            readers = readers_of(output, last, case.seed)
            loss_of(output, last, readers).backward()
        return found, output, readers

    found, output, readers = seeded(forward_and_backward)
    expected = run(case, masks_of(case))
    laid_out = [torch.nn.utils.rnn.pad_sequence(expected.outputs)]
    if isinstance(output, PackedSequence):
        loss = (laid_out[0] * pad_packed_sequence(output._replace(data=readers[0]))[0].double()).sum()
    elif case.layout == "unbatched":
        loss = (laid_out[0][:, 0] * readers[0].double()).sum()
    else:
        loss = (
            (laid_out[0].transpose(0, 1) if case.module.batch_first else laid_out[0]) * readers[0].double()
        ).sum()
    for end, reader in zip(expected.last, readers[1:], strict=True):
        loss = loss + ((end[:, 0] if case.layout == "unbatched" else end) * reader.double()).sum()
    loss.backward()
    return found, expected


def check(case: Case, found, expected: Found, tolerance: float) -> None:
    call = found[""].call
    kind = next(kind for kind in KINDS if isinstance(case.module, kind))
    for (layer, direction, b), kept in expected.signals.items():
        length = len(case.samples[b])
        for name in EVERY[kind]:
            ours, theirs = call[name][layer, direction, b], torch.stack(kept[name]).detach()
            torch.testing.assert_close(ours[:length].double(), theirs, atol=tolerance, rtol=tolerance)
            assert ours[length:].isnan().all()
        names = [name for name in SIGNALS[kind] if name != "hidden"] + ["hidden"]
        names += ["hidden_pre"] if kind is nn.RNN else []
        assert set(call.gradient) == set(names)
        for name in names:
            ours, theirs = call.gradient[name][layer, direction, b], gradient_of(name, kept)
            scale = max(1.0, float(theirs.abs().max()))
            torch.testing.assert_close(ours[:length].double(), theirs, atol=tolerance * scale, rtol=tolerance)
            assert ours[length:].isnan().all()


@settings(max_examples=60)
@given(cases())
def test_every_signal_and_gradient_of_every_option_is_that_of_the_equations(case: Case) -> None:
    kind = next(kind for kind in KINDS if isinstance(case.module, kind))
    found, expected = recorded(case, signals=EVERY[kind])
    exact = case.samples[0].dtype == torch.float64
    check(case, found, expected, 1e-10 if exact else 2e-4)


def test_a_long_lstm_has_the_gradients_of_autograd_whichever_way_they_are_found() -> None:
    """In float32, T=260: as it is drawn in parts, with open forget gates by the fused kernel."""
    for bias in (0.0, 6.0):
        case = drawn_case(nn.LSTM, 260, 1, 3, 5, dtype=torch.float32)
        with torch.no_grad():
            case.module.bias_ih_l0[5:10] += bias
        found, expected = recorded(case, signals=EVERY[nn.LSTM])
        check(case, found, expected, 3e-4)


def test_a_wide_lstm_has_the_gradients_of_autograd() -> None:
    case = drawn_case(nn.LSTM, 4, 40, 8, 64, dtype=torch.float32)
    found, expected = recorded(case, signals=EVERY[nn.LSTM])
    check(case, found, expected, 2e-4)


def test_the_hidden_states_are_the_modules_own_bit_for_bit() -> None:
    for kind, options in KINDS_AND_RELU:
        case = drawn_case(kind, dtype=torch.float32, bidirectional=True, **options)
        x, _ = case.call()
        output, _ = case.module(x)
        hidden = trace_module(case.module, x)["hidden"]
        ours = torch.cat([hidden[0, 0], hidden[0, 1]], dim=2).transpose(0, 1)
        assert torch.equal(ours, output)


def test_bfloat16_is_replayed_in_float32_from_the_modules_own_hidden_states() -> None:
    for kind, options in KINDS_AND_RELU:
        case = drawn_case(kind, 12, dtype=torch.bfloat16, **options)
        x, _ = case.call()
        output, _ = case.module(x)
        found = trace_module(case.module, x)
        assert found["hidden"].dtype == torch.float32
        assert torch.equal(found["hidden"][0, 0].transpose(0, 1), output.float())
        expected = run(case)
        for name in SIGNALS[kind]:
            theirs = torch.stack([torch.stack(expected.signals[0, 0, b][name]) for b in range(2)]).detach()
            torch.testing.assert_close(found[name][0, 0].double(), theirs, atol=0.06, rtol=0.06)


def test_bfloat16_gradients_are_close_to_those_of_the_equations() -> None:
    for kind in KINDS:
        found, expected = recorded(drawn_case(kind, dtype=torch.bfloat16))
        for name in SIGNALS[kind]:
            for b in range(2):
                ours, theirs = found[""].gradient[name][0, 0, b], gradient_of(name, expected.signals[0, 0, b])
                assert (ours.double() - theirs).abs().max() < 0.1 * max(1.0, theirs.abs().max())


def test_the_pre_activations_and_gates_are_those_of_the_cells_one_step() -> None:
    """In float64 the whole-sequence replay and the step that memviz teaches differ by rounding alone."""
    for kind, options in KINDS_AND_RELU:
        case = drawn_case(kind, num_layers=2, bidirectional=True, given=True, **options)
        x, state = case.call()
        found = trace_module(case.module, x, state, signals=EVERY[kind])
        for layer, direction in ((0, 0), (0, 1), (1, 0), (1, 1)):
            _, trace = found.sample(1).layer(layer, direction)
            for name in EVERY[kind]:
                ours = found[name][layer, direction, 1].numpy()
                assert abs(ours[:: -1 if direction else 1] - trace[name]).max() < 1e-13
