"""What to look at on the gradients page: each panel's takeaway, computed from what the panel draws."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from memviz.findings.gates import quoted
from memviz.gradients import (
    GIVEN,
    Curve,
    GradientFlow,
    Horizon,
    MemoryProducts,
    Sources,
    Split,
    WeightContributions,
    kept,
    memory_of,
    product_horizons,
)
from memviz.theme import look, number, power_of_ten
from memviz.trace import Array

_GONE = -3.0
"""A gradient of which less than a thousandth is left is called gone."""
_GROWN = 1.0
"""A gradient that is ten times larger at the first step has grown."""
_EXPLODED = 3.0
"""A gradient that is a thousand times larger has exploded."""
_CANCELS = 0.5
_OPEN = 0.5
"""A gate whose slope is this share of its largest is not called saturated."""
_NOTHING = "The loss has no gradient here: it is exactly 0 at every step."


def reach_finding(
    curves: Sequence[Curve],
    last: int,
    opened: str,
    forget_bias: float | None = None,
    sources: Sources | None = None,
) -> str:
    """How much of the gradient the networks carry from the loss back to the first step.

    Args:
        curves: the networks.
        last: the last step that the loss reads.
        opened: the network that is looked at.
        forget_bias: that of "lstm-biased", if it is set.
        sources: the gradient by source, if the loss is one at every step.
    """
    reach = {curve.network: float(np.median(curve.reach(last))) for curve in curves}
    if np.isnan(reach[opened]):
        return f"The {_title(opened)}'s gradient is exactly 0 at the first step and at the loss's."
    reach = {name: value for name, value in reach.items() if not np.isnan(value)}
    seeds = len(curves[0].memory)
    steps = f"{last} step{'s' if last != 1 else ''}" + (f" (median of {seeds} seeds)" if seeds > 1 else "")
    if sources is not None:
        return _everywhere_finding(curves, last, opened, sources, steps)
    if reach[opened] > _GROWN:
        return (
            f"Over {steps} the gradient of the {_title(opened)} grows {power_of_ten(reach[opened])} times "
            f"on its way back{': it explodes' if reach[opened] > _EXPLODED else ''}."
        )
    lstm, biased = reach.get("lstm", 0.0), reach.get("lstm-biased", 0.0)
    if last and lstm < _GONE and biased > lstm + 3 and forget_bias is not None:
        return (
            f"An untrained LSTM forgets too: over {steps} {power_of_ten(lstm)} of its gradient is left. "
            f"The forget bias is what changes it: at {forget_bias:.3g}, {power_of_ten(biased)} is left."
        )
    most = max(reach, key=lambda name: reach[name])
    times = "of" if reach[opened] <= 0 else "times"
    return (
        f"Over {steps} the {_title(opened)} carries {power_of_ten(reach[opened])} {times} the gradient back"
        + (f", the {_title(most)} {power_of_ten(reach[most])}." if most != opened else ", the most of all.")
    )


def _everywhere_finding(curves: Sequence[Curve], last: int, opened: str, sources: Sources, steps: str) -> str:
    """What a loss at every step shows, beside what the last of them alone brings: |dL/dh| in both."""
    (curve,) = [curve for curve in curves if curve.network == opened]
    whole = float(np.median(curve.reach(last, "hidden")))
    alone = float(sources.log10_norms[-1, 0] - sources.log10_norms[-1, last])
    if whole > _GONE > alone:
        return (
            f"With a loss at every step the {_title(opened)} seems to remember: {power_of_ten(whole)} of |dL/dh| is "
            f"left after {steps}. Of the last step's loss alone {power_of_ten(alone)} is."
        )
    return (
        f"With a loss at every step |dL/dh| of the {_title(opened)} is {power_of_ten(whole)} times as large after "
        f"{steps}; of the last step's loss alone {power_of_ten(alone)} is left."
    )


def norms_finding(flow: GradientFlow) -> str:
    """Whether c and h tell the same story."""
    memory = memory_of(flow.trace)
    logs = flow.log10_norms("hidden")
    if not flow.scaled_state.mantissa.any():
        return _NOTHING
    if memory == "hidden":
        left = _left(-np.inf if np.isneginf(logs[0]) else float(logs[0] - logs[flow.last]))
        return f"There is no c: all of the gradient travels in h, and {left} at the first step."
    cell = flow.log10_norms("cell")
    if np.isneginf(cell[0]) or np.isneginf(logs[0]):
        return f"At the first step |dL/dc| is {power_of_ten(cell[0])} and |dL/dh| {power_of_ten(logs[0])}."
    gap = cell[0] - logs[0]
    if abs(gap) >= 1:
        more, less = ("c", "h") if gap > 0 else ("h", "c")
        return (
            f"Look at {more}, too: at the first step |dL/d{more}| is {power_of_ten(abs(gap))} times |dL/d{less}|, "
            f"so |dL/d{less}| alone shows too little of what is carried."
        )
    sizes = f"|dL/dc| is {power_of_ten(cell[0])} and |dL/dh| {power_of_ten(logs[0])}"
    return f"c and h carry alike: at the first step {sizes}."


def units_finding(flow: GradientFlow) -> str:
    """Which unit carries the gradient furthest."""
    memory = memory_of(flow.trace)
    first = flow.log10(memory)[0]
    if np.isneginf(first).all():
        return "Nothing reaches the first step, in no unit."
    best, worst = int(first.argmax()), int(first.argmin())
    symbol = look(memory).symbol
    if best == worst:
        return f"One unit carries it all: |dL/d{symbol}| is {power_of_ten(first[best])} at the first step."
    return (
        f"Unit {best} carries most to the first step, |dL/d{symbol}| = {power_of_ten(first[best])}; "
        f"unit {worst} least, {power_of_ten(first[worst])}."
    )


def gates_finding(flow: GradientFlow, slopes: dict[str, Array]) -> str:
    """Which gate is most saturated, and what that costs a gradient."""
    means = {
        name: mean for name, slope in slopes.items() if (mean := _own_slope(name, slope, flow)) is not None
    }
    if not means:
        return "Every gate is held or scaled here: the slopes are those of what was done to it."
    share = {name: mean / (1.0 if name in ("candidate", "hidden") else 0.25) for name, mean in means.items()}
    worst = min(share, key=lambda name: share[name])
    its = look(worst, flow.network.cell.family)
    if share[worst] >= _OPEN:
        held = [
            look(name, flow.network.cell.family).name
            for name in slopes
            if (flow.trace.plan().slopes(name)[: flow.last + 1] != 1).any()
        ]
        start = f"Apart from the {' and the '.join(held)}, changed by hand, nothing" if held else "Nothing"
        return (
            f"{start} is saturated: the slopes are at least {100 * share[worst]:.0f}% of what they can be "
            f"(1/4 for a gate, 1 for a tanh), so it is the weights, many times over, that decide."
        )
    return (
        f"The {its.name} is the most saturated: its slope is {number(means[worst])} on average, "
        f"{100 * share[worst]:.0f}% of what it can be; each gradient into it is multiplied by that."
    )


def _own_slope(name: str, slope: Array, flow: GradientFlow) -> float | None:
    """The mean slope where no intervention is a factor of it; a gate that is held is not saturated."""
    is_own = flow.trace.plan().slopes(name)[: flow.last + 1] == 1
    return float(slope[: flow.last + 1][is_own].mean()) if is_own.any() else None


def paths_finding(split: Split, flow: GradientFlow) -> str:
    """Along which path most of the memory's gradient came."""
    shares = split.shares()
    earlier = slice(0, max(1, flow.last))
    means = {name: float(np.median(share[earlier])) for name, share in shares.items()}
    if not any(means.values()):
        return "No gradient gets past the loss's own step: before it there is nothing to split."
    names = {
        "carousel": "the carousel",
        "direct": "the direct path",
        "exposure": "h",
        "peepholes": "the peepholes",
    }
    names |= {"through gates": "gates and candidate", "loss": "the loss itself"}
    listed = ", ".join(
        f"{_percent(mean)} by {names[name]}" for name, mean in means.items() if abs(mean) >= 0.005
    )
    symbol, residual = look(memory_of(flow.trace)).symbol, number(split.residual, 1)
    return (
        f"The gradient of {symbol} comes {listed} (median over steps); the parts add up to within {residual}."
    )


def products_finding(products: MemoryProducts, flow: GradientFlow) -> str:
    """Whether the product of the gates tells the truth about the derivative."""
    symbol = look(memory_of(flow.trace)).symbol
    full, direct = float(products.log10_full[-1]), float(products.log10_direct[-1])
    if np.isneginf(full):
        return f"Nothing of {symbol} at the first step reaches the last: the derivative is exactly 0."
    if np.isneginf(direct):
        return f"No gate carries {symbol} straight on: all of the derivative, {power_of_ten(full)}, is the weights'."
    gap = full - direct
    if abs(gap) < 0.05:
        return f"Here the product of the gates is the derivative, {power_of_ten(full)}: little else carries {symbol}."
    more = "larger" if gap > 0 else "smaller"
    return (
        f"The product of the gates is not the derivative: {power_of_ten(direct)} against {power_of_ten(full)}, "
        f"{power_of_ten(abs(gap))} times {more}; the rest goes through the gates."
    )


def has_grown(logs: Float[np.ndarray, "lag state"]) -> bool:
    """Whether the largest singular value is above 1 at some lag, by more than 5%."""
    return bool(logs[:, 0].max() > 0.02)


def singular_values_finding(logs: Float[np.ndarray, "lag state"], radius: float | None) -> str:
    """Whether any direction grows, and how far the directions come apart.

    Args:
        logs: log10 of the singular values.
        radius: the largest spectral radius of the steps that were looked at; asked for where a direction has grown.
    """
    if np.isneginf(logs[-1, 0]):
        gone = int(np.isneginf(logs[:, 0]).argmax())
        return f"From lag {gone} on nothing is left: the product of the Jacobians is exactly 0 in float64."
    peak = int(logs[:, 0].argmax())
    spread = logs[-1, 0] - logs[-1, -1]
    if has_grown(logs) and radius is not None:
        grown = f"The largest singular value grows to {power_of_ten(float(logs[peak, 0]), 3)} at lag {peak}"
        if radius < 1:
            return (
                f"{grown}, although no step looked at has an eigenvalue above {radius:.2f} (spectral radius)."
            )
        return f"{grown}; the largest spectral radius of one step is {radius:.2f}."
    apart = (
        f"; the smallest is {power_of_ten(spread)} times smaller"
        if np.isfinite(spread)
        else "; some are exactly 0"
    )
    return (
        f"Every direction shrinks: at lag {len(logs) - 1} the largest is {power_of_ten(logs[-1, 0])}{apart}."
    )


def contributions_finding(contributions: WeightContributions, last: int) -> str:
    """From where the weight gradient comes, and how much of it cancels."""
    logs = contributions.log10_norms
    if np.isneginf(logs.max()):
        return "No timestep adds anything to the weight gradient: it is exactly 0."
    sizes = 10.0 ** (logs[: last + 1] - logs.max())
    from_end, from_start = (_needed(part) for part in (sizes[::-1], sizes))
    if from_end <= from_start:
        where = "the last step alone" if from_end == 1 else f"the last {from_end} steps"
    else:
        where = "the first step alone" if from_start == 1 else f"the first {from_start} steps"
    left = contributions.survival
    fate = (
        f"{_percent(1 - left)} of it cancels"
        if left < _CANCELS
        else f"little cancels: {_percent(left)} is left"
    )
    return f"90% of what is added to {contributions.parameter} comes from {where}; {fate}."


def _needed(sizes: Float[np.ndarray, " time"]) -> int:
    """How many steps, counted from the first, hold 90% of the whole."""
    return int(np.searchsorted(np.cumsum(sizes) / sizes.sum(), 0.9)) + 1


def inputs_finding(flow: GradientFlow) -> str:
    """What the output still remembers of each letter."""
    logs = flow.inputs.log10_norms()[: flow.last + 1]
    if np.isneginf(logs).all():
        return "No input reaches the loss: dL/dx is exactly 0 at every step."
    most = int(logs.argmax())
    token = flow.tokens[most]
    where = f"step {most}" if token == str(most) else f"step {most} ({quoted(token)})"
    at_loss = logs[-1] if np.isfinite(logs[-1]) else logs.max()
    count = int((logs < at_loss + _GONE).sum())
    if count == 0:
        return f"The output depends on every step; most on {where}."
    return (
        f"Of {len(logs)} steps the output remembers {len(logs) - count}: for the other {count} |dL/dx| is below "
        f"a thousandth of the last step's. It depends most on {where}."
    )


def half_life_finding(lives: Array, flow: GradientFlow) -> str:
    """Which unit holds longest by its gate."""
    middle = np.median(lives[: flow.last + 1], axis=0)
    best = int(middle.argmax())
    text = "for ever" if np.isinf(middle[best]) else f"half is left after {number(middle[best])} steps"
    return f"By its gate unit {best} holds longest: {text} (median over time)."


def horizon_finding(horizon: Horizon, flow: GradientFlow) -> str:
    """How far the gates promise to remember, and how far an input is really felt."""
    promise = "there are no gates to promise anything"
    if kept(flow.trace) is not None:
        promise = f"the gates promise {_steps(max(product_horizons(flow.trace, flow.last)))}"
    if horizon.lag is None:
        return f"Moving the input at the loss's step changes nothing; {promise}."
    longest = horizon.lags[-1]
    bound = "" if longest == flow.last else f" (measured up to lag {longest:,})"
    whole = ", the whole sequence" if horizon.lag == flow.last else ", as far as it was measured"
    whole = whole if horizon.lag == longest else ""
    felt = f"Measured, an input is felt (at least 1/e of its effect) for {_steps(horizon.lag)}"
    return f"{felt}{whole}{bound}; {promise}."


def sources_finding(sources: Sources, flow: GradientFlow) -> str:
    """How a loss at every step hides what has vanished."""
    total = flow.log10_norms("hidden")
    first, last = float(total[0]), float(sources.log10_norms[-1, 0])
    if not np.isfinite(first):
        return "Nothing reaches the first step from any loss."
    hides = "The sum hides it" if last < first + _GONE else "The sum and its last part"
    return (
        f"{hides}: at the first step all losses together give {power_of_ten(first)}, "
        f"the loss of step {sources.timesteps[-1]} alone {power_of_ten(last)}."
    )


def _steps(count: int) -> str:
    return f"{count:,} step{'' if count == 1 else 's'}"


def _title(network: str) -> str:
    titles = {
        "elman": "Elman network",
        "gru": "GRU",
        "lstm": "LSTM",
        "lstm-biased": "LSTM with a forget bias",
        GIVEN: "trained network",
    }
    return titles.get(network, f"“{network}”")


def _left(log10: float) -> str:
    if np.isneginf(log10):
        return "exactly nothing is left"
    if log10 > 0.02:
        return f"it has grown {power_of_ten(log10)} times"
    return f"{power_of_ten(log10)} of it is left"


def _percent(share: float) -> str:
    text = f"{100 * share:.0f}%"
    return text.replace("-", "\N{MINUS SIGN}")
