"""By what the caches know settings: Streamlit looks at a dataclass as a dictionary of its fields.

To it an ablation and a detach of one gate are the same, since both have a signal, units and steps; so that one would be
answered with the numbers of the other. Their text says which is which.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from memviz.experiment import Experiment
from memviz.gradients import Study
from memviz.web.setup import Setup


def study_key(study: Study) -> tuple[str, str]:
    """Everything that a study is made of, as text."""
    return repr(replace(study, experiment=study.experiment.plain)), study.experiment.to_json()


def setup_key(setup: Setup) -> str:
    """Everything that a run follows from, as text."""
    typed = [setup.text, setup.kind, setup.standardise, str(setup.change), setup.model]
    return json.dumps([setup.experiment.to_json(), *typed])


KEYS: dict[str | type, Callable[[Any], Any]] = {
    Experiment: Experiment.to_json,
    Setup: setup_key,
    Study: study_key,
}
"""What `hash_funcs` of every cache of the engine is."""
