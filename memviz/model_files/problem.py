"""Why a model file is not read, and the one command that makes it readable."""


class ModelFileError(ValueError):
    """What arrived is not read: one sentence with the rule and what arrived.

    Attributes:
        command: one line of Python that makes it readable, typed where the model is; "" where there is none.
    """

    def __init__(self, sentence: str, command: str = "") -> None:
        super().__init__(sentence)
        self.command = command

    def __reduce__(self) -> tuple[type["ModelFileError"], tuple[str, str]]:
        """Pickled with its command."""
        return ModelFileError, (str(self), self.command)


def saving(tensors: str) -> str:
    """The line that saves some tensors, an expression of pairs of a name and a tensor, so that they can be read."""
    return (
        "import torch; torch.save({name: value.detach().cpu().float().clone() "
        f'for name, value in {tensors}}}, "weights.pt")'
    )


SAVE = saving("model.state_dict().items()")
"""All weights of a model."""
SAVE_LAYERS = saving("model.rnn.state_dict().items()")
"""The weights of its recurrent layers alone, called `rnn` in the model."""
SAVE_KEPT = saving('model.state_dict().items() if "_ih" in name or "_hh" in name or "_hr" in name')
"""The same, whatever they are called."""
