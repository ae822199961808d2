"""`python -m memviz.models [NAME ...]`: train the networks of `assets/models/` anew, all of them or some.

The same command gives the same files, byte for byte, on one machine and one release of torch: nothing but the seeds is
random, one thread computes, and no clock is read. Elsewhere the sums of a matrix product may be taken in another order,
so that numbers drift apart in their last digits, and with them, after hundreds of updates, now and then what is learnt.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from memviz.models.recipes import RECIPES, Recipe, recipe_of
from memviz.models.shelf import FOLDER, LIST, Attempt, Shipped, listed
from memviz.training import TrainedNetwork, fit
from memviz.training.files import to_bytes

_README = """# Trained networks

Made by `make models`; this list is written by it too. A score says what its task says of it (`memviz.tasks`); the file
of each network holds its settings, its task, its history and its checkpoints. A seed that did not reach the goal, the
task's own, has failed; that of counting is strings twice as long as those that were trained on.

| Network | Task | Made by | Seed kept | Goal | Score | All seeds: score (updates), failed ones in italics |
|---|---|---|---|---|---|---|
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what was asked for, and write it down."""
    parser = argparse.ArgumentParser(
        prog="python -m memviz.models", description="Train the shipped networks."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="all of them by default")
    parser.add_argument("--into", type=Path, default=FOLDER, help="the folder to write to")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        recipes = [recipe_of(name) for name in asked.names] or list(RECIPES)
    except ValueError as error:
        parser.error(str(error))
    asked.into.mkdir(parents=True, exist_ok=True)
    for recipe in recipes:
        made, shipped = make(recipe)
        (asked.into / f"{recipe.name}.safetensors").write_bytes(to_bytes(made, recipe.command))
        write_list(asked.into, [each for each in listed(asked.into) if each.name != recipe.name] + [shipped])
        print(f"{recipe.name}: {made.score:.4g}. {shipped.sentence}", flush=True)


def make(recipe: Recipe) -> tuple[TrainedNetwork, Shipped]:
    """Train a network from each seed; the best one, and what became of all."""
    trained = [fit(*recipe.of_seed(seed)) for seed in recipe.seeds]
    best = max(trained, key=lambda each: each.score)  # the first of equals
    attempts = tuple(
        Attempt(each.settings.seed, each.score, each.outcome.kind, each.outcome.update) for each in trained
    )
    return best, Shipped(recipe.name, best.settings.seed, recipe.command, attempts)


def write_list(folder: Path, entries: Sequence[Shipped]) -> None:
    """The list for programs and the list for people, in the order of the recipes."""
    order = {recipe.name: place for place, recipe in enumerate(RECIPES)}
    ordered = sorted((each for each in entries if each.name in order), key=lambda each: order[each.name])
    text = json.dumps([asdict(each) for each in ordered], indent=1)
    (folder / LIST).write_text(text + "\n", encoding="utf-8")
    (folder / "README.md").write_text(_README + "".join(map(_row, ordered)), encoding="utf-8")


def _row(shipped: Shipped) -> str:
    recipe = recipe_of(shipped.name)
    kept = next(each for each in shipped.attempts if each.seed == shipped.seed)
    attempts = ", ".join(_attempt(each) for each in shipped.attempts)
    task = ", ".join(f"{key} {value}" for key, value in recipe.task.to_data().items() if key != "name")
    return (
        f"| `{shipped.name}`: {recipe.title} | {recipe.task.title}{f' ({task})' if task else ''} | "
        f"`{shipped.command}` | {shipped.seed} | {recipe.task.solved:g} | {kept.score:.4g} | {attempts} |\n"
    )


def _attempt(attempt: Attempt) -> str:
    said = f"{attempt.seed}: {attempt.score:.4g} ({attempt.update:,})"
    return said if attempt.is_solved else f"*{said}*"


if __name__ == "__main__":
    main()
