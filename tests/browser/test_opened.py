"""`python -m memviz open` a file: the server that it starts shows the file's gates, to this machine alone."""

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT, Server, _wait_for_health
from tests.browser.reading import close, nodes, read

GENERATOR = torch.Generator().manual_seed(7)
WEIGHTS = {
    name: torch.rand(value.shape, generator=GENERATOR) - 0.5
    for name, value in torch.nn.LSTM(2, 3).state_dict().items()
}
STEPS = [[1.0, 0.0], [0.0, 1.0], [0.5, -0.5]]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The command on a file, started as a user starts it, from another folder."""
    folder = tmp_path_factory.mktemp("opened")
    torch.save({f"walker.{name}": value for name, value in WEIGHTS.items()}, folder / "walker.pt")
    (folder / "steps.csv").write_text("\n".join(",".join(map(str, row)) for row in STEPS))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "log.txt"
    command = [sys.executable, "-m", "memviz", "open", "walker.pt", "--sequence", "steps.csv"]
    with log.open("w") as sink:
        process = subprocess.Popen(
            [*command, "--headless", "--port", str(port)],
            cwd=folder, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
            stdout=sink, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        _wait_for_health(f"http://localhost:{port}/_stcore/health", process, log)
        yield Server(f"http://localhost:{port}", log)
    finally:
        process.terminate()
        process.wait(30)


def test_the_page_shows_the_gates_of_the_file_on_the_sequence(opened: Server, page: Page) -> None:
    page.goto(f"{opened.url}/your_model?timestep=2&unit=1")
    page.locator(".machine .node").first.wait_for()
    expect(page.get_by_role("textbox", name="Sequence: a line for each step, 2 numbers in it")).to_have_value(
        "\n".join(",".join(map(str, row)) for row in STEPS)
    )
    module = torch.nn.LSTM(2, 3).double()
    module.load_state_dict(WEIGHTS)
    with torch.no_grad():
        hidden, (_, cell) = module(torch.tensor(STEPS, dtype=torch.float64))
    shown = nodes(page)
    assert close(read(shown["hidden"]), float(hidden[2, 1]))
    assert close(read(shown["cell"]), float(cell[0, 1]))
    said = opened.log.read_text()
    assert f"{opened.url}/your_model shows walker.pt" in said
    assert "Traceback" not in said


def test_no_other_machine_reaches_it(opened: Server) -> None:
    port = int(opened.url.rpartition(":")[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; the address is one of those for documentation
        except OSError:
            outside = "127.0.0.2"  # without a network: answers as well, unless the server keeps to 127.0.0.1
        else:
            outside = probe.getsockname()[0]
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((outside, port), timeout=5)
