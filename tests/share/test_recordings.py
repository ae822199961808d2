"""A recording of somebody's own model is shown: its first layer and sample, and the gradient of their own loss."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

import memviz
from memviz.share import View, show
from memviz.torch_modules import Recording
from tests.share.reading import held, plotted, unpacked


class Tagger(nn.Module):
    """Two stacked LSTMs under a name, and a read-out."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(3, 5, num_layers=2, batch_first=True)
        self.head = nn.Linear(5, 2)
        generator = torch.Generator().manual_seed(1)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.6, 0.6, generator=generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.head(self.rnn(x)[0])
        return out


X = torch.randn(4, 7, 3, generator=torch.Generator().manual_seed(2))


@pytest.fixture(scope="module")
def recorded() -> Recording:
    model = Tagger()
    with memviz.recording(model, gradients=True) as recording:
        model(X)[:, -1].square().sum().backward()
    return recording


def by_hand(sample: int) -> dict[str, np.ndarray]:
    """h and c of the first layer and the norms of their gradients, by autograd over a loop of torch's own cells."""
    model = Tagger().double()
    cells = [nn.LSTMCell(3 if k == 0 else 5, 5, dtype=torch.float64) for k in (0, 1)]
    for k, cell in enumerate(cells):
        weights = model.rnn.state_dict().items()
        cell.load_state_dict({name[:-3]: value for name, value in weights if name.endswith(f"l{k}")})
    states = [(torch.zeros(1, 5, dtype=torch.float64),) * 2 for _ in cells]
    kept = []
    for x in X[sample].double():
        states[0] = cells[0](x[None], states[0])
        for part in states[0]:
            part.retain_grad()
        kept.append(states[0])
        states[1] = cells[1](states[0][0], states[1])
    model.head(states[1][0]).square().sum().backward()
    hidden, cell_state = zip(*kept, strict=True)
    return {
        "hidden": torch.cat(hidden).detach().numpy(),
        "cell": torch.cat(cell_state).detach().numpy(),
        "|dL/dh|": torch.cat([h.grad for h in hidden]).norm(dim=1).numpy(),
        "|dL/dc|": torch.cat([c.grad for c in cell_state]).norm(dim=1).numpy(),
    }


def check(view: View, sample: int) -> None:
    found, exact = held(view), by_hand(sample)
    for name in ("hidden", "cell"):
        np.testing.assert_allclose(unpacked(found["payload"]["arrays"][name]), exact[name], atol=1e-6)
    figure = {one["name"]: one for one in found["figures"]}["gradients"]
    lines = {line["name"]: plotted(line["y"]) for line in figure["light"]["data"]}
    for name in ("|dL/dh|", "|dL/dc|"):
        np.testing.assert_allclose(10 ** lines[name], exact[name], rtol=1e-4)
    gates = [name for name in lines if name.startswith("|dL/da|") and "=" not in name]
    assert gates == [f"|dL/da| {gate}" for gate in "ifgo"]
    assert "|dL/da| f = 0" in lines  # c_{-1} is 0, so that the forget gate of the first step moves nothing
    assert "The gradient of your loss: |dL/dc|" in figure["alt"]
    assert found["payload"]["products"]


def test_a_module_of_a_recording_is_shown_by_its_first_layer_and_sample_which_the_heading_says(
    recorded: Recording,
) -> None:
    view = show(recorded["rnn"])
    check(view, 0)
    assert view.title == (
        'LSTM, 5 units, 7 timesteps, layer 0 of 0 to 1, sample 0 of 0 to 3 of "rnn" (nn.LSTM)'
    )


def test_a_recording_and_its_only_call_are_shown_likewise(recorded: Recording) -> None:
    wanted = show(recorded["rnn"]).html
    assert show(recorded).html == wanted
    assert show(recorded["rnn"].call).html == wanted


def test_a_sample_is_shown_by_its_own_number(recorded: Recording) -> None:
    view = show(recorded["rnn"].sample(2))
    check(view, 2)
    assert "sample 2 of 0 to 3" in view.title


def test_a_layer_is_shown_with_its_network_and_without_what_the_loss_sent_it(recorded: Recording) -> None:
    layer = recorded["rnn"].sample(0).layer(1)
    found = held(show(layer))
    np.testing.assert_array_equal(
        unpacked(found["payload"]["arrays"]["hidden"]), layer.trace["hidden"].astype(np.float32)
    )
    assert [figure["name"] for figure in found["figures"]] == ["states"]
    assert found["payload"]["products"]


def test_only_a_layer_that_was_kept_is_shown() -> None:
    model = Tagger()
    with memviz.recording(model, layers=[1]) as recording:
        model(X)
    assert "layer 1 of 0 to 1" in show(recording).title


@pytest.mark.parametrize(
    "module",
    [
        nn.GRU(3, 4),
        nn.RNN(3, 4, nonlinearity="relu"),
        nn.LSTM(3, 4, proj_size=2),
        nn.GRU(3, 4, bidirectional=True),
    ],
    ids=lambda module: module._get_name(),
)
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")  # torch's own word
def test_every_kind_of_module_is_shown_with_its_gradient(module: nn.RNNBase) -> None:
    with memviz.recording(module, gradients=True) as recording:
        module(X)[0].sum().backward()
    view = show(recording)
    assert [figure["name"] for figure in held(view)["figures"]] == ["states", "gradients"]
    assert ("the forward direction" in view.title) == module.bidirectional


def test_the_padding_of_a_packed_sample_is_not_shown() -> None:
    module = nn.LSTM(3, 4, batch_first=True)
    packed = pack_padded_sequence(X, torch.tensor([3, 7, 5, 2]), batch_first=True, enforce_sorted=False)
    with memviz.recording(module, gradients=True) as recording:
        module(packed)[0].data.sum().backward()
    found = held(show(recording))
    assert len(found["payload"]["tokens"]) == 3
    drawn = {line["name"]: plotted(line["y"]) for line in found["figures"][1]["light"]["data"]}
    assert np.isfinite(drawn["|dL/dh|"]).all()
    assert len(drawn["|dL/dh|"]) == 3


def test_a_recording_before_the_call_and_one_of_several_modules_say_what_to_do() -> None:
    model = Tagger()
    with memviz.recording(model) as recording:
        with pytest.raises(
            ValueError, match="read after it was called; call the model inside the with block"
        ):
            show(recording)
    both = nn.ModuleDict({"a": nn.GRU(3, 4), "b": nn.GRU(3, 4)})
    with memviz.recording(both) as recording:
        both["a"](X)
    with pytest.raises(ValueError, match="one recurrent module has an only one; got a, b"):
        show(recording)
    assert '"a" (nn.GRU)' in show(recording["a"]).title
