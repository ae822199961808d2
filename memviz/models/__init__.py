"""Trained networks that come with memviz, each made by one command: `make models`, or `python -m memviz.models NAME`.

What they are made by stands in `recipes`; `shelf` takes them out of assets/models/.
"""

from memviz.models.reading import Said, examples, said, task_loss
from memviz.models.recipes import RECIPES, Recipe, recipe_of
from memviz.models.shelf import NAMES, Attempt, Shipped, about, load

__all__ = [
    "NAMES",
    "RECIPES",
    "Attempt",
    "Recipe",
    "Said",
    "Shipped",
    "about",
    "examples",
    "load",
    "recipe_of",
    "said",
    "task_loss",
]
