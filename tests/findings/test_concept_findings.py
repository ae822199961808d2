"""What is said of units that go with something, and of a task whose units are held."""

import math

from memviz.concepts import Found
from memviz.findings import concept_finding, holding_finding, luck_in_words


def test_the_best_unit_is_named_with_its_correlation() -> None:
    units = [Found("forget", 3, -0.912, 0.4), Found("hidden", 0, 0.5, 0.0)]
    assert concept_finding(units, "parity", "lstm") == (
        "“parity” goes best with unit 3 of the forget gate f: a correlation of −0.912"
    )
    assert concept_finding(units, "parity", "lstm", 0.9) == concept_finding(units, "parity", "lstm")
    assert concept_finding([Found("candidate", 1, 0.25, 0.1)], "depth", "gru").count("candidate n") == 1
    assert (
        concept_finding([], "parity", "lstm") == "Nothing goes with “parity”: it or every unit stays the same"
    )


def test_what_luck_reaches_as_well_is_not_called_a_find() -> None:
    units = [Found("forget", 3, -0.31, 0.4), Found("hidden", 0, 0.3, 0.0)]
    for luck in (0.31, 0.5):
        assert concept_finding(units, "parity", "lstm", luck) == (
            "No unit goes with “parity” more than by luck: the most is −0.310, unit 3 of the forget gate f"
        )


def test_luck_is_said_with_how_it_was_found_and_what_never_varies_is_counted() -> None:
    said = luck_in_words(24, 0.314, 0)
    assert "in 19 ways" in said
    assert "the largest of the 24 correlations was 0.31" in said
    assert "same" not in said
    assert luck_in_words(24, math.nan, 0) == ""
    assert luck_in_words(23, math.nan, 1) == "1 more stays the same and has no correlation."
    assert luck_in_words(22, 0.2, 2).endswith("2 more stay the same and have no correlation.")


def test_holding_breaks_hurts_leaves_or_helps_a_task() -> None:
    said = {after: holding_finding(0.9, after, 0.5, 1.0) for after in (0.9, 0.896, 0.7, 0.503, 0.3, 1.0)}
    for after in (0.9, 0.896):
        assert said[after].endswith(
            "The task does not need it: the other units do without, or stand in for it."
        )
    assert said[0.7] == (
        "The score was 0.900 and is 0.700 with what is held or edited; chance is 0.500. The task suffers: 50% of what "
        "lies above chance is left."
    )
    for after in (0.503, 0.3):
        assert said[after].endswith("chance is 0.500. The task breaks: that is no better than chance.")
    assert said[1.0].endswith("It does better so.")


def test_no_better_than_chance_is_within_two_standard_errors_of_so_many_sequences() -> None:
    def said(after: float, sequences: int) -> str:
        return holding_finding(1.0, after, 0.5, 1.0, f"{sequences} sequences", sequences)

    assert said(0.55, 256).startswith("The score (256 sequences) was 1.00 and is 0.550")
    assert "The task breaks" in said(0.55, 256)  # the error of 256 is .031
    assert "The task suffers" in said(0.57, 256)
    assert "The task suffers" in said(0.55, 4096)
    assert "The task breaks" in said(0.67, 32)


def test_a_network_that_never_learnt_its_task_cannot_break() -> None:
    for after in (0.3, 0.53, 0.9):
        said = holding_finding(0.53, after, 0.5, 1.0, "256 sequences", 256)
        assert said.endswith("The network was no better than chance before, so that this tells nothing.")
