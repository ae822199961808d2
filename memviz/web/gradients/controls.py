"""The controls of the gradients page."""

import streamlit as st

from memviz.cells import CELLS
from memviz.experiment import BIAS_RANGE, HIDDEN_SIZE_RANGE, SEED_RANGE
from memviz.gradients import FOUR, GIVEN, LAG_RANGE, LOSSES, NETWORKS, SEEDS
from memviz.models import examples, load
from memviz.web.gradients.address import DEFAULT, GradientsState
from memviz.web.gradients.page import PAGE
from memviz.web.gradients.presets import PRESETS
from memviz.web.gradients.words import label_of, loss_in_words
from memviz.web.models import FIXED, picker
from memviz.web.settings import weight_settings

_LAGS = (5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 150, 200, 300, 400, 500, 700, 1000, 1500, 2000, 3000)
_LOSS_LABELS = {
    "sum": "sum of h over units",
    "unit": "h of one unit",
    "squared error": "squared error of a read-out",
    "cross-entropy": "cross-entropy of a read-out",
}
_WHEN = ("at one step", "at every step")


def show(state: GradientsState) -> None:
    """The row on top of the page."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if state.model:
            bound = PAGE.bound("text", state.text, lambda text: PAGE.change(text=text))
            if load(state.model).task.typed_kind == "numbers":
                st.text_area("Sequence of its task", height=80, **bound)
            else:
                st.text_input("Sequence of its task", live="200ms", **bound)
        else:
            _input(state)
        picker(PAGE, state.model, _open_model, _close_model)
        _networks(state)
        if not state.model:
            with PAGE.lazy_popover("Loss", "flag", "loss") as loss:
                if loss.open:
                    _loss(state)
        with PAGE.lazy_popover("More", "tune", "more") as more:
            if more.open:
                _more(state)
        with PAGE.lazy_popover("Presets", "bookmark", "presets") as presets:
            if presets.open:
                _presets()


def opened(state: GradientsState) -> None:
    """Which network is opened up below."""
    offered = (GIVEN, *FOUR) if state.model else FOUR
    st.pills(
        f"Look inside (seed {state.experiment.seed})",
        offered,
        format_func=lambda name: label_of(name, state),
        **PAGE.bound(
            "network",
            state.network if state.network in offered else None,
            lambda name: PAGE.change(network=name or state.network),
            fits=offered,
        ),
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "or another cell",
            [name for name in NETWORKS if name not in FOUR],
            index=None,
            format_func=lambda name: CELLS[name].title,
            placeholder="all cells",
            width=230,
            **PAGE.bound(
                "variant",
                state.network if state.network not in offered else None,
                lambda name: PAGE.change(network=name or "lstm"),
            ),
        )
        st.toggle(
            "Detach its gates (1997)",
            help="Below, gates and candidate see the state as a constant, as Hochreiter & Schmidhuber truncate the "
            "gradient. What is left is the direct path: the product of the forget gates.",
            **PAGE.bound("detached", state.detached, lambda on: PAGE.change(detached=on)),
        )


def _open_model(name: str) -> None:
    began = PAGE.current().experiment.plain
    PAGE.change(model=name, text=examples(name, load(name))[0], experiment=began, network=GIVEN)


def _close_model() -> None:
    began = PAGE.current().experiment.plain
    PAGE.change(model="", text=DEFAULT.text, experiment=began, network=DEFAULT.network)


def _input(state: GradientsState) -> None:
    st.segmented_control(
        "Input",
        ("text", "noise"),
        required=True,
        **PAGE.bound("source", state.source, lambda source: PAGE.change(source=source)),
    )
    if state.source == "text":
        st.text_input(
            "Text, repeated",
            live="200ms",
            width=150,
            **PAGE.bound("text", state.text, lambda text: PAGE.change(text=text)),
        )
    lags = tuple(sorted({*_LAGS, state.lag}))
    st.select_slider(
        "Lag",
        lags,
        width=130,
        help=f"Steps from the first to the last, {LAG_RANGE[0]} to {LAG_RANGE[1]:,}; the scale is logarithmic.",
        **PAGE.bound("lag", state.lag, lambda lag: PAGE.change(lag=lag), fits=lags),
    )


def _networks(state: GradientsState) -> None:
    experiment = state.experiment
    st.slider(
        "Units",
        *HIDDEN_SIZE_RANGE,
        width=105,
        disabled=bool(state.model),
        help=FIXED if state.model else None,
        **PAGE.bound(
            "hidden_size", experiment.hidden_size, lambda size: PAGE.change_experiment(hidden_size=size)
        ),
    )
    bias = experiment.forget_bias
    if bias is None:
        st.caption("Forget bias: as drawn; set it under More.", width=130)
    else:
        st.slider(
            "Forget bias",
            min(-5.0, bias),
            max(10.0, bias),
            step=0.1,
            width=115,
            help="Of the LSTM that is drawn in blue: 3 holds its forget gate open at 0.95, 0 at 0.5.",
            **PAGE.bound(
                "forget_bias",
                bias,
                lambda value: PAGE.change_experiment(forget_bias=value),
                fits=(min(-5.0, bias), max(10.0, bias)),
            ),
        )
    st.number_input(
        "Seed",
        *SEED_RANGE,
        step=1,
        width=90,
        **PAGE.bound("seed", experiment.seed, lambda seed: PAGE.change_experiment(seed=seed)),
    )
    st.toggle(
        f"{SEEDS} seeds",
        help="A band holds this seed and the 19 that follow; the line is their median.",
        **PAGE.bound("spread", state.spread, lambda on: PAGE.change(spread=on)),
    )


def _loss(state: GradientsState) -> None:
    st.caption(f"Now: {loss_in_words(state)}.")
    st.selectbox(
        "Loss",
        LOSSES,
        format_func=_LOSS_LABELS.__getitem__,
        **PAGE.bound("loss", state.loss, lambda loss: PAGE.change(loss=loss, target="")),
    )
    if state.loss == "unit":
        units = state.experiment.hidden_size
        st.number_input(
            "Unit",
            0,
            units - 1,
            step=1,
            **PAGE.bound(
                "loss_unit", state.study.loss_unit, lambda unit: PAGE.change(loss_unit=unit), fits=units
            ),
        )
    if state.loss in ("squared error", "cross-entropy"):
        what = "a number" if state.loss == "squared error" else "a symbol of the input; 0 to 3 for noise"
        st.text_input(
            f"Target: {what}",
            live="200ms",
            **PAGE.bound("target", state.target, lambda target: PAGE.change(target=target)),
        )
    st.segmented_control(
        "When it is read",
        _WHEN,
        required=True,
        **PAGE.bound(
            "everywhere", _WHEN[state.everywhere], lambda when: PAGE.change(everywhere=when == _WHEN[1])
        ),
    )
    if not state.everywhere:
        timestep, last = state.study.loss_timestep, state.study.lag
        st.slider(
            "Timestep",
            0,
            last,
            **PAGE.bound(
                "loss_timestep",
                last if timestep is None else timestep,
                lambda step: PAGE.change(loss_timestep=None if step == last else step),
                fits=last,
            ),
        )


def _more(state: GradientsState) -> None:
    _bias("forget_bias", "the LSTM in blue and its variants", state)
    _bias("update_bias", "the GRU", state)
    _bias("input_bias", "the LSTM in blue and its variants", state)
    weight_settings(PAGE)


def _bias(name: str, whose: str, state: GradientsState) -> None:
    st.number_input(
        f"{name.replace('_', ' ').capitalize()} of {whose}",
        *BIAS_RANGE,
        step=0.5,
        placeholder="as drawn",
        **PAGE.bound(
            f"more-{name}",
            getattr(state.experiment, name),
            lambda value: PAGE.change_experiment(**{name: value}),
        ),
    )


def _presets() -> None:
    for preset in PRESETS:
        st.page_link(
            "pages/gradients.py",
            label=preset.label,
            query_params=PAGE.codec.to_query(preset.state),
            width="stretch",
        )
        st.caption(preset.expect)
