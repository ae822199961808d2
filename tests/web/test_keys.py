"""By what the caches of the engine know settings: no two are one, and every cache that is asked with them uses it."""

import ast
import hashlib
import itertools
from pathlib import Path

import numpy as np
from streamlit.runtime.caching.cache_type import CacheType
from streamlit.runtime.caching.hashing import update_hash

from memviz.edits import SetWeight, SwapUnits, TokenEdit
from memviz.experiment import Experiment
from memviz.gradients import Study
from memviz.interventions import Ablate, Add, Clamp, Detach, Freeze, Patch, Reset, Scale
from memviz.web.keys import KEYS
from memviz.web.setup import Setup

ROOT = Path(__file__).resolve().parents[2]
ROWS = np.arange(12.0).reshape(4, 3)
TYPED = (
    ("a b", "text"),
    ("a b", "words"),
    ("1 2", "numbers"),
    ("1 2", "numbers", True),
    *(
        ("a b", "text", False, TokenEdit(kind, 1, token))
        for kind, token in (("replace", "c"), ("insert", "c"))
    ),
    ("a b", "text", False, TokenEdit("replace", 2, "c")),
    ("a b", "text", False, TokenEdit("replace", 1, "d")),
)


def key_of(value: object) -> str:
    hasher = hashlib.md5(usedforsecurity=False)
    update_hash(value, hasher, CacheType.RESOURCE, None, KEYS)
    return hasher.hexdigest()


def test_no_two_experiments_are_one_to_the_caches() -> None:
    # To Streamlit a dataclass is a dictionary: Ablate and Detach have the same fields, Clamp's value is its name alone.
    what_ifs = [
        *(
            kind("forget", *more)
            for kind in (Ablate, Detach)
            for more in ((), ([0],), (None, [0]), ([0, 1],))
        ),
        *(kind("forget", 1.0) for kind in (Clamp, Scale, Add)),
        *(Freeze("forget", at) for at in (0, 1)),
        *(Patch("forget", ROWS + k) for k in (0, 1e-12)),
        *(Reset(), Reset([0])),
    ]
    experiments = [Experiment(interventions=(what_if,)) for what_if in what_ifs]
    experiments += [
        Experiment(),
        Experiment(interventions=tuple(what_ifs[:2])),
        Experiment(edits=(SwapUnits(0, 1),)),
    ]
    experiments += [Experiment(edits=(SetWeight("weight_hh", 0, column, 1.0),)) for column in (0, 1)]
    keys = [key_of(experiment) for experiment in experiments]
    keys += [key_of(Study(experiment=experiment)) for experiment in experiments]
    keys += [key_of(Study(experiment=experiments[0], lag=lag)) for lag in (5, 6)]
    keys += [key_of(Setup(experiment, "ab", "text")) for experiment in experiments]
    keys += [key_of(Setup(Experiment(), *typed)) for typed in TYPED]
    for (first, one), (second, other) in itertools.combinations(enumerate(keys), 2):
        assert one != other, (first, second)
    assert key_of(Study(experiment=experiments[3])) == key_of(Study(experiment=experiments[3]))
    assert key_of(Setup(experiments[3], "ab", "text")) == key_of(Setup(experiments[3], "ab", "text"))


def test_every_cache_that_is_asked_with_settings_knows_them_by_their_keys() -> None:
    asked = 0
    for file in sorted((ROOT / "memviz").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            caches = [ast.unparse(each) for each in node.decorator_list if "st.cache_" in ast.unparse(each)]
            arguments = ast.unparse(node.args)
            if caches and any(kind.__name__ in arguments for kind in KEYS):
                asked += 1
                assert "hash_funcs=KEYS" in caches[0], f"{file}:{node.lineno}"
    assert asked
