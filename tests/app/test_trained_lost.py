"""Trained networks that cannot be had, what is typed for those that can, and the links between their pages."""

from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from memviz import Clamp, models, record, tasks
from memviz.edits import ZeroBlock, apply
from memviz.experiment import Experiment
from memviz.gradients import Loss
from memviz.models import shelf
from memviz.models.lent import _LENT
from memviz.training import TrainedNetwork, TrainingSettings, fit
from memviz.web.compare.address import CODEC as COMPARE
from memviz.web.compare.links import with_and_without
from memviz.web.compare.trained import CHANGED, flow_of, label_of, sides_of
from memviz.web.gates.address import GatesState
from memviz.web.gradients.address import CODEC as GRADIENTS
from memviz.web.gradients.address import linked
from tests.app.reading import OpenPage, address, open_at, run

PAGES = ("gates", "gradients", "compare")
every_page = pytest.mark.parametrize("page", PAGES)
HELD = (Clamp("forget", 0.5, [1]),)


@pytest.fixture
def open_page() -> OpenPage:
    return open_at


@pytest.fixture
def own() -> str:
    """The name of a network that a visitor has trained."""
    settings = TrainingSettings(updates=2, batch=2, seed=7)
    trained: TrainedNetwork = fit(Experiment("lstm", 4, seed=7), tasks.latch(5), settings)
    return models.lend(trained, "Mine")


def said(app: AppTest) -> str:
    text = " ".join(part.value for part in (*app.warning, *app.error))
    return text.replace("\\", "").replace("\N{WORD JOINER}", "")


@every_page
def test_a_link_to_a_lent_network_that_is_gone_gets_a_sentence(open_page: OpenPage, page: str) -> None:
    app = open_page(page, model=f"own-{'0' * 32}", interventions="clamp~forget~0")
    assert "is no longer kept" in said(app)
    assert app.title[0].value
    assert not {"model", "interventions"} & set(address(app))


@every_page
def test_a_link_to_no_network_at_all_is_told_the_names_and_changes_no_other_network(
    open_page: OpenPage, page: str
) -> None:
    app = open_page(page, model="lätch", interventions="clamp~forget~0")
    assert "The trained networks are latch-100" in said(app)
    assert not {"model", "interventions"} & set(address(app))


@every_page
def test_a_lent_network_that_goes_while_it_is_open_gets_a_sentence(
    open_page: OpenPage, page: str, own: str
) -> None:
    app = open_page(page, model=own, text="Awxyzw")
    assert not said(app)
    assert address(app)["model"] == own
    del _LENT[own]
    run(app.text_input(f"{page}-text").set_value("Bwxyzw"))
    assert "is no longer kept" in said(app)
    assert "model" not in address(app)
    run(app.text_input(f"{page}-text").set_value("Bwxyzwx"))
    assert not said(app)


@every_page
def test_a_lent_network_that_goes_while_the_text_is_wrong_takes_the_last_good_picture_with_it(
    open_page: OpenPage, page: str, own: str
) -> None:
    app = open_page(page, model=own, text="Awxyzw")
    del _LENT[own]
    run(app.text_input(f"{page}-text").set_value(""))
    assert "is no longer kept" in said(app)
    assert app.title[0].value


@every_page
def test_a_visitors_networks_are_on_no_list(open_page: OpenPage, page: str, own: str) -> None:
    app = open_page(page, model="latch-7")
    app.session_state[f"{page}-popover-trained"] = True
    run(app)
    shown = " ".join([said(app), *(button.label for button in app.button), *(str(b.key) for b in app.button)])
    assert "latch-100" in shown
    assert own not in shown
    assert "Mine" not in shown


@every_page
def test_a_corrupt_file_gets_a_sentence_and_the_others_open(
    open_page: OpenPage, page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in shelf.FOLDER.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "latch-100.safetensors").write_bytes(b"not a network")
    monkeypatch.setattr(shelf, "FOLDER", tmp_path)
    shelf._read.cache_clear()
    try:
        app = open_page(page, model="latch-100", text="Awxyzw")
        assert "latch-100.safetensors of assets/models/ cannot be read" in said(app)
        app.session_state[f"{page}-popover-trained"] = True
        run(app)
        assert app.button(f"{page}-open-latch-100").disabled
        run(app.button(f"{page}-open-latch-1000").click())
        assert address(app)["model"] == "latch-1000"
        assert not said(app)
    finally:
        shelf._read.cache_clear()


@every_page
@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "got none"), ("BTBé", "one of the alphabet: B T S X P V E"), ("BT" * 2000, "3,001")],
)
def test_what_is_no_sequence_of_its_task_gets_a_sentence(
    open_page: OpenPage, page: str, text: str, sentence: str
) -> None:
    app = open_page(page, model="reber-gru")
    run(app.text_input(f"{page}-text").set_value(text))
    assert sentence in said(app)
    assert app.title[0].value


def test_too_short_a_sequence_for_the_gradients_page_is_said_in_its_own_words(open_page: OpenPage) -> None:
    app = open_page("gradients", model="reber-gru")
    run(app.text_input("gradients-text").set_value("BTB"))
    assert "a sequence of this network has 6 to 3,001 steps; got 3." in said(app)


def test_every_link_from_the_gates_page_takes_along_what_is_held(open_page: OpenPage) -> None:
    app = open_page("gates", model="latch-100", text="Awxyzw", interventions="clamp~forget~0.5~u1")
    found = {
        link.proto.label: unquote(link.proto.query_string)
        for link in app.get("page_link")
        if "See its" in link.proto.label or "Compare" in link.proto.label
    }
    assert set(found) == {"See its gradients", "Compare it"}
    for query in found.values():
        assert "model=latch-100" in query
        assert "interventions=clamp~forget~0.5~u1" in query
        assert "text=Awxyzw" in query


def test_links_made_elsewhere_name_the_network() -> None:
    state = GatesState(model="latch-100", text="Awxyzw", experiment=Experiment(interventions=HELD))
    beside, problems = COMPARE.read(with_and_without(state))
    assert not problems
    assert (beside.model, beside.text, beside.experiment.interventions) == ("latch-100", "Awxyzw", HELD)
    there, problems = GRADIENTS.read(linked(state.experiment, state.text, 6, state.model))
    assert not problems
    assert (there.model, there.network, there.experiment.interventions) == ("latch-100", "given", HELD)


def test_the_changed_side_is_the_network_as_it_is_held_and_the_one_before_it_is_not() -> None:
    trained = models.load("latch-100")
    sequence = trained.task.encode("Awxyzw")
    sides = sides_of("latch-100", is_changed=True)
    assert sides[:2] == ["latch-100", f"latch-100{CHANGED}"]
    assert label_of(sides[1]).endswith("trained and changed")
    edits = (ZeroBlock("weight_hh", "output"),)
    experiment = Experiment(edits=edits, interventions=HELD)
    for side, network, held in (
        (sides[0], trained.network, ()),
        (sides[1], apply(trained.network, edits), HELD),
    ):
        expected = record(network, sequence, interventions=held)["hidden"]
        found = flow_of(side, "Awxyzw", Loss(), experiment).trace["hidden"]
        np.testing.assert_array_equal(found, expected)


def test_the_compare_page_shows_a_changed_network_beside_itself(open_page: OpenPage) -> None:
    app = open_page("compare", model="latch-100", text="Awxyzw", interventions="clamp~forget~0.5~u1")
    assert not said(app)
    (proto,) = [p.proto for p in app.get("bidi_component") if p.proto.component_name == "memviz_multiples"]
    assert proto.json.count("trained and changed") >= 1
    app = open_page("compare", model="latch-100", text="Awxyzw")
    (proto,) = [p.proto for p in app.get("bidi_component") if p.proto.component_name == "memviz_multiples"]
    assert "changed" not in proto.json


def test_what_does_not_fit_the_compared_network_leaves_its_side_out(open_page: OpenPage) -> None:
    app = open_page("compare", model="latch-100", text="Awxyzw", interventions="clamp~forget~0.5~u60")
    assert "trained and changed) is left out." in said(app)
