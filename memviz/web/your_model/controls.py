"""Opening a file, what is in it, and choosing a layer and a sequence."""

from typing import Any

import pandas as pd
import streamlit as st

from memviz.encoding import EncodingError
from memviz.model_files import NONLINEARITIES, SAVE, SAVE_KEPT, RecurrentLayers
from memviz.web.markdown import escaped
from memviz.web.models import links
from memviz.web.your_model import columns, opening
from memviz.web.your_model.address import FEEDS, YourModelState
from memviz.web.your_model.engine import default_text, module_of
from memviz.web.your_model.example import FILE, SIGNS
from memviz.web.your_model.opening import OpenFile
from memviz.web.your_model.page import PAGE

_TABLE = "your_model-table"
_CSV = "your_model-csv"
_FEED_LABELS = {"tokens": "token ids", "numbers": "numbers"}
_DIRECTION_LABELS = ("forward", "reverse")
_MOST_LISTED = 5


def files(file: OpenFile) -> None:
    """The file that is open, and opening another one."""
    left, right = st.columns([2, 3], gap="medium")
    with left:
        st.file_uploader(
            "Your model: .safetensors, or .pt of torch.save, at most 2 MB",
            key=opening.upload_key(),
            on_change=opening.changed,
            help="Only the weights are read, by strict rules, and no code of the file is run. They stay in the memory "
            "of this server, under a name that nobody guesses, and are not written to its disk. Of a larger file, save "
            "the recurrent layers alone: below, with the example, is the line that does.",
        )
    with right:
        _found(file)


def problems() -> None:
    """Why an upload was not opened, with what makes it readable; or where a network of memviz's own is shown."""
    refused = opening.problem()
    if refused is not None:
        st.error(escaped(f"{refused} Below is what was open before."), icon=":material/error:")
        if refused.command:
            st.caption("This line makes it readable, typed where the model is:")
            st.code(refused.command, language="python", wrap_lines=True)
    found = opening.trained()
    if found is not None:
        name, title = found
        st.info(
            escaped(f"{title} is a network that memviz trained, with its task; it opens on these pages:"),
            icon=":material/school:",
        )
        with st.container(horizontal=True):
            links(PAGE.name, name, "")


def layer(state: YourModelState, file: OpenFile) -> None:
    """Which layer is looked at, and what it is fed."""
    modules, module = file.content.modules, module_of(state, file)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        _sequence(state, file, module)
        if len(modules) > 1:
            st.selectbox(
                "Module",
                range(len(modules)),
                format_func=lambda index: modules[index].prefix or modules[index].title,
                width=230,
                **PAGE.bound(
                    "module",
                    modules.index(module),
                    lambda index: PAGE.change(module=index, layer=0, direction=0, text="", unit=0, units=()),
                    fits=(file.key, len(modules)),
                ),
            )
        if module.layers > 1:
            _choice(
                "layer",
                "Layer",
                [str(each) for each in range(module.layers)],
                state.layer,
                (file.key, module.layers),
            )
        if module.directions > 1:
            _choice("direction", "Direction", _DIRECTION_LABELS, state.direction, file.key)
        if module.kind == "rnn":
            st.segmented_control(
                "Nonlinearity",
                NONLINEARITIES,
                required=True,
                help="The weights do not tell which it is; torch's default is tanh.",
                **PAGE.bound("nonlinearity", state.nonlinearity, lambda name: PAGE.change(nonlinearity=name)),
            )
        if file.content.embedding_of(module) is not None:
            st.segmented_control(
                "Fed with",
                FEEDS,
                format_func=_FEED_LABELS.__getitem__,
                required=True,
                **PAGE.bound("feed", state.feed, lambda name: PAGE.change(feed=name, text="")),
            )
        with PAGE.lazy_popover("CSV", "table", "csv") as popover:
            if popover.open:
                _columns(module)
        _about_files(file)


def _about_files(file: OpenFile) -> None:
    with PAGE.lazy_popover("Tensors", "data_array", "tensors") as tensors:
        if tensors.open:
            st.dataframe(_tensors(file), hide_index=True, height=280)
    with PAGE.lazy_popover("Example, and how to save yours", "help", "saving") as saving:
        if saving.open:
            _saving()
    if file is not opening.first():
        st.button("Close this file", icon=":material/close:", on_click=opening.close)


def _found(file: OpenFile) -> None:
    """The recurrent layers of the file, and what of it is not read."""
    modules, others = file.content.modules, file.content.others
    count = f"{len(modules)} recurrent module{'s' * (len(modules) > 1)}"
    what = "The example" if file.is_example else "Your file"
    lines = [f"{what} {file.name} ({file.content.size / 1024:,.0f} kB) holds {count}:"]
    with st.container(gap="small"):
        st.markdown(escaped(lines[0]))
        for module in modules[:_MOST_LISTED]:
            name = module.prefix or "without a prefix"
            st.markdown(
                f"**{escaped(module.title)}** {escaped(f'as {name}, {module.dtype}, {module.parameters:,} numbers')}"
            )
        rest = []
        if len(modules) > _MOST_LISTED:
            rest.append(f"{len(modules) - _MOST_LISTED} more under Module")
        if file.content.embedding is not None:
            tokens, width = file.content.embedding.shape
            rest.append(f"an embedding of {tokens:,} tokens × {width}")
        if others:
            listed = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
            rest.append(f"not read: {listed}")
        if rest:
            st.caption(escaped(f"Also {'; '.join(rest)}."))


def _sequence(state: YourModelState, file: OpenFile, module: RecurrentLayers) -> None:
    embedding = file.content.embedding_of(module) if state.feed == FEEDS[0] else None
    if embedding is not None:
        label = f"Token ids, 0 to {len(embedding) - 1:,}"
        hint = "Whole numbers with spaces, commas or lines between them."
        if file.is_example:
            hint = f"{hint} Here they stand for {', '.join(f'{i}: {sign}' for i, sign in enumerate(SIGNS))}."
    else:
        several = f"{module.input_size} numbers" if module.input_size > 1 else "a number"
        label = f"Sequence: a line for each step, {several} in it"
        hint = "Numbers with commas, semicolons, tabs or spaces between them; a header names them."
    shown = state.text or default_text(file, module, embedding is not None)
    st.text_area(
        label,
        height=80,
        help=escaped(hint),
        **PAGE.bound("text", shown, lambda text: PAGE.change(text=text), fits=(file.key, state.feed)),
    )


def _choice(name: str, label: str, labels: Any, value: int, fits: Any) -> None:
    st.segmented_control(
        label,
        range(len(labels)),
        format_func=lambda index: labels[index],
        required=True,
        **PAGE.bound(
            name, min(value, len(labels) - 1), lambda index: PAGE.change(**{name: index}), fits=fits
        ),
    )


def _saving() -> None:
    st.download_button(
        "An example file",
        FILE.read_bytes,
        FILE.name,
        "application/octet-stream",
        on_click="ignore",
        icon=":material/download:",
        key="your_model-example",
        help="An embedding, an LSTM of 16 units and a read-out, trained on text in quotes and brackets.",
    )
    st.markdown("Yours, in Python, where your model is:")
    st.code(SAVE, language="python", wrap_lines=True)
    st.markdown("Its recurrent layers alone, where that is more than 2 MB:")
    st.code(SAVE_KEPT, language="python", wrap_lines=True)
    st.markdown(
        "The layers are found by torch's names, such as `encoder.rnn.weight_ih_l0`, whatever stands before them. Up to "
        "4 layers, 256 units and 256 inputs. An `embedding.weight` of at most 1,000 × 64 lets you feed token ids. "
        "Weights of Keras, Flax, Equinox and ONNX: see `memviz.converters`."
    )


def _tensors(file: OpenFile) -> pd.DataFrame:
    """Every tensor that is read."""
    rows = []
    for module in file.content.modules:
        for (place, direction), tensors in module.tensors.items():
            suffix = "" if module.is_cell else f"_l{place}" + "_reverse" * direction
            for name, tensor in tensors.items():
                full = f"{module.prefix}.{name}{suffix}".lstrip(".")
                rows.append((full, " × ".join(map(str, tensor.shape)), module.dtype))
    return pd.DataFrame(rows, columns=["tensor", "shape", "type"])


def _columns(module: RecurrentLayers) -> None:
    """Columns of a CSV file become the model's inputs."""
    st.file_uploader("A table: CSV in UTF-8, at most 300 kB", key=_CSV, on_change=_read_table)
    found: columns.Table | EncodingError | None = st.session_state.get(_TABLE)
    if found is None:
        return
    if isinstance(found, EncodingError):
        st.error(escaped(str(found)), icon=":material/error:")
        return
    size = module.input_size
    numeric = found.numeric()
    chosen = st.multiselect(
        f"Columns for its {size} input{'s' * (size > 1)}, in their order",
        range(len(found.names)),
        default=numeric[:size] if len(numeric) >= size else None,
        format_func=lambda column: found.names[column],
        max_selections=size,
        key=f"your_model-columns-{size}-{hash(found)}",
    )
    st.button(
        f"Feed {len(found.rows):,} steps",
        disabled=len(chosen) != size,
        on_click=lambda: PAGE.change(text=found.text(tuple(chosen)), feed=FEEDS[1], timestep=0),
        key="your_model-feed",
    )
    if len(chosen) != size:
        st.caption(
            f"This model reads {size} number{'s' * (size > 1)} at each step; got {len(chosen)} of the table's "
            f"{len(found.names)} columns, {len(numeric)} of which hold nothing but numbers."
        )


def _read_table() -> None:
    uploaded = st.session_state.get(_CSV)
    if uploaded is None:
        st.session_state.pop(_TABLE, None)
        return
    try:
        st.session_state[_TABLE] = columns.table(uploaded.getvalue())
    except EncodingError as error:
        st.session_state[_TABLE] = error
