"""How fast networks learn: the thousand steps from five seeds, and updates a second beside a plain loop of torch.nn.

The latch of T=1,000 with ln T biases (H=4, B=32, Adam 0.02, gradients clipped at 1) is taught from seeds 0 to 4 by what
the app uses.

The plain loop is what people write: torch.nn.LSTM, torch.nn.Linear, torch.optim.Adam and clip_grad_norm_, and it looks
at nothing. It starts from the same weights and draws the same batches by the same generator, so that both sides make
the same updates; the losses of their last updates are printed side by side. memviz looks at the score every 20 updates
and keeps checkpoints, and all of that counts, the score over 512 sequences at its end too. The two take turns of some
20 updates on one thread, so that both meet the same machine, over all 500 updates of a training as the app has it by
default.

Expected before it was written: 5 of 5 seeds in some 4 s each; and a ratio near 1, since the kernel takes nearly all the
time.
"""

import json
import statistics
import time
from collections.abc import Generator
from dataclasses import replace
from math import log

import numpy as np
import torch
from torch import nn

from benchmarks.shared.others import p95_ratio
from memviz import Experiment, TrainingSettings, fit, tasks
from memviz.training import train
from memviz.training.learners import ReadoutLayer

STEPS, SEEDS = 1000, range(5)
EXPERIMENT = Experiment("lstm", 4, forget_bias=log(STEPS), input_bias=-log(STEPS))
TASK = tasks.latch(STEPS)
SETTINGS = TrainingSettings(stop_when_solved=False)
TURN, ROUNDS = 20, 2


def main() -> None:
    """Print a table, and the same figures as one line of JSON."""
    torch.set_num_threads(1)
    figures = thousand_steps() | beside_a_plain_loop() | p95_ratio()
    print(json.dumps(figures))


def thousand_steps() -> dict[str, float]:
    """How many of five seeds learn it, and how long they take."""
    solved, seconds = 0, []
    for seed in SEEDS:
        started = time.perf_counter()
        trained = fit(replace(EXPERIMENT, seed=seed), TASK, TrainingSettings(seed=seed))
        seconds.append(time.perf_counter() - started)
        solved += trained.outcome.kind == "solved"
        print(f"T={STEPS:,}, seed {seed}: {seconds[-1]:6.1f} s, {trained.outcome.sentence}")
    return {"latch1000_solved_of_5": solved, "latch1000_median_s": round(statistics.median(seconds), 2)}


def beside_a_plain_loop() -> dict[str, float]:
    """Updates a second of both, in turns."""
    next(plain_loop())  # the first optimiser of torch.optim loads torch's compiler
    ratios = []
    for number in range(ROUNDS):
        plain, ours = Side(plain_loop()), Side(memviz_loop())
        while any([plain.turn(), ours.turn()]):
            pass
        ratios.append(plain.seconds / ours.seconds)
        print(
            f"round {number}, updates a second: plain loop {SETTINGS.updates / plain.seconds:.1f}, memviz "
            f"{SETTINGS.updates / ours.seconds:.1f}, ratio {ratios[-1]:.3f}; mean loss of the last {TURN} updates "
            f"{plain.loss:.6f} and {ours.loss:.6f}"
        )
    return {"steps_ratio": round(statistics.median(ratios), 3)}


class Side:
    """One side: how long its turns took, and the mean loss of its last updates."""

    def __init__(self, loop: Generator[None, None, float]) -> None:
        self._loop, self.seconds, self.loss = loop, 0.0, float("nan")

    def turn(self) -> bool:
        """Go on for a turn; whether there is another."""
        started = time.perf_counter()
        try:
            next(self._loop)
        except StopIteration as end:
            self.loss = end.value
            return False
        finally:
            self.seconds += time.perf_counter() - started
        return True


def plain_loop() -> Generator[None, None, float]:
    """All updates as people write them, a turn at a time."""
    draws, readout_draws = (
        torch.Generator().manual_seed(
            int(np.random.SeedSequence([SETTINGS.seed, which]).generate_state(1)[0])
        )
        for which in (0, 1)
    )
    module, readout = nn.LSTM(len(TASK.features), 4, batch_first=True), nn.Linear(4, 2)
    drawn = ReadoutLayer(4, 2, readout_draws)
    with torch.no_grad():
        for name, value in EXPERIMENT.build(TASK.alphabet()).parameters.items():
            getattr(module, f"{name}_l0").copy_(value)
        readout.weight.copy_(drawn.weight)
        readout.bias.copy_(drawn.bias)
    every = [*module.parameters(), *readout.parameters()]
    optimiser = torch.optim.Adam(every, lr=SETTINGS.rate)
    TASK.batch(SETTINGS.batch, draws)  # memviz looks at the loss of this one before its first update
    losses: list[float] = []
    for update in range(1, SETTINGS.updates + 1):
        batch = TASK.batch(SETTINGS.batch, draws)
        hidden, _ = module(batch.inputs)
        loss = nn.functional.cross_entropy(readout(hidden[:, -1]), batch.targets[:, -1])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(every, 1.0)
        optimiser.step()
        losses.append(loss.item())
        if update % TURN == 0:
            yield
    return statistics.mean(losses[-TURN:])


def memviz_loop() -> Generator[None, None, float]:
    """As many of memviz's, with its looks at the score, its checkpoints and the score at the end, a turn at a time."""
    steps = train(EXPERIMENT, TASK, SETTINGS)
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            return float(end.value.history[-1, 1])
        if progress.update and progress.update % TURN == 0:
            yield


if __name__ == "__main__":
    main()
