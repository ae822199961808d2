"""The set-up of the gradients page in words."""

from memviz.cells import CELLS
from memviz.gradients import FOUR, GIVEN
from memviz.models import load, recipe_of
from memviz.theme import NETWORK_LOOKS, number
from memviz.web.gradients.address import GradientsState


def label_of(network: str, state: GradientsState) -> str:
    """A network's name, with what makes it what it is."""
    experiment = state.experiment
    if network == GIVEN:
        return f"trained {CELLS[load(state.model).experiment.cell].title}"  # short: it stands on the curve
    if network == "lstm":
        is_torchs = experiment.initialisation == "uniform" and experiment.recurrent_scale == 1
        drawn = "chrono biases" if experiment.initialisation == "chrono" else "biases as drawn"
        return NETWORK_LOOKS[network].name if is_torchs else f"LSTM, {drawn}"
    if network == "lstm-biased":
        bias = experiment.forget_bias
        return "LSTM, forget bias as drawn" if bias is None else f"LSTM, forget bias {number(bias, 2)}"
    if network == "gru" and experiment.update_bias is not None:
        return f"GRU, update bias {number(experiment.update_bias, 2)}"
    return NETWORK_LOOKS[network].name if network in FOUR else CELLS[network].title


def described(state: GradientsState) -> str:
    """The set-up in words: cells, H, T, seed, input, loss and biases."""
    study, experiment = state.study, state.experiment
    if state.model:
        return _of_task(state)
    source = "noise from N(0, 1), 4 features" if study.source == "noise" else "the text, repeated"
    seeds = (
        f"seeds {experiment.seed} to {experiment.seed + state.seeds - 1}"
        if state.spread
        else f"seed {experiment.seed}"
    )
    biases = [
        f"{name} bias {number(value)}"
        for name, value in (
            ("forget", experiment.forget_bias),
            ("update", experiment.update_bias),
            ("input", experiment.input_bias),
        )
        if value is not None
    ]
    drawn = f"weights {experiment.initialisation}"
    if experiment.recurrent_scale != 1:
        drawn += f", those from h times {number(experiment.recurrent_scale)}"
    return (
        f"H = {experiment.hidden_size}, T = {study.lag + 1}, {seeds}; input: {source}; loss: {loss_in_words(state)}; "
        f"{drawn}; {', '.join(biases) or 'biases as drawn'} (not for “{label_of('lstm', state)}”)."
    )


def _of_task(state: GradientsState) -> str:
    """The set-up where a trained network stands beside untrained ones."""
    study, recipe = state.study, recipe_of(state.model)
    loss = study.loss_of(study.sequence())
    return (
        f"Trained: {recipe.title}. H = {state.experiment.hidden_size}, T = {study.lag + 1}; input: a sequence of "
        f"“{recipe.task.title}”; loss: "
        f"{loss.kind} of the task at step {loss.timestep}, through the read-out of the trained network, which all of "
        f"them get; the others are untrained, seed {state.experiment.seed}."
    )


def loss_in_words(state: GradientsState) -> str:
    """What is differentiated."""
    study = state.study
    what = {
        "sum": "the sum of h",
        "unit": f"h of unit {study.loss_unit}",
        "squared error": f"half the squared error of a random read-out to {study.target or 0}",
        "cross-entropy": f"cross-entropy of a random read-out{f' to {study.target}' if study.target else ''}",
    }[study.loss]
    if study.everywhere:
        return f"{what}, its mean over all steps"
    return f"{what} at step {study.lag if study.loss_timestep is None else study.loss_timestep}"
