"""Networks that visitors have trained: lent to the other pages by name, and no more of them than there is room for."""

import pytest

from memviz import models, tasks
from memviz.experiment import Experiment
from memviz.training import TrainedNetwork, TrainingSettings, fit


@pytest.fixture(scope="module")
def trained() -> TrainedNetwork:
    return fit(Experiment("gru", 2, seed=7), tasks.latch(5), TrainingSettings(updates=2, batch=2, seed=7))


def test_a_lent_network_is_known_by_its_name_as_those_that_come_with_memviz(trained: TrainedNetwork) -> None:
    name = models.lend(trained, "Mine")
    assert name not in models.NAMES
    assert models.is_known(name)
    assert models.load(name) is trained
    recipe = models.recipe_of(name)
    assert (recipe.title, recipe.task, recipe.experiment) == ("Mine", trained.task, trained.experiment)
    about = models.about(name)
    assert about.seed == 7
    assert about.sentence == "Trained on this server from seed 7: it ended (updates) after 2 updates."
    assert trained.task.encode(models.examples(name, trained)[0])


def test_every_lent_network_has_a_name_of_its_own_that_nobody_guesses(trained: TrainedNetwork) -> None:
    names = {models.lend(trained, "Mine") for _ in range(3)}
    assert len(names) == 3
    assert all(len(name) >= 20 for name in names)


def test_the_oldest_go_where_there_are_too_many(trained: TrainedNetwork) -> None:
    first = models.lend(trained, "First")
    kept = [models.lend(trained, "More") for _ in range(models.MOST_LENT)]
    assert not models.is_known(first)
    assert all(map(models.is_known, kept))
    for ask in (models.load, models.about, models.recipe_of):
        with pytest.raises(ValueError, match="The trained networks are"):
            ask(first)


@pytest.mark.parametrize("name", models.NAMES[:2])
def test_those_that_come_with_memviz_stay_as_they_are(name: str) -> None:
    assert models.is_known(name)
    assert models.about(name).command
