"""A network's parameters: copied, checked, and the same numbers in torch.nn and back."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from jaxtyping import config
from torch import Tensor, nn

from memviz.cells import CELLS
from memviz.network import Network
from tests import oracles

FEATURES, HIDDEN = 3, 4
TORCH_CELLS = ("elman", "elman-relu", "lstm", "gru")

MODULES = [
    ("elman", nn.RNN, {"nonlinearity": "tanh"}),
    ("elman-relu", nn.RNN, {"nonlinearity": "relu"}),
    ("lstm", nn.LSTM, {}),
    ("gru", nn.GRU, {}),
]
every_module = pytest.mark.parametrize(("name", "module_type", "options"), MODULES)


def network_of(name: str, seed: int = 0) -> Network:
    return Network(CELLS[name], oracles.as_torch(oracles.parameters(name, FEATURES, HIDDEN, seed)))


def module_of(module_type, seed: int = 0, **options) -> nn.Module:
    """A module whose parameters are all different and do not come from the global generator."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        module = module_type(FEATURES, HIDDEN, **options)
    with torch.no_grad():
        for value in module.parameters():
            value.copy_(torch.randn(value.shape, generator=generator))
    return module


@pytest.fixture
def unchecked():
    """What a user of the library meets, who has no annotations checked at every call."""
    before = config.jaxtyping_disable
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", before)


def hidden_states(network: Network, x: Tensor) -> Tensor:
    state = network.cell.zero_state(x[0], network.hidden_size)
    rows = []
    for x_t in x:
        state, signals = network.step(x_t, state)
        rows.append(signals.hidden)
    return torch.stack(rows)


# --- the record ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", oracles.NAMES)
def test_a_network_knows_its_sizes_and_takes_its_cells_step(name: str) -> None:
    network = network_of(name)
    assert (network.features, network.hidden_size) == (FEATURES, HIDDEN)
    p, x = oracles.parameters(name, FEATURES, HIDDEN, 0), oracles.inputs(FEATURES, 1, 0)[0]
    before = oracles.state(name, HIDDEN, 0)
    state, signals = network.step(
        torch.tensor(x), CELLS[name].state_type(*(torch.tensor(part) for part in before.values()))
    )
    after, expected = oracles.step(name, p, x, before)
    for part, value in after.items():
        np.testing.assert_allclose(getattr(state, part).numpy(), value, atol=1e-12)
    np.testing.assert_allclose(signals.hidden.numpy(), expected["hidden"], atol=1e-12)


def test_a_network_hands_the_tap_to_its_cell() -> None:
    network = network_of("lstm")
    x = torch.zeros(FEATURES, dtype=torch.float64)
    _, signals = network.step(
        x,
        network.cell.zero_state(x, HIDDEN),
        lambda name, value: torch.full_like(value, 0.25) if name == "forget" else value,
    )
    assert (signals.forget == 0.25).all()


def test_parameters_are_float64_copies_without_gradients() -> None:
    given = {
        key: torch.tensor(value, dtype=torch.float32, requires_grad=True)
        for key, value in oracles.parameters("lstm", FEATURES, HIDDEN, 0).items()
    }
    network = Network(CELLS["lstm"], given)
    before = given["weight_ih"].detach().clone()
    with torch.no_grad():
        given["weight_ih"].zero_()
    for value in network.parameters.values():
        assert value.dtype == torch.float64
        assert not value.requires_grad
    assert torch.equal(network.parameters["weight_ih"], before.double())


def test_float64_parameters_are_copied_too() -> None:
    given = oracles.as_torch(oracles.parameters("gru", FEATURES, HIDDEN, 0))
    network = Network(CELLS["gru"], given)
    kept = given["bias_hh"].clone()
    given["bias_hh"].fill_(7.0)
    given["weight_ih"] = torch.zeros(1)
    assert torch.equal(network.parameters["bias_hh"], kept)
    assert network.parameters["weight_ih"].shape == (3 * HIDDEN, FEATURES)


def test_the_parameters_cannot_be_exchanged_in_place() -> None:
    network = network_of("lstm")
    with pytest.raises(TypeError):
        network.parameters["bias_ih"] = torch.zeros(4 * HIDDEN)
    with pytest.raises(AttributeError):
        network.cell = CELLS["gru"]


def test_a_cell_may_be_given_by_its_name() -> None:
    given = oracles.as_torch(oracles.parameters("gru", FEATURES, HIDDEN, 0))
    assert Network("gru", given).cell is CELLS["gru"]


def test_an_unknown_name_of_a_cell_is_refused(unchecked) -> None:
    with pytest.raises(ValueError, match=r'^The cell is one of elman, .*gru-v3; got "lstn"\.$'):
        Network("lstn", {})


@pytest.mark.parametrize("carry", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))])
def test_a_network_goes_to_another_process_and_comes_back(carry) -> None:
    network = network_of("lstm-fgr")
    again = carry(network)
    assert again.cell is network.cell
    assert all(torch.equal(again.parameters[key], value) for key, value in network.parameters.items())


def test_the_repr_says_what_it_is_in_one_line() -> None:
    # 4 gates * (3 inputs + 4 hidden + 2 biases) * 4 units
    assert repr(network_of("lstm")) == '<Network "lstm": 3 features, 4 units, 144 parameters>'


# --- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("parameter", ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "peephole_output"])
def test_a_parameter_that_is_not_finite_is_refused_by_name(parameter: str, bad: float) -> None:
    given = oracles.as_torch(oracles.parameters("lstm-peephole", FEATURES, HIDDEN, 0))
    given[parameter].view(-1)[-1] = bad
    with pytest.raises(ValueError, match=rf"finite.*{parameter}"):
        Network(CELLS["lstm-peephole"], given)


@pytest.mark.parametrize("name", oracles.NAMES)
def test_each_missing_parameter_is_refused_by_name(name: str) -> None:
    whole = oracles.as_torch(oracles.parameters(name, FEATURES, HIDDEN, 0))
    for missing in whole:
        with pytest.raises(ValueError, match=missing):
            Network(CELLS[name], {key: value for key, value in whole.items() if key != missing})


@pytest.mark.parametrize(
    ("parameter", "shape"),
    [
        ("weight_ih", (15, FEATURES)),
        ("weight_ih", (16,)),
        ("weight_hh", (16, 5)),
        ("weight_hh", (HIDDEN, 16)),
        ("bias_ih", (15,)),
        ("bias_hh", (16, 1)),
        ("bias_hh", ()),
    ],
)
def test_a_parameter_of_another_shape_is_refused_with_both_shapes(parameter: str, shape) -> None:
    given = oracles.as_torch(oracles.parameters("lstm", FEATURES, HIDDEN, 0))
    with pytest.raises(ValueError, match=parameter) as refusal:
        Network(CELLS["lstm"], given | {parameter: torch.zeros(shape)})
    if parameter.startswith("bias"):
        assert "(16,)" in str(refusal.value)
        assert str(shape) in str(refusal.value)


def test_parameters_of_another_cell_are_refused() -> None:
    given = oracles.as_torch(oracles.parameters("lstm-peephole", FEATURES, HIDDEN, 0))
    with pytest.raises(ValueError, match="peephole_input absent"):
        Network(CELLS["lstm"], given)


def test_replace_gives_a_new_network_and_leaves_the_old_one() -> None:
    network = network_of("lstm")
    old = network.parameters["bias_ih"].clone()
    new = network.replace(bias_ih=torch.full((16,), 0.5))
    assert (new.parameters["bias_ih"] == 0.5).all()
    assert new.parameters["bias_ih"].dtype == torch.float64
    assert torch.equal(network.parameters["bias_ih"], old)
    for name in ("weight_ih", "weight_hh", "bias_hh"):
        assert torch.equal(new.parameters[name], network.parameters[name])
    assert new.cell is network.cell


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"bias": torch.zeros(16)}, "bias absent"),
        ({"peephole_input": torch.zeros(HIDDEN)}, "peephole_input absent"),
        ({"bias_ih": torch.zeros(12)}, r"bias_ih \(16,\); got bias_ih \(12,\)"),
        ({"weight_hh": torch.full((16, HIDDEN), math.nan)}, "finite.*weight_hh"),
    ],
)
def test_replace_refuses_an_unknown_name_a_wrong_shape_and_nan(tensors, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network_of("lstm").replace(**tensors)


# --- from torch ------------------------------------------------------------------------------------------


@every_module
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_from_torch_runs_as_the_module_does(name, module_type, options, bias: bool, dtype) -> None:
    module = module_of(module_type, bias=bias, dtype=dtype, **options)
    network = Network.from_torch(module)
    assert network.cell.name == name
    x = torch.tensor(oracles.inputs(FEATURES, 6, 1))
    with torch.no_grad():
        expected, _ = module.double()(x)
    np.testing.assert_allclose(hidden_states(network, x).numpy(), expected.numpy(), atol=1e-12)


@every_module
def test_from_torch_reads_each_layer_and_direction(name, module_type, options) -> None:
    module = module_of(module_type, num_layers=2, bidirectional=True, dtype=torch.float64, **options)
    x = torch.tensor(oracles.inputs(FEATURES, 5, 2))
    with torch.no_grad():
        expected, _ = module(x)
    below = x
    for layer in (0, 1):
        forward = Network.from_torch(module, layer=layer, direction=0)
        backward = Network.from_torch(module, layer=layer, direction=1)
        assert forward.features == below.shape[1]
        below = torch.cat([hidden_states(forward, below), hidden_states(backward, below.flip(0)).flip(0)], 1)
    np.testing.assert_allclose(below.numpy(), expected.numpy(), atol=1e-12)


def test_from_torch_copies_so_that_training_on_does_not_change_the_network() -> None:
    module = module_of(nn.LSTM, dtype=torch.float64)
    network = Network.from_torch(module)
    before = network.parameters["weight_hh"].clone()
    with torch.no_grad():
        module.weight_hh_l0.zero_()
    assert torch.equal(network.parameters["weight_hh"], before)
    assert before.any()


@pytest.mark.parametrize(("layer", "direction"), [(2, 0), (-1, 0), (0, 1), (0, -1), (2**40, 0)])
def test_from_torch_refuses_a_layer_or_direction_that_the_module_lacks(layer: int, direction: int) -> None:
    module = module_of(nn.LSTM, num_layers=2)
    with pytest.raises(ValueError, match=rf"layers 0 to 1 .*got layer {layer}, direction {direction}\."):
        Network.from_torch(module, layer=layer, direction=direction)


def test_from_torch_refuses_a_projection() -> None:
    with pytest.raises(ValueError, match=r"proj_size = 0\); got 2\."):
        Network.from_torch(module_of(nn.LSTM, proj_size=2))


@pytest.mark.parametrize("module", [nn.Linear(3, 4), nn.LSTMCell(3, 4), "lstm"])
def test_from_torch_refuses_another_kind_of_module(module, unchecked) -> None:
    kind = type(module).__name__
    with pytest.raises(ValueError, match=rf"^The module is a torch\.nn\.RNN, LSTM or GRU; got {kind}\.$"):
        Network.from_torch(module)


def test_from_torch_reads_a_subclass_as_what_it_is() -> None:
    class Named(nn.LSTM):
        """As people write to change an initialisation."""

    assert Network.from_torch(Named(3, 4)).cell.name == "lstm"


def test_from_torch_refuses_a_module_with_nan() -> None:
    module = module_of(nn.GRU)
    with torch.no_grad():
        module.bias_hh_l0[0] = math.nan
    with pytest.raises(ValueError, match="bias_hh"):
        Network.from_torch(module)


# --- to torch --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TORCH_CELLS)
def test_to_torch_runs_as_the_transcription_of_the_paper_does(name: str) -> None:
    module = network_of(name, seed=5).to_torch()
    x = oracles.inputs(FEATURES, 7, 5)
    expected = oracles.run(
        name, oracles.parameters(name, FEATURES, HIDDEN, 5), x, oracles.state(name, HIDDEN)
    )
    with torch.no_grad():
        output, _ = module(torch.tensor(x))
    np.testing.assert_allclose(output.numpy(), [step["hidden"] for step in expected], atol=1e-12)


@pytest.mark.parametrize("name", TORCH_CELLS)
def test_to_torch_and_back_gives_the_same_numbers(name: str) -> None:
    network = network_of(name, seed=6)
    module = network.to_torch()
    assert all(value.dtype == torch.float64 and value.requires_grad for value in module.parameters())
    again = Network.from_torch(module)
    assert again.cell is network.cell
    for key, value in oracles.parameters(name, FEATURES, HIDDEN, 6).items():
        assert np.array_equal(again.parameters[key].numpy(), value)


@pytest.mark.parametrize("name", TORCH_CELLS)
def test_to_torch_draws_no_random_number(name: str) -> None:
    before = torch.get_rng_state()
    network_of(name).to_torch()
    assert torch.equal(torch.get_rng_state(), before)


def test_training_the_module_does_not_change_the_network() -> None:
    network = network_of("gru", seed=7)
    module = network.to_torch()
    with torch.no_grad():
        for value in module.parameters():
            value.zero_()
    assert network.parameters["weight_ih"].abs().min() > 0


@pytest.mark.parametrize("name", [name for name in oracles.NAMES if name not in TORCH_CELLS])
def test_to_torch_refuses_a_cell_that_torch_does_not_have(name: str) -> None:
    with pytest.raises(ValueError, match=f'no counterpart of "{name}"'):
        network_of(name).to_torch()
