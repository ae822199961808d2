"""The dots of correlations, read back."""

from memviz.concepts import Found
from memviz.figures import correlation_dots

UNITS = [
    Found("hidden", 1, 0.95, 0.1),
    Found("forget", 0, -0.85, 0.9),
    Found("hidden", 0, 0.2, 0.0),
    Found("forget", 1, 0.79, 0.8),
]


def test_every_unit_is_a_dot_and_those_beyond_the_threshold_are_full_and_numbered() -> None:
    for dark in (False, True):
        drawn = correlation_dots(UNITS, 0.8, "lstm", "A title", dark)
        by_name = {trace["name"]: trace for trace in drawn["data"]}
        assert list(by_name) == ["forget gate", "hidden state"]
        forget, hidden = by_name.values()
        assert forget["y"] == [-0.85, 0.79]
        assert forget["text"] == ["0", ""]
        assert forget["marker"]["symbol"] == ["circle", "circle-open"]
        assert hidden["y"] == [0.2, 0.95]
        assert hidden["customdata"] == [0, 1]
        assert hidden["text"] == ["", "1"]
        assert drawn["layout"]["xaxis"]["ticktext"] == ["f", "h"]
        assert sorted(shape["y0"] for shape in drawn["layout"]["shapes"]) == [-0.8, 0.8]
        assert {shape["name"] for shape in drawn["layout"]["shapes"]} == {"threshold"}
        assert not drawn["layout"]["annotations"]


def test_the_dots_of_a_signal_stand_side_by_side_around_its_tick() -> None:
    drawn = correlation_dots(UNITS, 0.8, "lstm", "A title")
    for place, trace in enumerate(drawn["data"]):
        assert trace["x"] == sorted(trace["x"])
        assert all(abs(x - place) < 0.5 for x in trace["x"])
        assert abs(sum(trace["x"]) / 2 - place) < 1e-12


def test_what_luck_reaches_is_a_band_around_zero_with_its_name() -> None:
    drawn = correlation_dots(UNITS, 0.8, "lstm", "A title", luck=0.3)
    band, *lines = drawn["layout"]["shapes"]
    assert (band["name"], band["y0"], band["y1"], band["layer"]) == ("luck", -0.3, 0.3, "below")
    assert [line["name"] for line in lines] == ["threshold", "threshold"]
    (named,) = drawn["layout"]["annotations"]
    assert (named["text"], named["y"]) == ("luck", 0)


def test_the_brush_finds_every_dot_by_its_unit() -> None:
    """The browser numbers the dots that a dragged threshold reaches by their customdata."""
    drawn = correlation_dots(UNITS, 0.0, "lstm", "A title")
    for trace in drawn["data"]:
        assert trace["text"] == [str(unit) for unit in trace["customdata"]]
        assert all(isinstance(value, float) for value in trace["y"])
