"""Train the networks that the training page shows before anybody trains: `python -m memviz.web.training.ship`."""

import torch

from memviz.training import fit
from memviz.training.files import to_bytes
from memviz.web.training.result import FOLDER, SHIPPED, file_name

_COMMAND = "python -m memviz.web.training.ship"


def main() -> None:
    """Write the file of every network."""
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    for name, state in SHIPPED.items():
        for number, lesson in enumerate(state.order().lessons):
            trained = fit(lesson.experiment, lesson.task, lesson.settings)
            (FOLDER / file_name(name, number)).write_bytes(to_bytes(trained, _COMMAND))
            print(f"{file_name(name, number)}: {trained.outcome.sentence} Score {trained.score:.3f}.")


if __name__ == "__main__":
    main()
