"""A traced run with three interventions against the same run without any.

The interventions are a forget gate held at 1 in one unit, the input gate scaled over a part of the run, and a unit's
hidden state ablated; together they touch two or three signals at every step. Both sides run in turns, one thread each,
and what is taken is the thread's own time, so that other work on the machine counts little. A ratio is between the
medians; the largest of all sizes is the figure.

Expected before it was measured: a step costs some 30 microseconds; a tap is asked for eleven more signals at some 0.1
each, a `torch.where` costs 2 to 3, and making the masks some 100 for a whole run; so about 1.25, and at T=50 about 1.3.
"""

import json
import time

import numpy as np
import torch

from benchmarks.shared.turns import in_turns
from memviz import Ablate, Clamp, Experiment, Scale, record

SIZES = ((50, 8, 100, 5), (1000, 16, 12, 2))  # timesteps, units, turns, repeats in a turn
FEATURES = 4


def main() -> None:
    """Print a table, and the same figures as one line of JSON."""
    torch.set_num_threads(1)
    figures = {}
    print(f"{'':14}{'unmodified':>14}{'three interventions':>22}{'ratio':>8}")
    for steps, hidden_size, turns, repeats in SIZES:
        network = Experiment(hidden_size=hidden_size).build(FEATURES)
        inputs = np.random.default_rng(0).standard_normal((steps, FEATURES))
        interventions = (
            Clamp("forget", 1.0, units=[0]),
            Scale("input", 0.5, units=[1], steps=range(steps // 5, steps // 2)),
            Ablate("hidden", units=[2]),
        )
        changed = record(network, inputs, interventions=interventions)
        if not ((changed["forget"][:, 0] == 1).all() and (changed["hidden"][:, 2] == 0).all()):
            raise SystemExit("The interventions did not act.")
        plain, ours = in_turns(
            lambda network=network, inputs=inputs: record(network, inputs),
            lambda network=network, inputs=inputs, chosen=interventions: record(
                network, inputs, interventions=chosen
            ),
            turns,
            repeats,
            time.thread_time,
        )
        ratio = round(ours / plain, 3)
        figures[f"ratio_t{steps}_h{hidden_size}"] = ratio
        print(f"T={steps:<5} H={hidden_size:<5}{plain:>11.2f} ms{ours:>19.2f} ms{ratio:>8.2f}")
    print(json.dumps({"ratio": max(figures.values())} | figures))


if __name__ == "__main__":
    main()
