"""The page of a visitor's model by Streamlit's own tester: files, layers, sequences, and the way to the other pages."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from memviz import models, tasks
from memviz.experiment import Experiment
from memviz.training import TrainingSettings, fit
from memviz.training.files import to_bytes
from memviz.web.your_model import example
from memviz.web.your_model.address import CODEC, DEFAULT, YourModelState
from tests.app.reading import OpenPage, address, open_at, plain, run, shown, stage
from tests.model_files.builders import module, safetensors, torch_file, weights


@pytest.fixture
def open_page() -> OpenPage:
    def open_it(page: str = "your_model", **query: str) -> AppTest:
        return open_at(page, **query)

    return open_it


def upload(app: AppTest, data: bytes, name: str = "model.pt") -> AppTest:
    return run(app.file_uploader[0].set_value((name, data, "application/octet-stream")))


def said(app: AppTest) -> str:
    """Every sentence of the page."""
    parts = [*app.markdown, *app.caption, *app.error, *app.info, *app.warning, *app.title]
    return plain(" | ".join(part.value for part in parts))


def numbers(rows: Any) -> str:
    return "\n".join(", ".join(f"{value:.17g}" for value in row) for row in rows)


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def links(app: AppTest) -> dict[str, dict[str, str]]:
    """The query of each link to another page, by its label; of two alike the first."""
    found = [element.proto for element in app.get("page_link")]
    return {proto.label: dict(parse_qsl(proto.query_string)) for proto in reversed(found)}


def units(app: AppTest) -> Any:
    """Where the units of a wide layer are typed."""
    return app.text_input(key="your_model-units")


def test_the_untouched_page_shows_the_layers_of_the_example_and_the_gates_of_torch(
    open_page: OpenPage,
) -> None:
    app = open_page()
    assert "The example brackets.safetensors (8 kB) holds 1 recurrent module" in said(app)
    assert "LSTM(7, 16)" in said(app)
    assert "not read: head.weight, head.bias" in said(app)
    trained = models.taught("characters-lstm")
    typed = models.examples("characters-lstm", trained)[0]
    assert stage(app)["tokens"] == [str(example.SIGNS.index(sign)) for sign in typed]
    lstm = trained.network.to_torch()
    expected = lstm(torch.from_numpy(trained.task.encode(typed).inputs.copy()))[0].detach()
    np.testing.assert_allclose(shown(app)["hidden"], expected[0, 0], atol=1e-6)
    assert address(app) == {"v": "1"}


def test_the_example_is_what_its_command_makes() -> None:
    assert example.FILE.read_bytes() == example.content()


def test_an_upload_is_shown_with_its_layers_and_its_numbers_are_those_of_torch(open_page: OpenPage) -> None:
    made = module("GRU", 2, 5, num_layers=2, bidirectional=True).double()
    state = {f"encoder.{name}": value for name, value in made.state_dict().items()}
    app = upload(open_page(), torch_file(state), "mine.bin")
    assert "Your file mine.bin" in said(app)
    assert "GRU(2, 5, num_layers=2, bidirectional=True)" in said(app)
    x = drawn(1, 6, 2)
    app = run(app.text_area[0].set_value(numbers(x.tolist())))
    app = run(app.button_group(key="your_model-layer").set_value(1))
    app = run(app.button_group(key="your_model-direction").set_value(1))
    expected = made(x)[0].detach()
    assert shown(app)["hidden"] == pytest.approx(
        float(expected[5, 5]), abs=1e-12
    )  # the last token is read first
    assert "The reverse direction reads the last token first" in said(app)


def test_token_ids_go_through_the_embedding_and_numbers_do_not(open_page: OpenPage) -> None:
    made, table = module("GRU", 3, 4), drawn(2, 10, 3).float()
    app = upload(open_page(), safetensors({**made.state_dict(), "embedding.weight": table}))
    app = run(app.text_area[0].set_value("7 1 1"))
    expected = made(table[[7, 1, 1]])[0].detach()
    assert shown(app)["hidden"] == pytest.approx(float(expected[0, 0]), abs=1e-6)
    app = run(app.text_area[0].set_value("7 1 10"))
    assert "A token id is a whole number from 0 to 9; got" in said(app)
    assert stage(app)["tokens"] == ["7", "1", "1"]  # the last good picture
    app = run(app.button_group(key="your_model-feed").set_value("numbers"))
    assert len(stage(app)["tokens"]) == 40


def test_tanh_or_relu_is_asked(open_page: OpenPage) -> None:
    made = module("RNN", 1, 3, nonlinearity="relu")
    app = upload(open_page(), torch_file(made.state_dict()))
    app = run(app.text_area[0].set_value("1\n-2\n3"))
    app = run(app.button_group(key="your_model-nonlinearity").set_value("relu"))
    expected = made(torch.tensor([[1.0], [-2.0], [3.0]]))[0].detach()
    assert shown(app)["hidden"] == pytest.approx(float(expected[0, 0]), abs=1e-6)
    assert stage(app)["cell"]["name"] == "elman-relu"


def test_a_file_that_is_not_read_is_said_with_its_command_and_the_picture_stays(open_page: OpenPage) -> None:
    app = open_page()
    before = stage(app)["key"]
    app = upload(app, torch_file(module()))
    assert "got a whole module, 'torch.nn.modules.rnn LSTM', which runs code. Below is what was open" in said(
        app
    )
    assert any("model.state_dict()" in code.value for code in app.code)
    assert stage(app)["key"] == before


def test_removing_an_upload_in_use_goes_back_to_the_example(open_page: OpenPage) -> None:
    app = upload(open_page(), torch_file(weights("GRU", 2, 3)))
    assert "GRU(2, 3)" in said(app)
    app = run(app.file_uploader[0].clear())
    assert "The example brackets.safetensors" in said(app)
    assert len(stage(app)["tokens"]) == len(example.text().split())


def test_removing_a_refused_upload_leaves_the_file_that_is_open(open_page: OpenPage) -> None:
    app = upload(open_page(), torch_file(weights("GRU", 2, 3)))
    app = upload(app, b"<html>", "page.pt")
    assert "got a page of HTML or XML. Below is what was open before." in said(app)
    app = run(app.file_uploader[0].clear())
    assert not app.error
    assert "GRU(2, 3)" in said(app)


def test_closing_a_file_empties_the_box_that_it_was_put_in(open_page: OpenPage) -> None:
    app = upload(open_page(), torch_file(weights("GRU", 2, 3)))
    app = run(next(button for button in app.button if button.label == "Close this file").click())
    assert app.file_uploader[0].value is None
    app = upload(app, torch_file(weights("GRU", 2, 3)))
    assert "GRU(2, 3)" in said(app)


def test_a_link_without_its_file_says_so_and_shows_what_it_meant_once_the_file_is_there(
    open_page: OpenPage,
) -> None:
    data = torch_file(module("GRU", 2, 5, num_layers=2).state_dict())
    app = run(upload(open_page(), data).text_area[0].set_value("0.5, -1\n2, 0.25\n-1, 1"))
    app = run(app.button_group(key="your_model-layer").set_value(1))
    query, expected = address(app), shown(app)
    assert query["file"] == hashlib.sha256(data).hexdigest()[:12]
    other = open_page(**query)
    assert f"this one shows a file whose SHA-256 begins with {query['file']}; got brackets" in said(other)
    assert len(stage(other)["tokens"]) == len(example.text().split())
    assert not other.error
    other = upload(other, torch_file(weights("LSTM", 1, 2)))
    assert "text" not in address(other)
    other = upload(open_page(**query), data)
    assert "A link does not hold its file" not in said(other)
    assert stage(other)["tokens"] == ["0.5; \N{MINUS SIGN}1", "2; 0.25", "\N{MINUS SIGN}1; 1"]
    assert shown(other) == expected
    assert address(other) == query


def test_a_long_sequence_of_the_example_goes_on_to_the_other_pages(open_page: OpenPage) -> None:
    ids = [str(each % 7) for each in range(1500)]
    app = run(open_page().text_area[0].set_value(" ".join(ids)))
    query = links(app)["See its gates"]
    assert "text" not in query
    assert stage(open_page("gates", **query))["tokens"] == ids


def test_a_file_can_be_closed_and_another_opened(open_page: OpenPage) -> None:
    app = upload(open_page(), torch_file(weights("GRU", 2, 3)))
    app = upload(app, safetensors(weights("LSTM", 1, 2, num_layers=2)), "other.safetensors")
    assert "Your file other.safetensors" in said(app)
    (close,) = [button for button in app.button if button.label == "Close this file"]
    app = run(close.click())
    assert "The example brackets.safetensors" in said(app)


def test_the_other_pages_show_the_same_numbers(open_page: OpenPage) -> None:
    made = module("LSTM", 2, 5).double()
    app = upload(open_page(), torch_file(made.state_dict()))
    x = drawn(3, 8, 2)
    app = run(app.text_area[0].set_value(numbers(x.tolist())))
    query = links(app)
    expected = made(x)[0].detach()
    gates = open_page("gates", **query["See its gates"])
    assert shown(gates)["hidden"] == pytest.approx(float(expected[4, 4]), abs=1e-12)
    assert "model.pt: model, out of a file" in said(gates)
    held = open_page("gates", **query["See its gates"], interventions="clamp~forget~0")
    assert shown(held)["forget"] == 0
    gradients = open_page("gradients", **query["See its gradients"])
    assert "the sum of h at step 7" in said(gradients)
    compare = open_page("compare", **query["Compare it"])
    assert "The network out of your file, and one of its cell and size as torch draws it" in said(compare)


def test_a_sequence_that_is_too_long_for_a_link_is_opened_all_the_same(open_page: OpenPage) -> None:
    made = module("GRU", 3, 4).double()
    app = upload(open_page(), torch_file(made.state_dict()))
    x = drawn(4, 200, 3)
    app = run(app.text_area[0].set_value(numbers(x.tolist())))
    query = links(app)["See its gates"]
    assert "text" not in query
    gates = open_page("gates", **query)
    assert len(stage(gates)["tokens"]) == 200
    assert shown(gates)["hidden"] == pytest.approx(float(made(x)[0].detach()[4, 3]), abs=1e-12)


def test_of_a_wide_layer_some_units_are_drawn_and_can_be_chosen(open_page: OpenPage) -> None:
    made = module("LSTM", 2, 200)
    app = upload(open_page(), torch_file(made.state_dict()))
    x = drawn(5, 6, 2)
    app = run(app.text_area[0].set_value(numbers(x.tolist())))
    assert stage(app)["units"] == 64
    assert "64 of 200 units are drawn" in said(app)
    assert units(app).value == "0-63"
    assert not links(app)
    expected = made(x.float())[0].detach()
    chosen = [7, *range(136, 196), 199]
    app = run(units(app).set_value("199, 136-195, 7"))
    assert stage(app)["chosen"] == chosen
    assert units(app).value == "7, 136-195, 199"
    assert shown(app)["hidden"] == pytest.approx(float(expected[0, 7]), abs=1e-5)
    hidden = stage(app)["arrays"]["hidden"]
    values = np.frombuffer(base64.b64decode(hidden["data"]), "<f4").reshape(hidden["shape"])
    np.testing.assert_allclose(values, expected[:, chosen], atol=1e-5)
    assert address(app)["units"] == ",".join(map(str, chosen))
    app = run(units(app).set_value("0-64"))
    assert "The units drawn are 1 to 64 of 0 to 199, such as 0-31, 100; got 65." in said(app)
    assert stage(app)["chosen"] == chosen
    app = run(next(button for button in app.button if button.label == "The 64 that vary most").click())
    varying = expected.double().std(dim=0, correction=0)
    assert stage(app)["chosen"] == sorted(varying.argsort(descending=True)[:64].tolist())
    app = run(app.text_area[0].set_value("1, 2\n" * 501))
    assert "With more than 64 units a sequence has at most 500 steps here; got 501." in said(app)


def test_of_a_projected_layer_the_state_before_the_projection_is_drawn(open_page: OpenPage) -> None:
    made = module("LSTM", 2, 4, proj_size=3).double()
    app = upload(open_page(), torch_file(made.state_dict()))
    assert "LSTM(2, 4, proj_size=3)" in said(app)
    assert "h is the hidden state before its projection" in said(app)
    x = drawn(6, 5, 2)
    app = run(app.text_area[0].set_value(numbers(x.tolist())))
    hidden = stage(app)["arrays"]["hidden"]
    values = np.frombuffer(base64.b64decode(hidden["data"]), "<f4").reshape(hidden["shape"])
    projected = values @ made.weight_hr_l0.detach().numpy().T
    np.testing.assert_allclose(projected, made(x)[0].detach(), atol=1e-6)


def test_a_network_that_memviz_trained_opens_with_its_task(open_page: OpenPage) -> None:
    trained = fit(Experiment("gru", 2), tasks.latch(5), TrainingSettings(updates=2, batch=2))
    app = upload(open_page(), to_bytes(trained), "latch.safetensors")
    assert "latch.safetensors is a network that memviz trained, with its task" in said(app)
    found = models.load(links(app)["See its gates"]["model"])
    assert found.experiment == trained.experiment


def test_what_is_called_memvizs_and_is_not_is_said(open_page: OpenPage) -> None:
    app = upload(open_page(), safetensors(weights(), {"memviz": "[" * 100}))
    assert "A trained network says in its file what it is; this file does not." in said(app)


@pytest.mark.parametrize("name", ["![x](http://x)", "<b>x</b>", "$x$", ":red[x]", "a" * 300, "\u202ex"])
def test_names_of_files_and_layers_are_shown_as_they_are(open_page: OpenPage, name: str) -> None:
    prefix = "".join(sign for sign in name if sign.isprintable())[:100]
    app = upload(open_page(), safetensors(weights("GRU", 1, 2, prefix=f"{prefix}.")), name)
    assert prefix[:50] in said(app)
    assert not app.error


def test_columns_of_a_csv_file_are_fed(open_page: OpenPage) -> None:
    app = upload(open_page(), torch_file(weights("GRU", 2, 3)))
    app.session_state["your_model-popover-csv"] = True
    app = run(app)
    csv = b"day,a,b,c\nMon,1,2,3\nTue,4,5,6\nWed,7,8,9\n"
    app = run(app.file_uploader[1].set_value(("table.csv", csv, "text/csv")))
    assert app.multiselect[0].value == [1, 2]  # not the days
    app = run(app.multiselect[0].set_value([3, 1]))
    (feed,) = [button for button in app.button if button.label == "Feed 3 steps"]
    app = run(feed.click())
    assert stage(app)["features"] == ["c", "a"]
    assert stage(app)["tokens"] == ["3; 1", "6; 4", "9; 7"]
    app = run(app.file_uploader[1].set_value(("table.csv", b"1,2\n3\n", "text/csv")))
    assert "Each line of a CSV file has as many cells as the first" in said(app)


def test_a_link_is_read_back_and_what_the_file_does_not_have_means_its_last(open_page: OpenPage) -> None:
    state = YourModelState(text="1 2 3", module=3, layer=2, direction=1, unit=200, timestep=9)
    assert CODEC.read(CODEC.to_query(state)) == (state, [])
    assert CODEC.to_query(DEFAULT) == {"v": "1"}
    app = open_page(**CODEC.to_query(state))
    assert stage(app)["tokens"] == ["1", "2", "3"]
    detail = stage(app)["detail"]
    assert (detail["timestep"], detail["unit"]) == (2, 15)
    app = open_page(layer="9", feed="x", cell="gru")
    assert "The layer is a whole number from 0 to 3; got '9'." in said(app)
    assert "The feed is one of tokens, numbers; got 'x'." in said(app)


def test_a_visit_to_the_example_takes_no_place_from_networks_of_others(open_page: OpenPage) -> None:
    open_page()
    names = [links(open_page())["See its gates"]["model"] for _ in range(2)]
    assert len(set(names)) == 1
