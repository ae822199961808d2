"""The user's model computes what it computes without a recording, bit for bit, and keeps nothing of it."""

import copy
import gc
import pickle
import weakref

import pytest
import torch
from hypothesis import given, settings
from torch import nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils.checkpoint import checkpoint

from memviz.torch_modules import recording
from tests.torch_modules.cases import KINDS, cases, drawn_case, drawn_module
from tests.torch_modules.reference import Case, loss_of, readers_of

# torch says once in a process that it has no fast kernel for these.
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")


def pass_of(case: Case) -> list[torch.Tensor]:
    """Outputs, gradients and the state of the generator after a forward and backward."""
    module = case.module
    module.zero_grad()
    x, state = case.call()
    leaf = (x.data if isinstance(x, PackedSequence) else x).detach().clone().requires_grad_()
    x = x._replace(data=leaf) if isinstance(x, PackedSequence) else leaf
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        output, last = module(x) if state is None else module(x, state)
        loss_of(output, last, readers_of(output, last, case.seed)).backward()
        after = torch.get_rng_state()
    ends = list(last) if isinstance(last, tuple) else [last]
    states = output.data if isinstance(output, PackedSequence) else output
    gradients = [parameter.grad.clone() for parameter in module.parameters()]
    return [states.detach(), *(end.detach() for end in ends), leaf.grad, *gradients, after]


@settings(max_examples=40)
@given(cases())
def test_outputs_gradients_dropout_and_random_streams_are_the_same_bit_for_bit(case: Case) -> None:
    alone = pass_of(case)
    with recording(case.module, gradients=True):
        within = pass_of(case)
    for ours, theirs in zip(within, alone, strict=True):
        assert torch.equal(ours, theirs)


def test_a_large_float32_lstm_is_the_same_bit_for_bit() -> None:
    case = drawn_case(nn.LSTM, 60, 8, 16, 32, dtype=torch.float32, num_layers=2, dropout=0.3)
    alone = pass_of(case)
    with recording(case.module, gradients=True):
        within = pass_of(case)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(within, alone, strict=True))


def test_reading_a_recording_draws_no_random_number() -> None:
    case = drawn_case(nn.LSTM, num_layers=3, dropout=0.5)
    with recording(case.module) as found:
        case.module(*case.call()[:1])
        before = torch.get_rng_state()
    assert found["forget"].shape[0] == 3
    assert torch.equal(torch.get_rng_state(), before)


def hooks_of(module: nn.Module) -> int:
    return len(module._forward_hooks) + len(module._forward_pre_hooks)


def test_hooks_are_gone_after_the_block_also_those_on_the_users_tensors() -> None:
    case = drawn_case(nn.GRU, num_layers=2, dropout=0.1)
    with recording(case.module, gradients=True):
        output, last = case.module(case.call()[0])
        assert hooks_of(case.module) == 2
        assert output._backward_hooks
    assert hooks_of(case.module) == 0
    assert not output._backward_hooks
    assert not last._backward_hooks


def test_hooks_are_gone_after_an_exception_in_the_forward_and_in_the_block() -> None:
    case = drawn_case(nn.LSTM, num_layers=2, dropout=0.1)
    with pytest.raises(RuntimeError), recording(case.module, gradients=True):
        case.module(torch.zeros(2, 2, 9, dtype=torch.float64))
    assert hooks_of(case.module) == 0
    block = recording(case.module, gradients=True)
    found = block.__enter__()
    output, _ = case.module(case.call()[0])
    block.__exit__(ZeroDivisionError)
    assert hooks_of(case.module) == 0
    assert not output._backward_hooks
    assert found["forget"].shape == (2, 1, 2, 5, 4), "what was recorded before the exception is there"


def test_the_users_own_hooks_stay_and_what_they_put_in_the_place_of_the_output_is_not_recorded() -> None:
    case = drawn_case(nn.LSTM)
    x, _ = case.call()
    plain, _ = case.module(x)
    handle = case.module.register_forward_hook(lambda module, given, out: (out[0] * 0, out[1]))
    with recording(case.module) as found:
        output, _ = case.module(x)
    assert not output.any()
    assert torch.equal(found["hidden"][0, 0].transpose(0, 1), plain)
    assert hooks_of(case.module) == 1
    handle.remove()


def test_what_the_user_changes_in_place_afterwards_changes_no_recording() -> None:
    case = drawn_case(nn.LSTM, given=True)
    x, state = case.call()
    with recording(case.module) as first:
        case.module(x, state)
    with recording(case.module) as second, torch.no_grad():
        output, last = case.module(x, state)
        for value in (output, *last, x, *state, *case.module.parameters()):
            value.zero_()
    for name in first[""].names:
        assert torch.equal(first[name], second[name])


def test_an_optimiser_that_steps_inside_the_block_changes_neither_signals_nor_gradients() -> None:
    case = drawn_case(nn.LSTM, 30, dtype=torch.float32)
    x, _ = case.call()
    with recording(case.module, gradients=True) as first:
        case.module(x)[0].sum().backward()
    case.module.zero_grad()
    optimiser = torch.optim.SGD(case.module.parameters(), lr=0.5)
    with recording(case.module, gradients=True) as second:
        case.module(x)[0].sum().backward()
        optimiser.step()
    for name in first[""].gradient:
        assert torch.equal(first[name], second[name])
        assert torch.equal(first.gradient[name], second.gradient[name])


def test_a_model_and_its_outputs_are_free_to_go_while_their_recording_is_kept() -> None:
    module = drawn_module(nn.LSTM, 3, 4)
    with recording(module, gradients=True) as found:
        output, _ = module(torch.ones(5, 2, 3))
        output.sum().backward()
    gone = weakref.ref(output), weakref.ref(module)
    del output, module
    gc.collect()
    assert [reference() for reference in gone] == [None, None]
    assert found.gradient["cell"].shape == (1, 1, 2, 5, 4)


def test_a_copy_of_the_model_that_was_made_inside_the_block_is_not_listened_to() -> None:
    module, x = drawn_module(nn.LSTM, 3, 4, num_layers=2, dropout=0.1), torch.ones(5, 2, 3)
    with recording(module) as found:
        twin, saved = copy.deepcopy(module), pickle.loads(pickle.dumps(module))
        for each in (module, twin, saved):
            each(x)
    assert len(found[""].calls) == 1
    assert torch.equal(twin.eval()(x)[0], module.eval()(x)[0])


def test_whether_gradients_are_enabled_is_as_the_module_ran() -> None:
    module, x = drawn_module(nn.LSTM, 3, 4), torch.ones(5, 2, 3)
    block = recording(module)
    with block:
        module(x)
        with torch.no_grad():
            module(x)
        with torch.inference_mode():
            module(x)
        assert [heard.with_grad for heard in block._ears[0].heard.captured] == [True, False, False]


@pytest.mark.parametrize("kind", KINDS)
def test_inference_mode_and_no_grad_are_recorded_too(kind: type[nn.Module]) -> None:
    case = drawn_case(kind, num_layers=2)
    x, _ = case.call()
    with recording(case.module) as usual:
        case.module(x)
    with torch.inference_mode(), recording(case.module) as within:
        case.module(x)
    with recording(case.module) as around, torch.inference_mode():
        case.module(x)
    for name in usual[""].names:
        assert torch.equal(usual[name], within[name])
        assert torch.equal(usual[name], around[name])
    assert not around["hidden"].is_inference()


def test_autocast_changes_nothing_in_the_replay() -> None:
    case = drawn_case(nn.GRU, dtype=torch.float32)
    x, _ = case.call()
    with recording(case.module) as usual:
        case.module(x)
    with recording(case.module) as found:
        case.module(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            reset = found["reset"]
    assert torch.equal(reset, usual["reset"])


@pytest.mark.parametrize("reentrant", [False, True])
def test_what_a_checkpoint_runs_again_is_no_call_of_its_own(reentrant: bool) -> None:
    case = drawn_case(nn.LSTM)
    x = case.call()[0].requires_grad_()
    with recording(case.module) as found:
        output = checkpoint(lambda value: case.module(value)[0], x, use_reentrant=reentrant)
        output.sum().backward()
    assert len(found[""].calls) == 1


def test_gradients_sum_over_backward_passes_as_those_of_parameters_do() -> None:
    case = drawn_case(nn.GRU)
    x, _ = case.call()
    with recording(case.module, gradients=True) as once:
        case.module(x)[0].sum().backward()
    with recording(case.module, gradients=True) as twice:
        output, _ = case.module(x)
        output.sum().backward(retain_graph=True)
        first = twice.gradient["reset"].clone()
        (2 * output.sum()).backward()
    assert torch.equal(first, once.gradient["reset"]), "it can be read inside the block as well"
    torch.testing.assert_close(twice.gradient["reset"], 3 * once.gradient["reset"])


def test_two_recordings_at_once_do_not_see_each_other() -> None:
    module = drawn_module(nn.LSTM, 3, 4)
    x = torch.ones(5, 2, 3)
    with recording(module, gradients=True) as outer, recording(module) as inner:
        module(x)[0].sum().backward()
    assert torch.equal(outer["cell"], inner["cell"])
    assert outer.gradient["cell"].abs().sum() > 0
