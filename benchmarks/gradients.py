"""The full gradient flow with all singular values at every lag, against what an engineer writes with torch.autograd.

Both sides give, for an LSTM with T=1000 and H=16 in float64: the gradient of the sum of the last h by every state and
pre-activation at every step, and d state_T / d state_t at every lag with its singular values. The engineer runs the
network with autograd on and the graph kept; from it one backward pass gives the gradients, and one more for each number
of the last state (`jacobian by rows`, 32 passes, each of which serves all lags) gives the Jacobians, whose singular
values are one batched SVD. The two obvious ways, a backward pass per step and `torch.autograd.functional.jacobian` per
lag, cost a pass of up to T steps each; a few of their steps are measured and the sum over all is estimated from them.
`speedup_t1000_h16` is against the cheaper of these two, a backward pass per step, which gives the gradients and not yet
a singular value; `speedup_backward_per_row` is against the engineer who thinks of the 32 passes.

The same numbers: gradients to 1e-12 relative, singular values to 1e-6 relative where float64 can hold them beside the
largest (a plain SVD loses those below 1e-10 of the largest; the graded form does not, and goes on where d state_T /
d state_t underflows).

Expected before it was written: a backward pass of T=1000 takes some 200 ms, so 33 of them 6 s, against 80 ms for the
flow and 150 ms for graded singular values: a factor of 25 to 30; and far more against the two obvious ways.
"""

import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from memviz import Experiment, Network, gradient_flow
from memviz.gradients import GradientFlow, Study, log10_singular_values
from memviz.web.gradients.engine import compute

STEPS, HIDDEN, FEATURES = 1000, 16, 4
TURNS = 3


def engineer(network: Network, inputs: torch.Tensor) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Gradients by name, (time, unit), and the singular values of d state_T / d state_t, (time, state)."""
    states, pre, last = _forward(network, inputs)
    wanted = [h for h, _ in states] + [c for _, c in states] + pre
    gradients = torch.autograd.grad(last[0].sum(), wanted, retain_graph=True, materialize_grads=True)
    third = len(states)
    named = {
        "hidden": torch.stack(gradients[:third]).numpy(),
        "cell": torch.stack(gradients[third : 2 * third]).numpy(),
        "pre": torch.stack(gradients[2 * third :]).numpy(),
    }
    inputs_of = [part for state in states for part in state]
    rows = []
    for part in last:
        for unit in range(HIDDEN):
            found = torch.autograd.grad(part[unit], inputs_of, retain_graph=True, materialize_grads=True)
            rows.append(torch.stack(found).view(third, 2 * HIDDEN))
    jacobians = torch.stack(rows, dim=1)  # time, row, column
    return named, torch.linalg.svdvals(jacobians).numpy()


def _forward(network: Network, inputs: torch.Tensor) -> tuple[list, list, tuple]:
    """The network with autograd on: each c as the next step reads it, so that h and c are independent."""
    p = {name: value.clone().requires_grad_() for name, value in network.parameters.items()}
    h = torch.zeros(HIDDEN, dtype=torch.float64, requires_grad=True)
    c = torch.zeros(HIDDEN, dtype=torch.float64, requires_grad=True)
    states, pre = [], []
    for x in inputs:
        a = p["weight_ih"] @ x + p["bias_ih"] + p["weight_hh"] @ h + p["bias_hh"]
        i, f, g, o = a.chunk(4)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        c_out = c.clone()  # what the next step reads; the way out through h leaves it aside
        h = torch.sigmoid(o) * torch.tanh(c)
        states.append((h, c_out))
        pre.append(a)
        c = c_out
    return states, pre, (h, c)


def memviz_side(network: Network, inputs: torch.Tensor) -> tuple[GradientFlow, np.ndarray]:
    """The same by memviz; singular values as log10, (lag, state)."""
    flow = gradient_flow(network, inputs)
    return flow, log10_singular_values(flow)


def largest_differences(network: Network, inputs: torch.Tensor) -> tuple[float, float]:
    """Of gradients, beside the norm of their step; of singular values that a plain SVD can see, relative."""
    named, values = engineer(network, inputs)
    flow, logs = memviz_side(network, inputs)
    state = flow.state
    ours = {
        "hidden": state[:, :HIDDEN],
        "cell": state[:, HIDDEN:],
        "pre": np.concatenate([*flow.pre.values()], axis=1),
    }
    worst = 0.0
    for name, theirs in named.items():
        norm = np.linalg.norm(theirs, axis=1)
        seen = norm > 1e-290
        worst = max(worst, float((np.linalg.norm(ours[name] - theirs, axis=1)[seen] / norm[seen]).max()))
    seen = (values > 1e-10 * values[:, :1]) & (values > 1e-290)
    relative = np.abs(10.0 ** logs[::-1][seen] / values[seen] - 1)
    return worst, float(relative.max())


def backward_per_step(network: Network, inputs: torch.Tensor, sample: int = 6) -> float:
    """Seconds for a gradient by each state, one backward pass after another, estimated from some of the steps."""
    states, _, last = _forward(network, inputs)
    loss = last[0].sum()
    taken = []
    for t in np.linspace(0, STEPS - 1, sample).astype(int):
        start = time.perf_counter()
        torch.autograd.grad(loss, states[t], retain_graph=True, allow_unused=True)
        taken.append(time.perf_counter() - start)
    return statistics.mean(taken) * STEPS


def jacobian_per_lag(network: Network, inputs: torch.Tensor) -> float:
    """Seconds for torch.autograd.functional.jacobian of the last state by each earlier one, estimated from lag 100."""
    lag = 100

    def last_state(state: torch.Tensor) -> torch.Tensor:
        h, c = state.split(HIDDEN)
        p = network.parameters
        for x in inputs[-lag:]:
            a = p["weight_ih"] @ x + p["bias_ih"] + p["weight_hh"] @ h + p["bias_hh"]
            i, f, g, o = a.chunk(4)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return torch.cat([h, c])

    start = time.perf_counter()
    torch.autograd.functional.jacobian(last_state, torch.zeros(2 * HIDDEN, dtype=torch.float64))
    per_step = (time.perf_counter() - start) / lag
    return per_step * STEPS * (STEPS + 1) / 2


def seconds(action: Callable[[], object]) -> float:
    """How long it takes once."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def main() -> None:
    """Print a table, and the same figures as one line of JSON."""
    torch.set_num_threads(1)
    network = Experiment(hidden_size=HIDDEN).build(FEATURES)
    inputs = torch.randn(STEPS, FEATURES, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    gradients, values = largest_differences(network, inputs)
    if gradients > 1e-10 or values > 1e-5:
        raise SystemExit(
            f"The two sides differ: gradients by {gradients:.1e}, singular values by {values:.1e}."
        )
    theirs, ours, page = [], [], []
    for _ in range(TURNS):
        theirs.append(seconds(lambda: engineer(network, inputs)))
        ours.extend(seconds(lambda: memviz_side(network, inputs)) for _ in range(3))
    study = Study(source="noise", lag=2999, experiment=Experiment(hidden_size=8, forget_bias=3.0))
    for _ in range(TURNS):
        page.append(seconds(lambda: compute(study, "lstm", 1, False)))
    rows, mine, whole = statistics.median(theirs), statistics.median(ours), statistics.median(page)
    per_step, per_lag = backward_per_step(network, inputs), jacobian_per_lag(network, inputs)
    print(f"T={STEPS} H={HIDDEN}, gradients and all singular values at every lag:")
    print(f"  memviz                                   {mine:8.2f} s")
    print(f"  autograd, a backward pass per row        {rows:8.2f} s   {rows / mine:6.0f} times")
    print(
        f"  autograd, a backward pass per step       {per_step:8.0f} s   {per_step / mine:6.0f} times (gradients alone)"
    )
    print(
        f"  autograd, a jacobian per lag             {per_lag:8.0f} s   {per_lag / mine:6.0f} times (estimated)"
    )
    print(f"  largest relative difference: gradients {gradients:.0e}, singular values {values:.0e}")
    print(f"T=3000 H=8, everything the page computes:  {whole:8.2f} s")
    figures = {
        "speedup_t1000_h16": round(per_step / mine, 1),
        "seconds_t3000_h8": round(whole, 3),
        "memviz_seconds_t1000_h16": round(mine, 3),
        "rows_seconds_t1000_h16": round(rows, 2),
        "speedup_backward_per_row": round(rows / mine, 1),
        "speedup_jacobian_per_lag": round(per_lag / mine),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
