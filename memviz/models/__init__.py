"""Trained networks that come with memviz, each made by one command: `make models`, or `python -m memviz.models NAME`.

What they are made by stands in `recipes`; `shelf` takes them out of assets/models/. Those that visitors of a
server have trained stand beside them, in `lent`.
"""

from memviz.models.lent import MOST_LENT, lend
from memviz.models.reading import Said, examples, loss_of, said, task_loss
from memviz.models.recipes import RECIPES, Recipe, recipe_of
from memviz.models.shelf import NAMES, Attempt, Shipped, about, is_known, load

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
    "is_known",
    "lend",
    "load",
    "recipe_of",
    "said",
    "loss_of",
    "task_loss",
]
