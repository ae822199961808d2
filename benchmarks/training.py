"""How fast networks learn: the thousand steps from five seeds, and updates a second beside a plain loop of torch.nn.

The latch of T=1,000 with ln T biases (H=4, B=32, Adam 0.02, gradients clipped at 1) is taught from seeds 0 to 4 by what
the app uses. The plain loop does the same updates, of the same sequences, on torch.nn.LSTM and torch.optim.Adam, and
looks at nothing; memviz looks at the score every 20 updates and keeps checkpoints. Both run in turns on one thread.

Expected before it was written: 5 of 5 seeds in some 4 s each; and a ratio near 1, since the kernel takes nearly all the
time.
"""

import json
import statistics
import time
from dataclasses import replace
from math import log

import torch
from torch import nn

from benchmarks.shared.others import p95_ratio
from memviz import Experiment, TrainingSettings, fit, tasks

STEPS, SEEDS = 1000, range(5)
EXPERIMENT = Experiment("lstm", 4, forget_bias=log(STEPS), input_bias=-log(STEPS))
TASK = tasks.latch(STEPS)
UPDATES, TURNS = 60, 5


def plain_loop(updates: int) -> float:
    """Seconds for so many updates as people write them."""
    settings = TrainingSettings()
    generator = torch.Generator().manual_seed(0)
    network = EXPERIMENT.build(TASK.alphabet())
    module, readout = nn.LSTM(len(TASK.features), 4, batch_first=True), nn.Linear(4, 2)
    with torch.no_grad():
        for name, value in network.parameters.items():
            getattr(module, f"{name}_l0").copy_(value)
    every = [*module.parameters(), *readout.parameters()]
    optimiser = torch.optim.Adam(every, lr=settings.rate)
    started = time.perf_counter()
    for _ in range(updates):
        batch = TASK.batch(settings.batch, generator)
        hidden, _ = module(batch.inputs)
        loss = nn.functional.cross_entropy(readout(hidden[:, -1]), batch.targets[:, -1])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(every, 1.0)
        optimiser.step()
    return time.perf_counter() - started


def memviz_loop(updates: int) -> float:
    """Seconds for as many of memviz's, with its looks at the score and its checkpoints."""
    settings = TrainingSettings(updates=updates, stop_when_solved=False)
    started = time.perf_counter()
    fit(EXPERIMENT, TASK, settings)
    return time.perf_counter() - started


def main() -> None:
    """Print a table, and the same figures as one line of JSON."""
    torch.set_num_threads(1)
    solved, seconds = 0, []
    for seed in SEEDS:
        started = time.perf_counter()
        trained = fit(replace(EXPERIMENT, seed=seed), TASK, TrainingSettings(seed=seed))
        seconds.append(time.perf_counter() - started)
        solved += trained.outcome.kind == "solved"
        print(f"T={STEPS:,}, seed {seed}: {seconds[-1]:6.1f} s, {trained.outcome.sentence}")
    plain_loop(2)  # the first optimiser of torch.optim loads torch's compiler
    plain, ours = [], []
    for _ in range(TURNS):
        plain.append(plain_loop(UPDATES))
        ours.append(memviz_loop(UPDATES))
    plain_speed, speed = (UPDATES / statistics.median(times) for times in (plain, ours))
    print(
        f"updates a second: plain loop {plain_speed:.1f}, memviz {speed:.1f}, ratio {speed / plain_speed:.2f}"
    )
    figures = {
        "latch1000_solved_of_5": solved,
        "latch1000_median_s": round(statistics.median(seconds), 2),
        "steps_ratio": round(speed / plain_speed, 3),
        **p95_ratio(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
