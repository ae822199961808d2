"""What Flax and Equinox compute, written out in plain numpy from their sources, as an oracle that needs no jax."""

import numpy as np


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def flax_lstm(p: dict, xs: np.ndarray) -> np.ndarray:
    """flax.linen.LSTMCell: y = x @ kernel (+ bias), a dense layer for each gate and side."""
    h = c = np.zeros(p["hi"]["kernel"].shape[1])
    hidden = []
    for x in xs:
        a = {g: x @ p["i" + g]["kernel"] + h @ p["h" + g]["kernel"] + p["h" + g]["bias"] for g in "ifgo"}
        c = sigmoid(a["f"]) * c + sigmoid(a["i"]) * np.tanh(a["g"])
        h = sigmoid(a["o"]) * np.tanh(c)
        hidden.append(h)
    return np.array(hidden)


def flax_gru(p: dict, xs: np.ndarray) -> np.ndarray:
    """flax.linen.GRUCell."""
    h = np.zeros(p["hr"]["kernel"].shape[1])
    hidden = []
    for x in xs:
        r = sigmoid(x @ p["ir"]["kernel"] + p["ir"]["bias"] + h @ p["hr"]["kernel"])
        z = sigmoid(x @ p["iz"]["kernel"] + p["iz"]["bias"] + h @ p["hz"]["kernel"])
        n = np.tanh(x @ p["in"]["kernel"] + p["in"]["bias"] + r * (h @ p["hn"]["kernel"] + p["hn"]["bias"]))
        h = (1 - z) * n + z * h
        hidden.append(h)
    return np.array(hidden)


def equinox_lstm(
    weight_ih: np.ndarray, weight_hh: np.ndarray, bias: np.ndarray, xs: np.ndarray
) -> np.ndarray:
    """equinox.nn.LSTMCell."""
    h = c = np.zeros(weight_hh.shape[1])
    hidden = []
    for x in xs:
        i, f, g, o = np.split(weight_ih @ x + weight_hh @ h + bias, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        hidden.append(h)
    return np.array(hidden)


def equinox_gru(
    weight_ih: np.ndarray, weight_hh: np.ndarray, bias: np.ndarray, bias_n: np.ndarray, xs: np.ndarray
) -> np.ndarray:
    """equinox.nn.GRUCell."""
    h = np.zeros(weight_hh.shape[1])
    hidden = []
    for x in xs:
        igates, hgates = np.split(weight_ih @ x + bias, 3), np.split(weight_hh @ h, 3)
        reset, inp = sigmoid(igates[0] + hgates[0]), sigmoid(igates[1] + hgates[1])
        new = np.tanh(igates[2] + reset * (hgates[2] + bias_n))
        h = new + inp * (h - new)
        hidden.append(h)
    return np.array(hidden)
