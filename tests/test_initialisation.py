"""The draw of parameters: independent of order, thread and neighbour, and from the distribution it claims."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from memviz.cells import CELLS
from memviz.initialisation import INITIALISATIONS, chrono_biases, draw_parameters
from tests import oracles

every_cell = pytest.mark.parametrize("name", oracles.NAMES)
every_initialisation = pytest.mark.parametrize("initialisation", INITIALISATIONS)
# The blocks of the whole family and the ones that a cell keeps, as torch orders them.
LSTM_BLOCKS = {
    "lstm": (0, 1, 2, 3),
    "lstm-1997": (0, 2, 3),
    "lstm-peephole": (0, 1, 2, 3),
    "lstm-coupled": (0, 2, 3),
    "lstm-nig": (1, 2, 3),
    "lstm-nfg": (0, 2, 3),
    "lstm-nog": (0, 1, 2),
    "lstm-niaf": (0, 1, 2, 3),
    "lstm-noaf": (0, 1, 2, 3),
    "lstm-fgr": (0, 1, 2, 3),
}

GOLDEN = [0.4688836337612658, 0.24920193614819652, -0.3543798106140582]  # seed 7, symbol "a"


def draw(name: str, hidden: int = 6, seed: int = 0, initialisation: str = "uniform", keys=("a", "b", "c")):
    return draw_parameters(CELLS[name], list(keys), hidden, seed, initialisation)


@every_cell
@every_initialisation
def test_each_parameter_of_the_cell_is_drawn_in_float64(name: str, initialisation: str) -> None:
    drawn = draw(name, initialisation=initialisation)
    expected = {key: value.shape for key, value in oracles.parameters(name, 3, 6, 0).items()}
    assert {key: tuple(value.shape) for key, value in drawn.items()} == expected
    assert all(value.dtype == torch.float64 for value in drawn.values())


@every_cell
@every_initialisation
def test_the_same_settings_draw_the_same_bits_on_eight_threads_at_once(
    name: str, initialisation: str
) -> None:
    expected = draw(name, 16, 5, initialisation)

    def disturbed(_: int):
        torch.rand(17)  # the global generator, which everyone shares
        np.random.default_rng().random(3)
        return draw(name, 16, 5, initialisation)

    with ThreadPoolExecutor(8) as pool:
        for drawn in pool.map(disturbed, range(16)):
            for key, value in expected.items():
                assert torch.equal(drawn[key], value), key


def test_drawing_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    draw("lstm-fgr", initialisation="orthogonal")
    chrono_biases(CELLS["lstm"], 6, 0, 50)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_draw_is_the_same_in_every_version_of_this_library() -> None:
    """Printed once and kept: an address that someone shared must go on meaning the same network."""
    drawn = draw("lstm", 2, 7, keys=("symbol:a",))
    assert drawn["weight_ih"][:3, 0].tolist() == GOLDEN


def bits(drawn) -> bytes:
    return b"".join(value.numpy().tobytes() for value in drawn.values())


@every_cell
def test_another_seed_draws_every_parameter_anew(name: str) -> None:
    one, other = draw(name, seed=1), draw(name, seed=2)
    for key, value in one.items():
        assert not (value == other[key]).any(), key


def test_no_parameter_repeats_the_numbers_of_another() -> None:
    drawn = torch.cat([value.flatten() for value in draw("lstm-fgr", 8).values()])
    assert len(drawn.unique()) == len(drawn)


@every_cell
def test_a_symbols_input_weights_do_not_depend_on_the_other_symbols(name: str) -> None:
    alone = draw(name, keys=["b"])
    among = draw(name, keys=["x", "a", "b", "c"])
    reordered = draw(name, keys=["b", "a"])
    assert torch.equal(alone["weight_ih"][:, 0], among["weight_ih"][:, 2])
    assert torch.equal(alone["weight_ih"][:, 0], reordered["weight_ih"][:, 0])
    assert not torch.equal(among["weight_ih"][:, 1], among["weight_ih"][:, 2])
    for key in alone.keys() - {"weight_ih"}:
        assert torch.equal(alone[key], among[key]), key


@pytest.mark.parametrize(
    "key", ["symbol:'", 'symbol:"', "symbol:\n", "symbol:🧑‍🚀", "symbol:", "symbol:', 'b"]
)
def test_an_odd_symbol_has_weights_of_its_own(key: str) -> None:
    odd, plain = draw("lstm", keys=[key])["weight_ih"], draw("lstm", keys=["symbol:b"])["weight_ih"]
    assert not (odd == plain).any()


@pytest.mark.parametrize("name", sorted(LSTM_BLOCKS))
@every_initialisation
def test_an_ablation_shares_the_weights_of_the_gates_it_keeps(name: str, initialisation: str) -> None:
    whole, own = draw("lstm", initialisation=initialisation), draw(name, initialisation=initialisation)
    for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        blocks = whole[key].chunk(4)
        assert torch.equal(own[key], torch.cat([blocks[index] for index in LSTM_BLOCKS[name]])), key
    vanilla = draw("lstm-peephole", initialisation=initialisation)
    for key in own.keys() & vanilla.keys():
        if key.startswith("peephole"):
            assert torch.equal(own[key], vanilla[key])


def test_both_grus_and_both_elman_networks_share_all_weights() -> None:
    for one, other in (("gru", "gru-v3"), ("elman", "elman-relu")):
        assert bits(draw(one)) == bits(draw(other))


# --- the distributions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["elman", "lstm-fgr", "gru"])
@pytest.mark.parametrize("hidden", [1, 4, 64])
def test_the_uniform_draw_is_torchs_own_distribution(name: str, hidden: int) -> None:
    bound = 1 / math.sqrt(hidden)
    seeds = range(max(1, 400 // hidden))
    draws = [draw(name, hidden, seed) for seed in seeds]
    for key in draws[0]:
        values = torch.cat([drawn[key].flatten() for drawn in draws]).numpy()
        assert (np.abs(values) <= bound).all()
        # Five standard errors of the mean and of the variance of U(-b, b); the kurtosis of a uniform is 1.8.
        n, variance = len(values), bound**2 / 3
        assert abs(values.mean()) < 5 * math.sqrt(variance / n), key
        assert abs(values.var() - variance) < 5 * variance * math.sqrt(0.8 / n), key
        assert np.abs(values).max() > 0.9 * bound


@pytest.mark.parametrize("name", oracles.NAMES)
@pytest.mark.parametrize("hidden", [1, 2, 7])
def test_each_gates_recurrent_block_is_orthogonal(name: str, hidden: int) -> None:
    drawn = draw(name, hidden, 3, "orthogonal")
    blocks = drawn["weight_hh"].split(hidden)
    assert len(blocks) == oracles.ORACLES[name].blocks
    for block in blocks:
        np.testing.assert_allclose(block @ block.T, np.eye(hidden), atol=1e-13)
    plain = draw(name, hidden, 3)
    for key in drawn.keys() - {"weight_hh"}:
        assert torch.equal(drawn[key], plain[key])
    if hidden == 7:
        assert len({tuple(block.flatten().tolist()) for block in blocks}) == len(blocks)


def test_orthogonal_blocks_are_haar_distributed() -> None:
    # A QR without the signs of R would have a first column of one sign: Haar has mean zero, variance 1 / H.
    entries = np.array(
        [draw("elman", 3, seed, "orthogonal", keys=["a"])["weight_hh"].numpy() for seed in range(600)]
    )
    assert np.abs(entries.mean(axis=0)).max() < 5 * math.sqrt(1 / 3 / 600)
    np.testing.assert_allclose(entries.var(axis=0), 1 / 3, atol=0.08)
    determinants = np.linalg.det(entries)
    assert 0.4 < (determinants > 0).mean() < 0.6


@pytest.mark.parametrize("steps", [3, 10, 784])
def test_chrono_biases_lie_between_log_1_and_log_of_one_step_less(steps: int) -> None:
    biases = torch.cat([chrono_biases(CELLS["lstm"], 64, seed, steps)["forget"] for seed in range(20)])
    assert biases.min() >= 0
    assert biases.max() <= math.log(steps - 1)
    # exp of the bias is uniform on (1, T - 1).
    uniform = (biases.exp().numpy() - 1) / (steps - 2)
    assert abs(uniform.mean() - 0.5) < 5 * math.sqrt(1 / 12 / len(uniform))
    assert abs(uniform.var() - 1 / 12) < 0.01


@every_cell
def test_chrono_biases_are_given_to_the_gates_that_a_cell_has_weights_for(name: str) -> None:
    biases = chrono_biases(CELLS[name], 5, 4, 30)
    lstm = chrono_biases(CELLS["lstm"], 5, 4, 30)
    expected = {
        "elman": (),
        "elman-relu": (),
        "gru": ("update",),
        "gru-v3": ("update",),
        "lstm-nig": ("forget",),
        "lstm-1997": ("input",),
        "lstm-coupled": ("input",),
        "lstm-nfg": ("input",),
    }.get(name, ("forget", "input"))
    assert set(biases) == set(expected)
    assert torch.equal(lstm["input"], -lstm["forget"])
    for gate, bias in biases.items():
        assert torch.equal(bias, lstm["input" if gate == "input" else "forget"])


@pytest.mark.parametrize("name", ["elman", "lstm-fgr", "gru"])
@pytest.mark.parametrize("hidden", [1, 4, 64])
def test_normal_recurrent_weights_have_the_variance_one_over_h_and_all_else_is_uniform(
    name: str, hidden: int
) -> None:
    seeds = range(max(1, 800 // hidden))
    draws = [draw(name, hidden, seed, "normal") for seed in seeds]
    values = torch.cat([drawn["weight_hh"].flatten() for drawn in draws]).numpy() * math.sqrt(hidden)
    # Five standard errors of the mean and of the variance, and the tails, of N(0, 1).
    assert abs(values.mean()) < 5 / math.sqrt(len(values))
    assert abs(values.var() - 1) < 5 * math.sqrt(2 / len(values))
    assert abs((np.abs(values) > 1.96).mean() - 0.05) < 5 * math.sqrt(0.05 * 0.95 / len(values))
    plain = draw(name, hidden, 0)
    for key in plain.keys() - {"weight_hh"}:
        assert torch.equal(draws[0][key], plain[key]), key


@every_cell
@pytest.mark.parametrize("hidden", [1, 2, 5])
def test_the_non_normal_start_is_one_matrix_for_each_gate_and_nothing_else(name: str, hidden: int) -> None:
    drawn = draw(name, hidden, 3, "non-normal")
    block = 0.9 * np.eye(hidden) + 5.0 * np.eye(hidden, k=1)
    expected = np.concatenate([block] * oracles.ORACLES[name].blocks)
    assert np.array_equal(drawn["weight_hh"].numpy(), expected)
    assert not any(value.any() for key, value in drawn.items() if key != "weight_hh")
    assert bits(drawn) == bits(draw(name, hidden, 4, "non-normal"))


def test_the_non_normal_matrix_shrinks_in_the_end_and_grows_before() -> None:
    matrix = draw("elman", 2, 0, "non-normal")["weight_hh"].numpy()
    assert np.abs(np.linalg.eigvals(matrix)).max() == pytest.approx(0.9)
    assert np.linalg.norm(np.linalg.matrix_power(matrix, 9), 2) == pytest.approx(19.38, abs=0.01)
