"""Modules with every option, drawn by hypothesis; no module draws from the global generator."""

import torch
from hypothesis import strategies as st
from torch import nn

from tests.torch_modules.reference import Case

KINDS = (nn.RNN, nn.LSTM, nn.GRU)
SIGNALS = {
    nn.LSTM: ("input", "forget", "candidate", "output", "cell", "hidden"),
    nn.GRU: ("reset", "update", "candidate", "hidden"),
    nn.RNN: ("hidden",),
}
EVERY = {
    nn.LSTM: (*SIGNALS[nn.LSTM], "input_pre", "forget_pre", "candidate_pre", "output_pre", "cell_tanh"),
    nn.GRU: (*SIGNALS[nn.GRU], "reset_pre", "update_pre", "candidate_pre"),
    nn.RNN: ("hidden", "hidden_pre"),
}


def drawn_module(
    kind: type[nn.Module], *sizes: int, seed: int = 0, scale: float = 1.0, **options
) -> nn.Module:
    """A module whose parameters come from a generator of their own."""
    with torch.random.fork_rng(devices=[]):
        module = kind(*sizes, **options)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in module.parameters():
            numbers = torch.randn(value.shape, generator=generator, dtype=torch.float64)
            value.copy_(scale * numbers / module.hidden_size**0.5)
    return module


def drawn_case(
    kind: type[nn.Module] = nn.LSTM,
    time: int = 5,
    batch: int = 2,
    features: int = 3,
    units: int = 4,
    *,
    layout: str = "batched",
    given: bool = False,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    scale: float = 1.0,
    **options,
) -> Case:
    module = drawn_module(kind, features, units, seed=seed, scale=scale, dtype=dtype, **options)
    generator = torch.Generator().manual_seed(seed + 1)
    batch = 1 if layout == "unbatched" else batch
    lengths = [time] * batch
    if layout == "packed":
        lengths = (torch.randperm(time, generator=generator)[torch.arange(batch) % time] + 1).tolist()
    samples = [torch.randn(n, features, generator=generator, dtype=torch.float64).to(dtype) for n in lengths]
    state = None
    if given:
        stacked = module.num_layers * (2 if module.bidirectional else 1)
        widths = [getattr(module, "proj_size", 0) or units, units][: 2 if kind is nn.LSTM else 1]
        state = [
            torch.randn(stacked, batch, w, generator=generator, dtype=torch.float64).to(dtype) for w in widths
        ]
    return Case(module, samples, state, layout, seed)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kind = draw(st.sampled_from(KINDS))
    units = draw(st.integers(1, 4))
    options = {
        "num_layers": draw(st.integers(1, 3)),
        "bidirectional": draw(st.booleans()),
        "batch_first": draw(st.booleans()),
        "bias": draw(st.booleans()),
    }
    if kind is nn.RNN:
        options["nonlinearity"] = draw(st.sampled_from(("tanh", "relu")))
    if kind is nn.LSTM and units > 1:
        options["proj_size"] = draw(st.integers(0, units - 1))
    if options["num_layers"] > 1:
        options["dropout"] = draw(st.sampled_from((0.0, 0.4, 1.0)))
    case = drawn_case(
        kind,
        draw(st.integers(1, 6)),
        draw(st.integers(1, 3)),
        draw(st.integers(1, 3)),
        units,
        layout=draw(st.sampled_from(("batched", "unbatched", "packed"))),
        given=draw(st.booleans()),
        seed=draw(st.integers(0, 1000)),
        dtype=draw(st.sampled_from((torch.float32, torch.float64))),
        **options,
    )
    case.module.train(draw(st.booleans()))
    return case
