"""By what the caches know settings: Streamlit looks at a dataclass as a dictionary of its fields.

To it an ablation and a detach of one gate are the same, since both have a signal, units and steps; so that one would be
answered with the numbers of the other. Their text says which is which.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from memviz.experiment import Experiment
from memviz.gradients import Study


def study_key(study: Study) -> tuple[str, str]:
    """Everything that a study is made of, as text."""
    return repr(replace(study, experiment=study.experiment.plain)), study.experiment.to_json()


KEYS: dict[str | type, Callable[[Any], Any]] = {Experiment: Experiment.to_json, Study: study_key}
"""What `hash_funcs` of every cache of the engine is."""
