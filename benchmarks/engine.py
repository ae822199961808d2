"""`record` + `gradient_flow` against the loop that people write today, with `retain_grad`, in float64.

Both sides give the same numbers: every signal of every step (W x, U h, bias, pre-activation and activation of each
gate, c, tanh c, h) and the total gradient of the sum of the last h by every pre-activation, activation, c, tanh c
and h. The benchmark checks that first. Both run in turns, one thread each; a ratio is between the medians.

Expected before it was written: a Python loop with autograd costs some 150 microseconds a step, the bare loop some 40,
and the Jacobians of all steps together about 1 ms + 15 microseconds a step; so about 0.4 at T=50 and 0.3 at T=1000.
"""

import json

import numpy as np
import torch

from benchmarks.shared.turns import in_turns
from memviz import Experiment, Network, gradient_flow

SIZES = ((50, 8, 20, 10), (1000, 16, 5, 3))  # timesteps, units, turns, repeats in a turn
FEATURES = 4
GATES = ("input", "forget", "candidate", "output")
PARTS = [f"{gate}_{part}" for part in ("from_input", "from_hidden", "bias") for gate in GATES]
RETAINED = [*(f"{gate}_pre" for gate in GATES), *GATES, "cell", "cell_tanh", "hidden"]


def retain_grad_loop(
    network: Network, inputs: torch.Tensor
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Every signal, and the gradient of the sum of the last h by each, by a loop with autograd."""
    parameters = {name: value.clone().requires_grad_() for name, value in network.parameters.items()}
    w, u, b_ih, b_hh = (parameters[name] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    h = torch.zeros(network.hidden_size, dtype=torch.float64)
    c = torch.zeros(network.hidden_size, dtype=torch.float64)
    kept = []
    for x in inputs:
        parts = ((w @ x).chunk(4), (u @ h).chunk(4), (b_ih + b_hh).chunk(4))
        a = [wx + uh + b for wx, uh, b in zip(*parts, strict=True)]
        i, f, o = torch.sigmoid(a[0]), torch.sigmoid(a[1]), torch.sigmoid(a[3])
        g = torch.tanh(a[2])
        c = f * c + i * g
        tanh_c = torch.tanh(c)
        h = o * tanh_c
        retained = [*a, i, f, g, o, c, tanh_c, h]
        for value in retained:
            value.retain_grad()
        kept.append((*parts[0], *parts[1], *parts[2], *retained))
    h.sum().backward()
    columns = dict(zip([*PARTS, *RETAINED], zip(*kept, strict=True), strict=True))
    values = {name: torch.stack(column).detach().numpy() for name, column in columns.items()}
    gradients = {name: torch.stack([value.grad for value in columns[name]]).numpy() for name in RETAINED}
    return values, gradients


def largest_difference(network: Network, inputs: torch.Tensor) -> float:
    """The largest difference of any number that both sides give."""
    values, gradients = retain_grad_loop(network, inputs)
    flow = gradient_flow(network, inputs)
    differences = [np.abs(flow.trace[name] - values[name]).max() for name in values]
    differences += [np.abs(flow.signals[name] - gradients[name]).max() for name in gradients]
    return float(max(differences))


def main() -> None:
    """Print a table, and the same figures as one line of JSON."""
    torch.set_num_threads(1)
    figures = {}
    print(f"{'':14}{'retain_grad loop':>18}{'memviz':>12}{'ratio':>8}{'largest difference':>20}")
    for steps, hidden_size, turns, repeats in SIZES:
        network = Experiment(hidden_size=hidden_size).build(FEATURES)
        generator = torch.Generator().manual_seed(0)
        inputs = torch.randn(steps, FEATURES, dtype=torch.float64, generator=generator)
        difference = largest_difference(network, inputs)
        if difference > 1e-12:
            raise SystemExit(f"The two sides differ by {difference:.1e}; at most 1e-12 is allowed.")
        loop, ours = in_turns(
            lambda network=network, inputs=inputs: retain_grad_loop(network, inputs),
            lambda network=network, inputs=inputs: gradient_flow(network, inputs),
            turns,
            repeats,
        )
        name = f"t{steps}_h{hidden_size}"
        figures |= {f"ratio_{name}": round(ours / loop, 3), f"loop_ms_{name}": round(loop, 2)}
        figures |= {f"memviz_ms_{name}": round(ours, 2)}
        print(
            f"T={steps:<5} H={hidden_size:<5}{loop:>15.2f} ms{ours:>9.2f} ms{ours / loop:>8.2f}{difference:>20.1e}"
        )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
