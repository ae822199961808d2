"""`memviz.recording` around a user's own LSTM, against the bare module and against the loop that people write today.

In float32 on one thread, a single `nn.LSTM` of (T, B, I, H). A ratio is between medians, the sides taking turns:

- `trace_ratio`: the whole block `with recording(module): module(x)`, with every gate, candidate, cell and hidden state
  of every step computed, over `module(x)`; both without gradients.
- `gradient_ratio`: `with recording(module, gradients=True): module(x)[0].backward(g)`, with the same and dL/da of every
  gate, dL/dc and dL/dh of every step computed, over the same two calls alone.
- `loop_over_memviz`: a Python loop over the same equations with `retain_grad` on the gates' pre-activations, c and h,
  with its backward, over the recorded forward and backward.

All sides are checked against each other first. Peak memory is of a process of its own that calls one side twice,
beyond what it held before. `--cpu` measures the thread's CPU time instead of the clock on the wall, for a machine
that is shared.

To reach: trace_ratio at most 4, gradient_ratio at most 2.5 and at T=50 3.2, loop_over_memviz at least 15 at T=1000
and 4 at T=50. What was expected before it was written, and what came out, is in README.md.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.shared.turns import in_turns
from memviz import recording

SIZES = (  # timesteps, batch, features, units, turns, repeats in a turn
    (50, 1, 8, 8, 20, 20),
    (1000, 1, 8, 16, 10, 10),
    (1000, 1, 32, 64, 8, 6),
    (200, 32, 64, 128, 5, 3),
    (500, 16, 256, 512, 3, 1),
)
SIDES = ("forward", "recorded forward", "both", "recorded both", "loop")
GATES = ("input", "forget", "candidate", "output")


def sides(steps: int, batch: int, features: int, units: int) -> dict[str, Callable[[], object]]:
    """What is measured, by name."""
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.random.manual_seed(0)
        module = nn.LSTM(features, units)
    x = torch.randn(steps, batch, features, generator=generator)
    reaching = torch.randn(steps, batch, units, generator=generator)

    def forward() -> None:
        with torch.no_grad():
            module(x)

    def recorded_forward() -> dict[str, Tensor]:
        with torch.no_grad(), recording(module) as found:
            module(x)
        return dict(found[""].call.signals)

    def both() -> None:
        module.zero_grad()
        module(x)[0].backward(reaching)

    def recorded_both() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        module.zero_grad()
        with recording(module, gradients=True) as found:
            module(x)[0].backward(reaching)
        return dict(found[""].call.signals), dict(found[""].gradient)

    def loop() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        return _loop(module, x, reaching)

    return dict(zip(SIDES, (forward, recorded_forward, both, recorded_both, loop), strict=True))


def _loop(module: nn.LSTM, x: Tensor, reaching: Tensor) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What people write: one step after another, everything kept, `retain_grad` on what is of interest."""
    module.zero_grad()
    h = c = torch.zeros(x.shape[1], module.hidden_size)
    kept, hidden = [], []
    for x_t in x:
        a = x_t @ module.weight_ih_l0.T + module.bias_ih_l0 + h @ module.weight_hh_l0.T + module.bias_hh_l0
        pre = a.chunk(4, dim=1)
        i, f, o = torch.sigmoid(pre[0]), torch.sigmoid(pre[1]), torch.sigmoid(pre[3])
        g = torch.tanh(pre[2])
        c = f * c + i * g
        h = o * torch.tanh(c)
        for value in (*pre, c, h):
            value.retain_grad()
        hidden.append(h)
        kept.append((*pre, i, f, g, o, c, h))
    torch.stack(hidden).backward(reaching)
    columns = list(zip(*kept, strict=True))
    names = (*GATES, "cell", "hidden")
    values = {name: torch.stack(column).detach() for name, column in zip(names, columns[4:], strict=True)}
    wanted = (*columns[:4], *columns[8:])
    gradients = {
        name: torch.stack([v.grad for v in column]) for name, column in zip(names, wanted, strict=True)
    }
    return values, gradients


def largest_difference(actions: dict[str, Callable[[], object]]) -> float:
    """The largest difference of any number that the loop and memviz both give, beside the largest of its kind."""
    values, gradients = actions["loop"]()
    signals, found = actions["recorded both"]()
    alone = actions["recorded forward"]()
    worst = 0.0
    for ours, theirs in ((signals, values), (alone, values), (found, gradients)):
        for name, value in theirs.items():
            difference = (ours[name][0, 0].transpose(0, 1) - value).abs().max() / value.abs().max()
            worst = max(worst, float(difference))
    return worst


def peak(side: str, size: tuple[int, ...]) -> float:
    """The megabytes that one side needs at most, in a process of its own."""
    command = [sys.executable, __file__, "--peak", side, *map(str, size)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _print_peak(side: str, size: list[int]) -> None:
    sides(4, 1, 2, 2)[side]()  # what is loaded at the first call is not the size's
    action = sides(*size)[side]
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew (Linux)
    before = _resident("VmRSS")
    for _ in range(2):
        action()
    print((_resident("VmHWM") - before) / 1024)


def _resident(name: str) -> int:
    """Kilobytes of memory now (VmRSS) or at most since the peak began anew (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


def main() -> None:
    """Print a table, and the same figures as one line of JSON."""
    torch.set_num_threads(1)
    if "--peak" in sys.argv:
        _, _, side, *size = sys.argv
        _print_peak(side, [int(number) for number in size])
        return
    clock = time.thread_time if "--cpu" in sys.argv else time.perf_counter
    rows = []
    print(f"{'T':>6}{'B':>4}{'I':>5}{'H':>5}{'forward':>12}{'recorded':>11}{'ratio':>7}", end="")
    print(f"{'with backward':>15}{'recorded':>11}{'ratio':>7}{'loop':>11}{'times':>7}{'difference':>12}")
    for steps, batch, features, units, turns, repeats in SIZES:
        size = (steps, batch, features, units)
        actions = sides(*size)
        difference = largest_difference(actions)
        if not difference <= 1e-3:
            raise SystemExit(f"The sides differ by {difference:.1e}; at most 1e-3 is allowed.")
        bare, traced = in_turns(actions["forward"], actions["recorded forward"], turns, repeats, clock)
        both, recorded = in_turns(actions["both"], actions["recorded both"], turns, repeats, clock)
        loop, beside = in_turns(actions["loop"], actions["recorded both"], max(turns // 3, 2), 1, clock)
        rows.append(
            {"T": steps, "B": batch, "I": features, "H": units}
            | {"trace_ratio": round(traced / bare, 2), "gradient_ratio": round(recorded / both, 2)}
            | {"loop_over_memviz": round(loop / beside, 1)}
            | {"forward_ms": round(bare, 3), "both_ms": round(both, 3), "loop_ms": round(loop, 1)}
            | {"peak_mb": {side: round(peak(side, size), 1) for side in SIDES}}
        )
        print(
            f"{steps:>6}{batch:>4}{features:>5}{units:>5}{bare:>9.3f} ms{traced:>8.3f} ms{traced / bare:>7.2f}",
            end="",
        )
        print(f"{both:>12.3f} ms{recorded:>8.3f} ms{recorded / both:>7.2f}{loop:>8.1f} ms", end="")
        print(f"{loop / beside:>7.1f}{difference:>12.0e}", flush=True)
    for row in rows:
        shown = ", ".join(f"{side} {megabytes:.1f}" for side, megabytes in row["peak_mb"].items())
        print(f"peak MB at T={row['T']} B={row['B']} H={row['H']}: {shown}")
    print(json.dumps({"sizes": rows}))


if __name__ == "__main__":
    main()
