"""What is said of units that go with something, and of a task whose units are held."""

from memviz.concepts import Found
from memviz.findings import concept_finding, holding_finding


def test_the_best_unit_is_named_with_its_correlation() -> None:
    units = [Found("forget", 3, -0.912, 0.4), Found("hidden", 0, 0.5, 0.0)]
    assert concept_finding(units, "parity", "lstm") == (
        "“parity” goes best with unit 3 of the forget gate f: a correlation of −0.912"
    )
    assert concept_finding([Found("candidate", 1, 0.25, 0.1)], "depth", "gru").count("candidate n") == 1
    assert concept_finding([], "parity", "lstm") == "No unit varies with “parity”"


def test_holding_breaks_hurts_leaves_or_helps_a_task() -> None:
    said = {after: holding_finding(0.9, after, 0.5, 1.0) for after in (0.9, 0.896, 0.7, 0.503, 0.3, 1.0)}
    assert said[0.9].endswith("the task does not need what is held.")
    assert said[0.896].endswith("the task does not need what is held.")
    assert said[0.7] == "The score was 0.900 and is 0.700; chance is 0.500: the task suffers."
    assert said[0.503].endswith("no better than chance (0.500): the task breaks.")
    assert said[0.3].endswith("the task breaks.")
    assert said[1.0].endswith("it does better so.")
