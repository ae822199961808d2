"""How far gradients reach in several untrained networks: the same input, seed and loss for each of them.

The set-up of the gradients page: Elman, GRU, LSTM as torch draws it, and LSTM with a forget bias. What if they were
changed: an intervention acts in every network that has its signal, an edit in those of the cell that it was made for.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from memviz.cells import CELLS
from memviz.edits import apply
from memviz.encoding import Sequence, encode
from memviz.experiment import Experiment
from memviz.gradients.fitting import Fitting, fitting
from memviz.gradients.flow import GradientFlow, gradient_flow
from memviz.gradients.loss import Loss
from memviz.gradients.spread import gradient_spread
from memviz.interventions import Patch
from memviz.network import Network
from memviz.trace import record

LAG_RANGE = (5, 3000)
SOURCES = ("noise", "text")
LOSSES = ("sum", "unit", "squared error", "cross-entropy")
SEEDS = 20
"""How many networks a spread has: the seed and those that follow."""
NOISE_FEATURES = 4
MOST_TARGET = 1_000_000
_CLASSES = 4
FOUR = ("elman", "gru", "lstm", "lstm-biased")
"""The networks that are always compared; "lstm-biased" is the LSTM with the forget bias."""
NETWORKS = (*FOUR, *(name for name in CELLS if name not in FOUR))
"""Every network that can be opened up."""


GIVEN = "given"
"""The network that a study was given beside those that it draws."""


@dataclass(frozen=True)
class Given:
    """A network that no seed draws, such as a trained one, with its input and its loss.

    Attributes:
        key: what tells it from others; all else follows from it.
        network: the network.
        sequence: the input of all networks.
        loss: what is differentiated in all of them.
    """

    key: str
    network: Network = field(compare=False, repr=False)
    sequence: Sequence = field(compare=False, repr=False)
    loss: Loss = field(compare=False, repr=False)


@dataclass(frozen=True)
class Study:
    """What is compared.

    Attributes:
        source: "noise", independent draws from N(0, 1) with 4 features, or "text".
        text: what is repeated until the input is long enough, where the source is text.
        lag: from the first timestep to the last, 5 to 3,000; there is one timestep more.
        experiment: the settings that all networks share. Its forget bias is that of "lstm-biased" and of the
            variants, its update bias that of the GRU. Its cell is that of its edits and not looked at otherwise.
        loss: "sum" of h over units, "unit" for one of them, or a "squared error" or the "cross-entropy" of a read-out,
            whose weights are drawn by the seed from U(-1/sqrt(H), 1/sqrt(H)), as torch.nn.Linear draws them; it has
            one output, or one for each symbol (4 for noise).
        loss_unit: the unit, where the loss is that of one.
        loss_timestep: the step that the loss reads; None is the last.
        everywhere: whether it is the mean of the loss over all steps.
        target: what the loss aims at: a number for a squared error (0 by default), a symbol of the text, or a class
            from 0 to 3 for noise, for cross-entropy (by default the first).
        given: another network, opened up as `GIVEN`, whose input and loss are then those of all.

    Raises:
        ValueError: if a setting is out of its range; the message states the rule and what arrived.
    """

    source: str = "text"
    text: str = "the cat that the dogs chased runs. "
    lag: int = 100
    experiment: Experiment = field(default_factory=lambda: Experiment(forget_bias=3.0))
    loss: str = "sum"
    loss_unit: int = 0
    loss_timestep: int | None = None
    everywhere: bool = False
    target: str = ""
    given: Given | None = None

    def __post_init__(self) -> None:
        lowest, highest = LAG_RANGE
        if not (type(self.lag) is int and lowest <= self.lag <= highest):
            raise ValueError(f"The lag is a whole number from {lowest} to {highest:,}; got {self.lag!r:.40}.")
        for name, known in (("source", SOURCES), ("loss", LOSSES)):
            if getattr(self, name) not in known:
                raise ValueError(f"The {name} is one of {', '.join(known)}; got {getattr(self, name)!r:.40}.")
        if self.loss_timestep is not None and not 0 <= self.loss_timestep <= self.lag:
            raise ValueError(f"The loss reads a timestep from 0 to {self.lag}; got {self.loss_timestep}.")
        if not 0 <= self.loss_unit < self.experiment.hidden_size:
            units = self.experiment.hidden_size
            raise ValueError(f"The loss reads a unit from 0 to {units - 1}; got {self.loss_unit}.")

    def sequence(self) -> Sequence:
        """The input, lag + 1 timesteps.

        Raises:
            EncodingError: if the text is no sequence.
        """
        if self.given is not None:
            return self.given.sequence
        time = self.lag + 1
        if self.source == "noise":
            draws = np.random.Generator(np.random.PCG64(self.experiment.seed)).standard_normal(
                (time, NOISE_FEATURES)
            )
            names = tuple(f"x{column}" for column in range(NOISE_FEATURES))
            return Sequence(tuple(map(str, range(time))), None, draws, names, "signal")
        typed = encode(self.text)
        again = np.arange(time) % len(typed)
        assert typed.symbols is not None
        return Sequence(
            tuple(typed.tokens[t] for t in again),
            tuple(typed.symbols[t] for t in again),
            typed.inputs[again],
            typed.features,
            typed.kind,
        )

    def experiment_of(self, network: str) -> Experiment:
        """The settings of one of `NETWORKS`, with the edits where they are of its cell."""
        cell = "lstm" if network == "lstm-biased" else network
        if network == GIVEN:
            assert self.given is not None
            cell = self.given.network.cell.name
        settings = replace(
            self.experiment, cell=cell, edits=self.experiment.edits if cell == self.experiment.cell else ()
        )
        if network == "lstm":  # as torch draws it
            return replace(settings, forget_bias=None, input_bias=None)
        return settings

    def what_ifs(self, network: str, sequence: Sequence) -> Fitting:
        """The edits and interventions that act in one of `NETWORKS`, and why the others do not."""
        experiment = self.experiment_of(network)
        if self.experiment == self.experiment.plain:
            return Fitting((), (), ())
        if network == GIVEN and self.given is not None:
            drawn = self.given.network
        else:
            drawn = replace(experiment, edits=()).build(sequence)
        fits = fitting(
            drawn,
            len(sequence),
            experiment.edits,
            experiment.interventions,
        )
        if experiment.cell == self.experiment.cell:
            return fits
        made_for = CELLS[self.experiment.cell].title
        others = [(edit, f"The edit is of another cell: {made_for}.") for edit in self.experiment.edits]
        return replace(fits, left_out=(*others, *fits.left_out))

    def loss_of(self, sequence: Sequence) -> Loss:
        """The loss as the engine takes it.

        Raises:
            ValueError: if the target is no number, or not in the alphabet.
        """
        if self.given is not None:
            return self.given.loss
        common = Loss(timestep=self.loss_timestep, everywhere=self.everywhere)
        if self.loss == "sum":
            return common
        if self.loss == "unit":
            return replace(common, unit=self.loss_unit)
        size = self.experiment.hidden_size
        outputs = 1 if self.loss == "squared error" else max(2, len(self._alphabet(sequence)))
        generator = np.random.Generator(np.random.PCG64([self.experiment.seed, 1]))
        weights = generator.uniform(-1, 1, (outputs, size)) / np.sqrt(size)
        readout = tuple(tuple(map(float, row)) for row in weights)
        if self.loss == "squared error":
            return replace(common, kind="squared error", readout=readout, targets=((self._number(),),))
        return replace(common, kind="cross-entropy", readout=readout, targets=(self._symbol(sequence),))

    def _alphabet(self, sequence: Sequence) -> tuple[str, ...]:
        return sequence.features if sequence.symbols is not None else tuple(map(str, range(_CLASSES)))

    def _number(self) -> float:
        try:
            value = float(self.target or 0)
        except ValueError:
            value = float("nan")
        if not abs(value) <= MOST_TARGET or not self.target.isascii() or "_" in self.target:
            raise ValueError(
                f"The target of a squared error is a number such as 0.5, at most {MOST_TARGET:,} in size; "
                f"got {self.target!a:.40}."
            )
        return value

    def _symbol(self, sequence: Sequence) -> int:
        alphabet = self._alphabet(sequence)
        if not self.target:
            return 0
        if self.target not in alphabet:
            listed = ", ".join(ascii(symbol) for symbol in alphabet[:12]) + (
                " …" if len(alphabet) > 12 else ""
            )
            raise ValueError(
                f"The target is a symbol of the input, one of {listed}; got {self.target!a:.40}."
            )
        return alphabet.index(self.target)


@dataclass(frozen=True, eq=False)
class Curve:
    """How the gradient of one network fades.

    Attributes:
        network: one of `NETWORKS`.
        has_cell: whether its memory is a cell state; otherwise it is h.
        memory: log10 |dL/dc_t|, or |dL/dh_t| where there is no c, of each seed, (seed, time).
        hidden: log10 |dL/dh_t|, (seed, time).
    """

    network: str
    has_cell: bool
    memory: Float[np.ndarray, "seed time"]
    hidden: Float[np.ndarray, "seed time"]

    def reach(self, last: int, state: str = "memory") -> Float[np.ndarray, " seed"]:
        """log10 of |dL/ds_0| / |dL/ds_last| of each seed: what is left at the first step."""
        logs = getattr(self, state)
        with np.errstate(invalid="ignore"):  # a gradient that is exactly zero at both ends has no ratio
            ratios: Float[np.ndarray, " seed"] = logs[:, 0] - logs[:, last]
        return ratios


def curves(study: Study, networks: Iterable[str] = FOUR, seeds: int = 1) -> list[Curve]:
    """The gradient of some networks over time, each for the seed of the study and those that follow.

    Networks of one cell run as one batch. Each seed's network gets the edits and interventions that fit it.

    Raises:
        EncodingError: if the text is no sequence.
        ValueError: if the loss does not fit, a network overflows float64, or several seeds are asked for with a patch.
    """
    sequence = study.sequence()
    loss = study.loss_of(sequence)
    chosen = list(networks)
    fits = {name: study.what_ifs(name, sequence) for name in chosen}
    if seeds > 1 and any(isinstance(iv, Patch) for fit in fits.values() for iv in fit.interventions):
        raise ValueError(
            f"A patch puts in the values of one run, which are those of one seed; got {seeds} seeds."
        )
    built = {name: _built(study, name, sequence, seeds, fits[name]) for name in chosen}
    found: dict[str, Curve] = {}
    for cell in dict.fromkeys(network[0].cell.name for network in built.values()):
        alike = [name for name in chosen if built[name][0].cell.name == cell]
        # What fits follows from the cell, the number of units and the input: it is the same for these networks.
        what_if = fits[alike[0]].interventions
        spread = gradient_spread([n for name in alike for n in built[name]], sequence, loss, what_if)
        for index, name in enumerate(alike):
            rows = slice(index * seeds, (index + 1) * seeds)
            has_cell = "cell" in CELLS[cell].signal_names
            found[name] = Curve(name, has_cell, spread.memory[rows], spread.hidden[rows])
    return [found[name] for name in chosen]


def curve_of(network: str, flow: GradientFlow) -> Curve:
    """The curve of a network whose gradient is known."""
    has_cell = "cell" in flow.scaled
    memory, hidden = (flow.log10_norms(name)[None] for name in ("cell" if has_cell else "hidden", "hidden"))
    return Curve(network, has_cell, memory, hidden)


def opened(study: Study, network: str, *, detached: bool = False) -> GradientFlow:
    """One network of a study, with its whole gradient, under what fits it of the edits and interventions.

    Raises:
        EncodingError: if the text is no sequence.
        ValueError: as `curves` does.
    """
    sequence = study.sequence()
    fits = study.what_ifs(network, sequence)
    (built,) = _built(study, network, sequence, 1, fits)
    trace = record(built, sequence, interventions=fits.interventions)
    return gradient_flow(built, trace, study.loss_of(sequence), detached=detached)


def _built(study: Study, network: str, sequence: Sequence, seeds: int, fits: Fitting) -> list[Network]:
    experiment = replace(study.experiment_of(network), edits=fits.edits)
    if network == GIVEN:
        assert study.given is not None
        return [apply(study.given.network, fits.edits)] * seeds
    first = experiment.seed
    return [replace(experiment, seed=(first + k) % 2**32).build(sequence) for k in range(seeds)]
