"""Interventions in an address and in a file: exactly there and back, and no text breaks the reader."""

import json
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import config

from memviz.interventions import (
    Ablate,
    Add,
    Clamp,
    Freeze,
    Patch,
    Reset,
    Scale,
    from_json,
    from_text,
    to_json,
    to_text,
)
from tests import changed, strategies


@pytest.fixture(autouse=True, scope="module")
def _unchecked():
    """What a user of the library meets, who has no annotations checked at every call."""
    before = config.jaxtyping_disable
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", before)


@given(st.lists(strategies.interventions, max_size=8))
def test_an_address_holds_any_interventions_exactly_and_needs_no_escape(drawn) -> None:
    interventions = strategies.made(drawn)
    text = to_text(interventions)
    assert from_text(text) == interventions
    assert quote(text, safe="") == text
    assert repr(from_text(text)) == repr(interventions)  # also the sign of a zero


@given(st.data())
@settings(max_examples=50)
def test_json_holds_any_interventions_exactly(data) -> None:
    drawn = data.draw(changed.draws("lstm-fgr", 3, 5))
    interventions = changed.fitting(drawn, "lstm-fgr", 3, 5) + strategies.made(
        [data.draw(strategies.interventions)]
    )
    assert from_json(to_json(interventions)) == interventions
    assert from_json(json.dumps(json.loads(to_json(interventions)), indent=2)) == interventions


def test_the_text_reads_as_it_is_meant() -> None:
    assert to_text([Clamp("forget", 1, [0, 3], [3, 4, 5])]) == "clamp~forget~1.0~u0_3~t3-5"
    assert to_text([Freeze("cell", 2), Reset([4, 9]), Ablate("hidden", [1, 2])]) == (
        "freeze~cell~2~~reset~t4_9~~ablate~hidden~u1-2"
    )
    assert to_text(()) == ""
    assert from_text("") == ()
    assert from_text("scale~input~.5~t7") == (Scale("input", 0.5, steps=[7]),)
    assert to_text([Add("cell", 1e300)]) == "add~cell~1e300"


def test_a_patch_goes_into_json_alone() -> None:
    patch = Patch("cell", np.array([[0.1, 1 / 3]]), steps=[0])
    with pytest.raises(ValueError, match=r"An address holds no patch, .*; a patch goes into JSON\."):
        to_text([patch])
    assert from_json(to_json([patch])) == (patch,)
    with pytest.raises(ValueError, match=r"one of clamp, .*, reset; got 'patch'\."):
        from_text("patch~cell~1")


def test_an_address_that_would_be_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match=r"An address holds at most 32 interventions; got more\."):
        to_text([Ablate("cell")] * 33)
    with pytest.raises(ValueError, match=r"An address holds at most 32 interventions; got more\."):
        from_text("~~".join(["ablate~cell"] * 33))
    with pytest.raises(ValueError, match=r"In an address steps and units are 0 to 9,999; got 10,000\."):
        to_text([Ablate("cell", steps=[10_000])])


FORM = r"An intervention is written as in clamp~forget~1~u0_3~t3-5"
BROKEN = {
    "hold~forget~1": r"one of clamp, scale, .*; got 'hold'\.",
    "clamp": rf"{FORM}, with a number where it has its 1; got 'clamp'\.",
    "ablate": r"A signal is named as in a trace",
    "clamp~forget": rf"{FORM}, with a number where it has its 1; got 'clamp~forget'\.",
    "clamp~forget~nan": FORM,
    "clamp~forget~inf": FORM,
    "clamp~forget~1_0": FORM,
    "clamp~forget~1e999": r"The value of an intervention is a finite number; got inf\.",
    "clamp~forget~0x1": FORM,
    "clamp~forget~\u0661": FORM,
    "freeze~cell~1.5": FORM,
    "freeze~cell~3~t2": r"A freeze holds a value of an earlier step",
    "clamp~forget~1~u": rf"{FORM}, with runs from low to high",
    "clamp~forget~1~u3-1": rf"{FORM}, with runs from low to high",
    "clamp~forget~1~u0-9999_0-9999_0-9999": FORM,
    "clamp~forget~1~t3~u1": FORM,
    "clamp~forget~1~u1~u2": FORM,
    "clamp~forget~1~t1~": FORM,
    "reset~u1": FORM,
    "reset~cell": FORM,
    "~~": r"one of clamp",
    "clamp~<script>~1": r"A signal is named as in a trace, .*; got '<script>'\.",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_address_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=BROKEN[text]) as caught:
        from_text(text)
    assert str(caught.value).endswith(".")
    assert len(str(caught.value)) < 300


@given(st.text(alphabet="clampforgetu~t_-019.e", max_size=40) | st.text(max_size=40))
def test_any_other_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    sentence = ""
    try:
        interventions = from_text(text)
    except ValueError as error:
        sentence = str(error)
    assert sentence.endswith(".") if sentence else from_text(to_text(interventions)) == interventions


def of(*entries: object, version: object = 1) -> str:
    return json.dumps({"version": version, "interventions": list(entries)})


CLAMP = {"kind": "clamp", "signal": "cell", "value": 1.0, "units": None, "steps": None}
BROKEN_JSON = {
    "no JSON": ("{", r"Interventions are a JSON object; got '\{'\."),
    "deep JSON": ("[" * 100_000, r"Interventions are a JSON object"),
    "a list": ("[]", r'a JSON object with "version" and "interventions"'),
    "another version": (of(version=2), r"Interventions are of version 1; got version 2\."),
    "a version that is true": (of(version=True), r"got version True\."),
    "no list": ('{"version": 1, "interventions": 3}', r"Interventions are a list; got 3\."),
    "no object": (of(3), r"An intervention is an object of a kind, one of .*; got 3\."),
    "another kind": (of({"kind": "hold"}), r"An intervention is an object of a kind"),
    "a part too few": (of({"kind": "clamp", "signal": "cell"}), r"A clamp has signal, value, units, steps; got"),
    "a part too many": (of(CLAMP | {"x": 1}), r"A clamp has signal, value, units, steps; got"),
    "NaN": (of(CLAMP | {"value": float("nan")}), r"is a finite number; got nan\."),
    "a number of no size": (of(CLAMP | {"value": 1}).replace(": 1,", ": 1e999,", 2), "version|finite number"),
    "a value that is an object": (of(CLAMP | {"value": {}}), r"is a finite number; got \{\}\."),
    "units that are an object": (of(CLAMP | {"units": {"a": 1}}), r"The units .*; got a|The units .*; got 'a'"),
    "units that are switches": (of(CLAMP | {"units": [True]}), r"The units .*; got True\."),
    "a ragged patch": (
        of({"kind": "patch", "signal": "cell", "values": [[1], [1, 2]], "units": None, "steps": None}),
        r"A patch has finite numbers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN_JSON)
def test_broken_json_is_refused_with_a_sentence(what: str) -> None:
    text, sentence = BROKEN_JSON[what]
    with pytest.raises(ValueError, match=sentence):
        from_json(text)
