"""Trained networks on the gates page, by Streamlit's own tester: what they say, and units that mean something."""

import contextlib
import io
import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from memviz import Clamp, concepts, models, record, tasks
from memviz.edits import ZeroBlock, apply
from memviz.gradients import gradient_flow
from memviz.theme import number
from tests.app.reading import (
    OpenPage,
    address,
    charts,
    components,
    open_page,
    opened,
    plain,
    run,
    shown,
    stage,
)

__all__ = ["open_page"]


def ribbon(app: AppTest) -> dict[str, Any]:
    (proto,) = components(app, "memviz_ribbon")
    data: dict[str, Any] = json.loads(proto.bytes)
    return data


def captions(app: AppTest) -> str:
    return plain(" ".join(part.value for part in (*app.caption, *app.markdown)))


def with_concepts(app: AppTest) -> AppTest:
    app.session_state["gates-concepts-open"] = True
    return run(app)


def test_one_click_opens_a_trained_network_with_an_example_of_its_task(open_page: OpenPage) -> None:
    app = opened(open_page(), "trained")
    run(app.button("gates-open-latch-100").click())
    assert address(app)["model"] == "latch-100"
    trained = models.load("latch-100")
    text = models.examples("latch-100", trained)[0]
    assert address(app)["text"] == text
    trace = record(trained.network, trained.task.encode(text))
    assert stage(app)["tokens"] == list(text)
    expected = trace["cell"][0, 0]
    assert shown(app)["cell"] == expected
    assert "5 of 5 seeds reached the goal" in captions(app)


def test_a_link_with_the_name_alone_opens_it(open_page: OpenPage) -> None:
    app = open_page(model="counter-lstm")
    assert address(app)["text"] == models.recipe_of("counter-lstm").examples[0]
    assert not app.warning
    sent = ribbon(app)
    assert sent["tokens"] == list("Saaaaabbbbb")
    assert sent["under"][-1] == "T ✓"


def test_the_answers_are_those_of_the_readout_on_the_states_as_they_are_held(open_page: OpenPage) -> None:
    trained = models.load("parity-lstm")
    text = "0110100110"
    sequence = trained.task.encode(text)
    for held in ((), (Clamp("forget", 0.0),)):
        query = {"interventions": "clamp~forget~0"} if held else {}
        app = open_page(model="parity-lstm", text=text, **query)
        hidden = record(trained.network, sequence, interventions=held)["hidden"]
        outputs = hidden @ trained.readout.weight.numpy().T + trained.readout.bias.numpy()
        odd = np.cumsum([int(bit) for bit in text]) % 2
        expected = [
            f"{'odd' if row.argmax() else 'even'} {'✓' if row.argmax() == right else '✗'}"
            for row, right in zip(outputs, odd, strict=True)
        ]
        assert ribbon(app)["under"] == expected


def test_a_foreign_symbol_is_told_the_alphabet_and_the_last_good_picture_stays(open_page: OpenPage) -> None:
    app = open_page(model="reber-lstm")
    before = stage(app)["tokens"]
    run(app.text_input("gates-text").set_value("BTQ"))
    assert "one of the alphabet: B T S X P V E" in plain(app.error[0].value)
    assert stage(app)["tokens"] == before
    app = open_page(model="reber-lstm", text="hello")
    assert stage(app)["tokens"] == list(models.recipe_of("reber-lstm").examples[0])


def test_what_the_trained_network_fixes_is_disabled_and_a_link_cannot_change_it(open_page: OpenPage) -> None:
    app = open_page(model="latch-100", cell="gru", hidden_size="9", kind="words")
    assert address(app)["cell"] == "lstm"
    assert address(app)["hidden_size"] == "4"
    assert app.slider("gates-hidden_size").disabled
    assert app.number_input("gates-seed").disabled
    assert app.selectbox("gates-kind").disabled
    opened(app, "trained")
    close = next(button for button in app.button if button.label == "Close the trained network")
    run(close.click())
    assert "model" not in address(app)
    assert not app.slider("gates-hidden_size").disabled
    assert address(app)["hidden_size"] == "4"


def test_an_edit_of_its_weights_acts_on_it(open_page: OpenPage) -> None:
    app = open_page(model="latch-100", edits="zero~weight_hh~forget")
    trained = models.load("latch-100")
    network = apply(trained.network, (ZeroBlock("weight_hh", "forget"),))
    text = models.examples("latch-100", trained)[0]
    assert not app.warning
    trace = record(network, trained.task.encode(text))
    assert (
        shown(app)["forget_pre"] == trace["forget_pre"][int(address(app).get("timestep", 4)), 0 + _unit(app)]
    )


def _unit(app: AppTest) -> int:
    return min(int(address(app).get("unit", 5)), 3)


def test_units_are_found_and_holding_one_shows_whether_the_task_breaks(open_page: OpenPage) -> None:
    app = with_concepts(open_page(model="latch-100"))
    trained = models.load("latch-100")
    found = concepts.correlations(trained.network, trained.task)
    best = found.above("the first symbol", 0.8)
    chart = charts(app)["concepts"]
    assert "the first symbol" in chart["figure"]["layout"]["title"]["text"].replace("<br>", " ")
    assert chart["brush"]["value"] == 0.8
    assert f"{len(best)} of {len(found.of('the first symbol'))} go with it by 0.80" in captions(app)
    assert "nothing is held or edited" in captions(app)
    first = best[0]
    run(app.button(f"gates-hold-{first.signal}-{first.unit}").click())
    clamp = Clamp(first.signal, float(f"{first.mean:.4g}"), (first.unit,))
    after = concepts.score(trained.network, trained.readout, trained.task, (clamp,))
    assert after < 0.9
    assert (
        f"was {number(1.0)} and is {number(after)} with what is held or edited; chance is 0.500."
        in captions(app)
    )
    assert f"The score ({concepts.scored_sequences(tasks.latch(100))} sequences)" in captions(app)
    assert "interventions" in address(app)
    run(app.button(f"gates-hold-{first.signal}-{first.unit}").click())
    assert "interventions" not in address(app)


@pytest.mark.parametrize("name", models.NAMES)
def test_every_network_opens_with_its_concepts(open_page: OpenPage, name: str) -> None:
    app = with_concepts(open_page(model=name))
    assert not app.error
    assert not app.warning
    assert "go with it by 0.80" in captions(app)


def test_a_changed_token_changes_what_is_right_and_each_run_has_the_loss_of_its_own_sequence(
    open_page: OpenPage,
) -> None:
    app = open_page(model="latch-100", text="Awxyz", change="replace~0~B")
    assert not app.warning
    trained = models.load("latch-100")
    norms = []
    for text in ("Awxyz", "Bwxyz"):
        sequence = trained.task.encode(text)
        loss = models.task_loss(trained, sequence)
        assert loss is not None
        assert loss.targets == (0 if text[0] == "A" else 1,)
        flow = gradient_flow(trained.network, sequence, loss)
        norms.append(10 ** float(flow.inputs.log10_norms()[0]))
    title = plain(app.title[0].value)
    assert f"from {number(norms[0], 2)} to {number(norms[1], 2)}" in title


def test_a_threshold_finds_as_many_units_as_pass_it(open_page: OpenPage) -> None:
    trained = models.load("characters-gru")
    found = concepts.correlations(trained.network, trained.task)
    for hundredths in (35, 71):
        app = with_concepts(open_page(model="characters-gru", concept="1", threshold=str(hundredths)))
        passing = int((np.abs(found.values[1]) >= hundredths / 100).sum())
        assert f"{passing} of {found.values[1].size} go with it by {hundredths / 100:.2f}" in captions(app)
        chart = charts(app)["concepts"]
        assert chart["brush"]["value"] == hundredths / 100
        named = [text for trace in chart["figure"]["data"] for text in trace["text"] if text]
        assert len(named) == passing


def test_what_the_task_draws_at_random_is_not_marked_as_a_mistake(open_page: OpenPage) -> None:
    app = open_page(model="characters-lstm")
    assert not any("✗" in each for each in ribbon(app)["under"])
    assert "whatever may follow is right" in captions(app)
    app = open_page(model="latch-100-default", text="Awxyz")
    assert ribbon(app)["under"][-1] == "B ✗"


def test_a_number_that_is_said_has_no_colour_of_certainty(open_page: OpenPage) -> None:
    sent = ribbon(open_page(model="adding-lstm"))
    assert sent["legend"] is None
    assert len(set(sent["colours"])) == 1


@pytest.mark.parametrize(
    ("name", "text", "held"),
    [("parity-lstm", "0110100110", (Clamp("forget", 0.5, [1]),)), ("counter-peephole", "Saabb", ())],
)
def test_the_code_of_a_trained_network_runs_as_shown(
    open_page: OpenPage, name: str, text: str, held: Any
) -> None:
    query = {"interventions": "clamp~forget~0.5~u1"} if held else {}
    app = open_page(model=name, text=text, **query)
    app.session_state["gates-snippet"] = True
    run(app)
    (code,) = app.code
    scope: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(code.value, "snippet", "exec"), scope)
    trained = models.load(name)
    expected = record(trained.network, trained.task.encode(text), interventions=held)["hidden"][-1]
    np.testing.assert_allclose(scope["h"].detach().numpy(), expected, atol=1e-15)


def test_another_network_takes_nothing_along_of_what_was_held_in_the_one_before(open_page: OpenPage) -> None:
    app = open_page(
        model="latch-100",
        interventions="clamp~forget~0.5~u1",
        edits="zero~weight_hh~forget",
        change="replace~0~B",
    )
    opened(app, "trained")
    run(app.button("gates-open-reber-gru").click())
    assert address(app)["model"] == "reber-gru"
    assert not {"interventions", "edits", "change"} & set(address(app))
    assert not app.warning
    assert stage(app)["tokens"] == list(models.recipe_of("reber-gru").examples[0])
