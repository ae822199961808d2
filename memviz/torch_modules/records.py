"""What a recording gives to its reader: modules by name, each with its calls."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

from memviz.torch_modules.calls import Call, Kept, Sample
from memviz.torch_modules.forms import Form, shown_path


class Recorded:
    """One module of a recording, with its calls in order; where it was called once, it can be read as that call.

    Attributes:
        form: what the module is made of.
        paths: all its names in the model.
    """

    def __init__(self, form: Form, paths: tuple[str, ...], calls: Callable[[], tuple[Call, ...]]) -> None:
        self.form = form
        self.paths = paths
        self._calls = calls

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call so far; of a Cell, the calls that follow each other are one, with a timestep each."""
        return self._calls()

    @property
    def call(self) -> Call:
        """The only call.

        Raises:
            ValueError: if the module was not called, or more than once.
        """
        calls = self.calls
        if not calls:
            raise ValueError(
                f"{self.form} is read after it was called; call the model inside the with block."
            )
        if len(calls) > 1:
            raise ValueError(
                f"{self.form} was called {len(calls)} times; choose one: recording[...].calls[0] to "
                f"calls[{len(calls) - 1}]."
            )
        return calls[0]

    def __getitem__(self, name: str) -> Kept:
        """A signal of the only call; see `Call`."""
        return self.call[name]

    @property
    def gradient(self) -> Mapping[str, Kept]:
        """The gradients of the only call; see `Call.gradient`."""
        return self.call.gradient

    @property
    def names(self) -> tuple[str, ...]:
        """The signals of the only call."""
        return self.call.names

    @property
    def padding(self) -> Tensor:
        """The padding of the only call; see `Call.padding`."""
        return self.call.padding

    def sample(self, index: int) -> Sample:
        """A sample of the only call; see `Call.sample`."""
        return self.call.sample(index)

    def to_frame(self) -> Any:
        """The tidy DataFrames of all calls, one below the other, with the number of the call in the column "call"."""
        import pandas as pd  # only here: the engine runs without it

        frames = [call.to_frame() for call in self.calls] or [self.call.to_frame()]
        return pd.concat(
            [frame.assign(call=number) for number, frame in enumerate(frames)], ignore_index=True
        )

    def to_xarray(self) -> Any:
        """The only call as an xarray Dataset; see `Call.to_xarray`."""
        return self.call.to_xarray()

    def __repr__(self) -> str:
        return f"<{self.form}: {len(self.calls)} calls>"


class Recording:
    """What the recurrent modules of a model did, by their names in the model.

    `recording["encoder.rnn"]["forget"]` is a tensor (layer, direction, batch, time, unit). Where the model holds one
    recurrent module, its name can be left out: `recording["forget"]`.
    """

    def __init__(self, modules: tuple[Recorded, ...]) -> None:
        self.modules = modules
        self._by_path = {path: module for module in modules for path in module.paths}

    @property
    def paths(self) -> tuple[str, ...]:
        """All names of recurrent modules; a module that is shared has several."""
        return tuple(self._by_path)

    def __getitem__(self, name: str) -> Any:
        """A `Recorded` module by name or, where there is one module, its signal by name.

        Raises:
            KeyError: if there is neither; the message names what there is.
            ValueError: if the module has no signals yet, or of several calls.
        """
        if name in self._by_path:
            return self._by_path[name]
        if len(self.modules) == 1:
            return self.modules[0][name]
        known = ", ".join(map(shown_path, self.paths))
        raise KeyError(f'The recurrent modules of this recording are {known}; got "{name}".')

    def __contains__(self, path: object) -> bool:
        return path in self._by_path

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_path)

    def __len__(self) -> int:
        return len(self._by_path)

    @property
    def only(self) -> Recorded:
        """The only recurrent module.

        Raises:
            ValueError: if there are several.
        """
        if len(self.modules) != 1:
            raise ValueError(
                f"A recording of one recurrent module has an only one; got {', '.join(self.paths)}."
            )
        return self.modules[0]

    @property
    def gradient(self) -> Mapping[str, Kept]:
        """The gradients of the only module's only call; see `Call.gradient`."""
        return self.only.gradient

    def sample(self, index: int) -> Sample:
        """A sample of the only module's only call; see `Call.sample`."""
        return self.only.sample(index)

    def save(self, file: Any) -> None:
        """Write one .npz without pickles; `Recording.load` gives the same recording back."""
        from memviz.torch_modules.files import save  # only here: that module is built on this one

        save(self, file)

    @classmethod
    def load(cls, file: Any) -> "Recording":
        """Read a recording that `save` wrote.

        Raises:
            OSError: if the file cannot be opened.
            ValueError: if the file is no such recording.
        """
        from memviz.torch_modules.files import load  # only here: that module is built on this one

        return load(file)

    def __repr__(self) -> str:
        rows = [
            f"  {', '.join(map(shown_path, each.paths))}: nn.{each.form.kind}, {len(each.calls)} calls"
            for each in self.modules
        ]
        return "<Recording\n" + "\n".join(rows) + ">"
