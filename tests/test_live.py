"""What the browser gets of a figure is the figure's own data, and the library at one address and nothing else."""

import asyncio
import base64
import copy
import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
import plotly
import pytest
from starlette.applications import Starlette
from streamlit import config
from streamlit.testing.v1 import AppTest

from memviz import live
from memviz.figures.payload import MOST_ROWS, payload, table_payload
from memviz.live.library import SOURCE
from memviz.live.spreadsheet import frame_csv

ADDRESS = f"/{SOURCE}"


def read(figure: dict[str, Any], **options: Any) -> dict[str, Any]:
    """The payload as a browser reads it: strict JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"JSON has no {constant}")

    loaded: dict[str, Any] = json.loads(payload(figure, "states", "Lines", **options), parse_constant=refuse)
    return loaded


def unpacked(packed: dict[str, str]) -> np.ndarray:
    """plotly's packed array, taken apart by what plotly.js says of it."""
    flat = np.frombuffer(base64.b64decode(packed["bdata"]), np.dtype(packed["dtype"]).newbyteorder("<"))
    return flat.reshape([int(n) for n in packed["shape"].split(",")]) if "shape" in packed else flat


def raw(data: list[dict[str, Any]], **layout: Any) -> dict[str, Any]:
    return {"data": data, "layout": {"height": 300, "template": {}, **layout}}


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_numbers_arrive_bit_by_bit(dtype: str) -> None:
    values = (np.random.default_rng(1).normal(size=(4, 7)) * 1e3).astype(dtype)
    arrived = unpacked(read(raw([{"type": "heatmap", "z": values}]))["figure"]["data"][0]["z"])
    np.testing.assert_array_equal(arrived, values)
    assert arrived.dtype == dtype


def test_what_is_not_finite_survives() -> None:
    values = np.array([1.0, np.nan, -np.inf, np.inf, -0.0, 5e-324])
    trace = read(raw([{"type": "scatter", "y": values, "x": [0.0, float("nan")]}]))["figure"]["data"][0]
    np.testing.assert_array_equal(unpacked(trace["y"]), values)
    assert np.signbit(unpacked(trace["y"])[4])
    assert trace["x"] == [0.0, None]


def test_texts_and_layout_arrive_as_they_are() -> None:
    hostile = '</script><b>"\\\u2028👩\ud800\x00'
    sent = read(raw([{"type": "scatter", "name": hostile, "customdata": [hostile]}], title={"text": hostile}))
    assert sent["figure"]["data"][0] == {"type": "scatter", "name": hostile, "customdata": [hostile]}
    assert sent["figure"]["layout"] == {"height": 300, "template": {}, "title": {"text": hostile}}
    assert (sent["name"], sent["alt"], sent["table"]) == ("states", "Lines", None)


def test_the_payload_leaves_the_figure_as_it_was() -> None:
    figure = raw([{"type": "scatter", "y": np.arange(3.0)}])
    before = copy.deepcopy(figure)
    read(figure)
    np.testing.assert_array_equal(figure["data"][0].pop("y"), before["data"][0].pop("y"))
    assert figure == before


def test_a_table_is_texts_of_its_first_rows_and_says_how_many_there_are() -> None:
    long = pd.DataFrame({"step": range(MOST_ROWS + 7), "value": [-0.5] * (MOST_ROWS + 7), "token": "<b>"})
    sent = table_payload(long)
    assert sent["columns"] == ["step", "value", "token"]
    assert (len(sent["rows"]), sent["total"]) == (MOST_ROWS, MOST_ROWS + 7)
    assert sent["rows"][3] == ["3", "−0.5000", "<b>"]
    undefined = table_payload(pd.DataFrame({"value": [float("nan"), float("-inf")]}))
    assert undefined["rows"] == [["undefined"], ["−∞"]]
    assert table_payload(pd.DataFrame({"value": []})) == {"columns": ["value"], "rows": [], "total": 0}


def csv_rows(frame: pd.DataFrame) -> list[list[str]]:
    """The file of a table as Python's own reader takes it."""
    return list(csv.reader(io.StringIO(frame_csv(frame).decode("utf-8-sig"), newline=""), strict=True))


def test_a_file_has_every_row_with_its_numbers_exact() -> None:
    random = np.random.default_rng(2)
    values = random.normal(size=MOST_ROWS + 7) * 10.0 ** random.integers(-300, 300, MOST_ROWS + 7)
    values[:4] = [np.inf, -np.inf, 5e-324, -0.0]
    header, *body = csv_rows(pd.DataFrame({"step": range(len(values)), "value": values}))
    assert header == ["step", "value"]
    assert [int(step) for step, _ in body] == list(range(len(values)))
    np.testing.assert_array_equal([float(value) for _, value in body], values)
    assert np.signbit(float(body[3][1]))


def test_a_file_is_marked_as_utf_8_and_ends_its_lines_as_the_rfc_says() -> None:
    assert frame_csv(pd.DataFrame({"token": ["ß"], "n": [1]})) == "\ufefftoken,n\r\nß,1\r\n".encode()
    assert frame_csv(pd.DataFrame({"value": []})) == b"\xef\xbb\xbfvalue\r\n"


def test_no_text_of_a_file_is_a_formula_and_no_number_becomes_a_text() -> None:
    frame = pd.DataFrame({"=A1": ["-1", "＝1", "a=1"], "mixed": [-1, "@x", None], "value": [-1.5, 2.0, 3.0]})
    assert csv_rows(frame) == [
        ["'=A1", "mixed", "value"],
        ["'-1", "-1", "-1.5"],
        ["'＝1", "'@x", "2.0"],
        ["a=1", "", "3.0"],
    ]
    assert list(frame.columns) == ["=A1", "mixed", "value"]  # as it was


def test_the_file_is_in_the_payload_as_text() -> None:
    sent = read(raw([]), csv={"number": 7, "text": frame_csv(pd.DataFrame({"token": ["ß"]})).decode()})
    assert sent["csv"] == {"number": 7, "text": "\ufefftoken\r\nß\r\n"}
    assert read(raw([]))["csv"] is None


@dataclass
class Answer:
    """What the server sent, as it went over the wire."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def ask(path: str, accepted: str = "", method: str = "GET") -> Answer:
    """One request to the routes of figures, by the protocol that servers speak with them."""
    answer = Answer()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": [(b"accept-encoding", accepted.encode())],
    }
    asyncio.run(Starlette(routes=live.routes())(scope, receive, send))
    return answer


def test_the_library_is_plotlys_own_file_and_may_be_kept_for_ever() -> None:
    library = files(plotly).joinpath("package_data", "plotly.min.js").read_bytes()
    plain, packed = ask(ADDRESS), ask(ADDRESS, "br, gzip")
    assert plain.body == gzip.decompress(packed.body) == library
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert 3 * len(packed.body) < len(library)
    for answer in (plain, packed):
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["content-length"] == str(len(answer.body))
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "Accept-Encoding"
    assert plotly.__version__ in ADDRESS


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/memviz-live/",
        "/memviz-live/widgetbundle.js",
        "/memviz-live/plotly.min.js",
        f"{ADDRESS}/",
        f"{ADDRESS}/../widgetbundle.js",
        "/memviz-live/../../app.py",
        f"{ADDRESS}\0",
    ],
)
def test_nothing_else_is_served(path: str) -> None:
    answer = ask(path)
    assert answer.status in {307, 404}  # a slash too many is sent back to the address without it
    assert len(answer.body) < 100


def test_nothing_can_be_sent_to_the_library() -> None:
    assert ask(ADDRESS, method="POST").status == 405


@pytest.fixture
def below_a_path() -> Iterator[None]:
    config.set_option("server.baseUrlPath", "/memory/")
    yield
    config.set_option("server.baseUrlPath", "")


@pytest.mark.usefixtures("below_a_path")
def test_the_library_moves_with_the_base_of_the_app() -> None:
    assert [route.path for route in live.routes()] == [f"/memory{ADDRESS}"]


def ribbon_payload(*arguments: Any, **options: Any) -> dict[str, Any]:
    """What the browser gets of a ribbon."""

    def script(arguments: tuple, options: dict) -> None:
        from memviz import live

        live.ribbon(*arguments, alt="Tokens", key="ribbon", **options)

    app = AppTest.from_function(script, args=(arguments, options)).run()
    assert not app.exception, app.exception[0].message
    (part,) = app.get("bidi_component")
    loaded: dict[str, Any] = json.loads(part.proto.bytes)
    return loaded


def test_a_ribbon_is_fed_its_tokens_made_visible_and_their_colours_as_they_are() -> None:
    hostile = '</script><b>"'
    sent = ribbon_payload([" ", "\n", hostile], ["#000000", "rgb(1 2 3)", "red"], texts=["a", "b", hostile])
    assert sent["tokens"] == ["␣", "↵", hostile]
    assert sent["colours"] == ["#000000", "rgb(1 2 3)", "red"]
    assert sent["texts"] == ["a", "b", hostile]
    assert (sent["alt"], sent["legend"]) == ("Tokens", None)


def test_what_stands_under_the_tokens_of_a_ribbon_is_sent_as_it_is() -> None:
    hostile = "<b>&amp;"
    assert ribbon_payload(["a", "b"], ["red", "red"], under=["1 ✓", hostile])["under"] == ["1 ✓", hostile]
    assert ribbon_payload(["a"], ["red"])["under"] == []
    with pytest.raises(ValueError, match="1 below and 0 timesteps"):
        live.ribbon(["a", "b"], ["red", "red"], alt="Tokens", key="ribbon", under=["1"])


def test_a_ribbon_of_which_some_is_left_out_has_the_timesteps_of_the_rest() -> None:
    assert ribbon_payload("abc", ["red"] * 3)["steps"] == [0, 1, 2]
    assert ribbon_payload("abc", ["red"] * 3, steps=[0, 98, 99])["steps"] == [0, 98, 99]
    with pytest.raises(ValueError, match="2 timesteps"):
        live.ribbon("abc", ["red"] * 3, alt="Tokens", key="ribbon", steps=[0, 1])


def test_a_ribbon_without_tokens_or_texts_is_one_too_and_a_legend_needs_its_scale() -> None:
    assert ribbon_payload([], [])["tokens"] == []
    sent = ribbon_payload("ab", ["red", "red"], legend=("low", "high"), scale=["#fff", "#000"])
    assert (sent["texts"], sent["legend"], sent["scale"]) == ([], ["low", "high"], ["#fff", "#000"])
    assert ribbon_payload("a", ["red"], legend=("low", "high"))["legend"] is None


@pytest.mark.parametrize(("colours", "texts"), [(["red"], []), (["red"] * 3, []), (["red"] * 2, ["a"])])
def test_a_ribbon_has_a_colour_and_a_text_for_each_token(colours: list[str], texts: list[str]) -> None:
    with pytest.raises(
        ValueError, match=r"for each token; got 2 tokens, \d colours, \d texts, 0 below and 0 timesteps"
    ):
        live.ribbon("ab", colours, alt="Tokens", key="ribbon", texts=texts)
