"""Trained networks that come with memviz, each made by one command: `make models`, or `python -m memviz.models NAME`.

What they are made by stands in `recipes`; `shelf` takes them out of assets/models/. Those that visitors of a
server have trained stand beside them, in `lent`.
"""

from memviz.models.lent import MOST_LENT, is_lent_name, lend
from memviz.models.reading import Said, examples, loss_of, said, task_loss
from memviz.models.recipes import RECIPES, Recipe, recipe_of
from memviz.models.shelf import NAMES, Attempt, Shipped, about, is_known, load, problem

__all__ = [
    "MOST_LENT",
    "NAMES",
    "RECIPES",
    "Attempt",
    "Recipe",
    "Said",
    "Shipped",
    "about",
    "examples",
    "is_lent_name",
    "is_known",
    "lend",
    "load",
    "problem",
    "recipe_of",
    "said",
    "loss_of",
    "task_loss",
]
