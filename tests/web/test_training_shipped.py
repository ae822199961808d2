"""The networks that the training page opens on score what their files say, by a plain loop over steps."""

import numpy as np
import pytest
import torch

from memviz.training.files import command_of, from_bytes
from memviz.web.training.result import FOLDER, SHIPPED, file_name

FILES = [(name, number) for name, state in SHIPPED.items() for number in range(len(state.order().lessons))]


@pytest.mark.parametrize(("name", "number"), FILES)
def test_a_shipped_training_scores_what_its_file_says(name: str, number: int) -> None:
    data = (FOLDER / file_name(name, number)).read_bytes()
    trained = from_bytes(data)
    lesson = SHIPPED[name].order().lessons[number]
    assert (trained.experiment, trained.task, trained.settings) == (
        lesson.experiment,
        lesson.task,
        lesson.settings,
    )
    assert command_of(data) == "python -m memviz.web.training.ship"
    seed = int(np.random.SeedSequence([trained.settings.seed, 3]).generate_state(1)[0])
    batch = trained.task.batch(512, torch.Generator().manual_seed(seed))
    cell, p = trained.network.cell, trained.network.parameters
    state = cell.zero_state(batch.inputs[:, 0].double(), trained.network.hidden_size)
    with torch.no_grad():
        for x in batch.inputs.double().unbind(dim=1):
            state, signals = cell.step(p, x, state)
    outputs = signals.hidden @ trained.readout.weight.T + trained.readout.bias
    score = float((outputs.argmax(dim=1) == batch.targets[:, -1]).double().mean())
    assert score == pytest.approx(
        trained.score, abs=0.005
    )  # one on the edge may fall on the other side in float32
    assert (trained.outcome.kind == "solved") == (score > 0.9)


def test_the_thousand_steps_are_learnt_where_nearly_nothing_comes_in_and_nowhere_else() -> None:
    solved = [
        from_bytes((FOLDER / file_name("latch-1000", number)).read_bytes()).outcome.kind == "solved"
        for number in range(12)
    ]
    assert solved == [False, False, True, True] * 3
    assert {file.name for file in FOLDER.iterdir()} == {file_name(name, number) for name, number in FILES}
