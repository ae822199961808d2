"""A page's state as a file: exactly there and back, and no file breaks the page."""

import contextlib
import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memviz.edits import SetWeight, TokenEdit
from memviz.experiment import Experiment
from memviz.interventions import Clamp, Patch
from memviz.web.files import MOST_BYTES, from_file, to_file
from memviz.web.gates.address import CODEC, DEFAULT, GatesState
from tests import strategies
from tests.web.test_address import MODEL, OTHER, SETTINGS, VIEWS

CLAMP = {"kind": "clamp", "signal": "forget", "value": 1, "units": None, "steps": None}


def there_and_back(state: GatesState) -> GatesState:
    return from_file("gates", CODEC, to_file("gates", CODEC, state).encode())


@given(VIEWS, SETTINGS)
def test_a_file_gives_back_exactly_the_state_it_was_made_from(
    view: dict[str, Any], settings: dict[str, Any]
) -> None:
    state = GatesState(**view, experiment=strategies.experiment_of(settings))
    assert there_and_back(state) == state


def test_a_file_holds_what_a_link_cannot() -> None:
    rows = np.random.default_rng(1).normal(size=(12, 8))
    experiment = Experiment(
        edits=tuple(SetWeight("weight_hh", row, 0, row / 7) for row in range(90)),
        interventions=(Patch("cell", rows, steps=[3]), *[Clamp("forget", 0.1, steps=[t]) for t in range(40)]),
    )
    state = replace(DEFAULT, text="ab" * 90, experiment=experiment)
    assert there_and_back(state) == state


def test_what_a_file_leaves_out_takes_its_default() -> None:
    assert from_file("gates", CODEC, b'{"memviz": 1, "page": "gates"}') == replace(
        DEFAULT, experiment=Experiment()
    )
    content = to_file("gates", CODEC, OTHER).encode()
    assert from_file("gates", CODEC, b"\xef\xbb\xbf" + content) == OTHER  # with the mark that Windows writes


def altered(**parts: Any) -> bytes:
    return json.dumps(json.loads(to_file("gates", CODEC, DEFAULT)) | parts).encode()


@pytest.mark.parametrize(
    ("content", "sentence"),
    {
        "empty": (b"", "A memviz file is a JSON object in UTF-8; this file is not."),
        "cut off": (to_file("gates", CODEC, DEFAULT).encode()[:-9], "this file is not"),
        "no UTF-8": (b"\xff\xfe{", "this file is not"),
        "deep": (b"[" * 100_000, "this file is not"),
        "too large": (b" " * (MOST_BYTES + 1), "at most 1,048,576 bytes; got 1,048,577"),
        "a list": (b"[1]", "this is not"),
        "another object": (b'{"version": 1}', "this is not"),
        "another key": (altered(extra=1), "this is not"),
        "another version": (altered(memviz=2), "of version 1; got version 2"),
        "a version that is true": (altered(memviz=True), "of version 1; got version True"),
        "another page": (altered(page="gradients"), 'files of the page "gates"; got one of'),
        "an experiment that is a list": (altered(experiment=[]), "as objects"),
        "an unknown setting": (altered(experiment={"cells": 1}), "The settings are cell"),
        "an experiment of another version": (altered(experiment={"version": 7}), "version 1; got version 7"),
        "NaN": (
            altered(experiment={"interventions": [CLAMP]}).replace(b'"value": 1', b'"value": NaN'),
            "a finite number",
        ),
        "a huge number": (
            altered(state={}).replace(b'"memviz": 1', b'"memviz": ' + b"9" * 5_000),
            "this file is not",
        ),
        "an unknown part": (altered(state={"colour": "red"}), "The state of this page holds"),
        "a part of another type": (altered(state={"timestep": 3}), "The timestep is a whole number"),
        "a part out of range": (altered(state={"timestep": "99999"}), "The timestep is a whole number"),
        "a broken token": (altered(state={"change": "swap~1"}), "A changed token is written as"),
    }.values(),
)
def test_a_file_that_breaks_a_rule_is_refused_with_a_sentence(content: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        from_file("gates", CODEC, content)
    assert sentence in str(caught.value)
    assert len(str(caught.value)) < 1_000


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_file_raises_anything_but_a_sentence(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        from_file("gates", CODEC, content)


def test_every_part_of_the_state_is_in_the_file() -> None:
    data = json.loads(to_file("gates", CODEC, OTHER))
    assert set(data["state"]) == {field.name for field in fields(GatesState)} - {"experiment", "model"}
    assert json.loads(to_file("gates", CODEC, MODEL))["state"]["model"] == MODEL.model
    assert TokenEdit.from_text(data["state"]["change"]) == OTHER.change
