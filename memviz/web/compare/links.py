"""Links to the compare page from others."""

from memviz.experiment import Experiment
from memviz.web.compare.address import CODEC, CompareState
from memviz.web.compare.sides import Side
from memviz.web.gates.address import GatesState


def with_and_without(state: GatesState) -> dict[str, str]:
    """The address of a network of the gates page beside itself without edits and interventions.

    Raises:
        ValueError: if it is neither edited nor changed while it runs, or an address cannot hold what is.
    """
    experiment = state.experiment
    if experiment == experiment.plain:
        raise ValueError(
            "A network without edits and interventions is beside itself the same twice; got one."
        )
    if state.model:
        return CODEC.to_query(
            CompareState(
                text=state.text,
                experiment=Experiment(edits=experiment.edits, interventions=experiment.interventions),
                timestep=state.timestep,
                unit=state.unit,
                loss_timestep=state.loss_timestep,
                loss_unit=state.loss_unit,
                model=state.model,
            )
        )
    changes = {name: value for name in ("edits", "interventions") if (value := getattr(experiment, name))}
    shown = CompareState(
        text=state.text,
        kind=state.kind,
        standardise=state.standardise,
        experiment=experiment.plain,
        sides=(Side(experiment.cell), Side(experiment.cell, tuple(changes.items()))),
        timestep=state.timestep,
        unit=state.unit,
        loss_timestep=state.loss_timestep,
        loss_unit=state.loss_unit,
    )
    return CODEC.to_query(shown)
