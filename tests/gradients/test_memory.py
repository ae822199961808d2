"""What 3,000 steps of 64 units take of memory, measured in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

import memviz.gradients

_MEASURE = """
import resource, numpy as np
from memviz.experiment import Experiment
from memviz.gradients import *
network = Experiment(hidden_size=64, forget_bias=1.0, recurrent_scale={scale}).build(4)
xs = np.random.default_rng(0).standard_normal(({time}, 4))
def look(flow, lags, longest, every):
    found = [memory_products(flow, lags), log10_singular_values(flow, longest), weight_contributions(flow)]
    found += [split(flow), saturations(flow), sources(flow, range(0, flow.last + 1, every)), flow.inputs]
    return found
loss = Loss(everywhere=True)
look(gradient_flow(network, xs[:20], loss), range(5), 5, 5)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
flow = gradient_flow(network, xs, loss)
products, values, *_ = look(flow, range(0, {time}, {time} // 50), MOST_GRADED // 128**3, 100)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert len(products.lags) == 50 and values.shape == (96, 128)
assert not np.isnan(values).any() and not np.isnan(products.log10_full).any()
print((after - before) * 1024)
"""


@pytest.mark.parametrize(
    "scale", [1.0, 0.0]
)  # without recurrent weights sizes differ so much that each has its own
def test_all_that_is_looked_at_stays_in_bounded_memory(scale: float, time: int) -> None:
    root = Path(memviz.gradients.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _MEASURE.format(scale=scale, time=time)],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 600e6
