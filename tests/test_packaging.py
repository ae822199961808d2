"""A wheel, installed and not editable, opens the app from another folder, with its own pages and settings.

The wheel goes into an empty venv that borrows the packages of this one, so that nothing is downloaded.
"""

import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from memviz import paths
from memviz.live.library import SOURCE

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    (built,) = folder.glob("memviz-*.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a venv that holds the wheel."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    site_packages = Path(
        sysconfig.get_path("purelib", "venv", vars={"base": str(folder), "platbase": str(folder)})
    )
    (site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    _pip("--python", str(_executable(folder, "python")), "install", "--no-deps", "--no-index", str(wheel))
    return folder


def test_a_checkout_finds_the_app_around_the_package() -> None:
    assert paths.APP_ROOT == ROOT
    for path in (paths.APP_SCRIPT, paths.PAGES, paths.ASSETS / "logo.svg", paths.CONFIG):
        assert path.exists(), path


def test_the_wheel_holds_the_app_and_nothing_else(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    pages = [f"pages/{page.name}" for page in (ROOT / "pages").glob("*.py")]
    for name in ("app.py", ".streamlit/config.toml", "assets/logo.svg", *pages):
        assert f"memviz/_app/{name}" in names
    assert "memviz/py.typed" in names
    folders = {name.split("/")[0] for name in names}
    assert {folder.split("-")[0] for folder in folders} == {"memviz"}, folders
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_an_installed_wheel_finds_its_own_app(elsewhere: Path, tmp_path: Path) -> None:
    program = "from memviz import paths as p; print(p.APP_SCRIPT, p.PAGES, p.ASSETS, p.CONFIG, sep='\\n')"
    said = subprocess.run(
        [_executable(elsewhere, "python"), "-c", program],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = [Path(line) for line in said.splitlines()]
    assert len(found) == 4
    for path in found:
        assert path.is_relative_to(elsewhere)
        assert path.exists()


def test_the_installed_library_shows_a_run_and_is_a_command(elsewhere: Path, tmp_path: Path) -> None:
    program = (
        "import memviz; s = memviz.encode('hi'); n = memviz.Experiment().build(s); "
        "memviz.show(memviz.record(n, s), n).save('run.html')"
    )
    python = _executable(elsewhere, "python")
    subprocess.run([python, "-c", program], cwd=tmp_path, check=True)
    assert 'class="stage"' in (tmp_path / "run.html").read_text(encoding="utf-8")
    said = subprocess.run([python, "-m", "memviz", "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert said.stdout.startswith("memviz 0.")


def test_the_installed_command_opens_the_app_from_another_folder(elsewhere: Path, tmp_path: Path) -> None:
    port = _free_port()
    log = tmp_path / "log.txt"
    with log.open("w") as sink:
        process = subprocess.Popen(
            [_executable(elsewhere, "memviz"), "--headless", "--port", str(port)],
            cwd=tmp_path, stdout=sink, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        assert _answers(f"http://localhost:{port}/_stcore/health", process) == "ok", log.read_text()
        assert "plotly.js" in _answers(f"http://localhost:{port}/{SOURCE}", process)[:100]
    finally:
        process.terminate()
        process.wait(30)
    said = log.read_text()
    assert f"  URL: http://localhost:{port}" in said  # "Local URL" without the app's own config.toml
    assert "usage statistics" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("port", ["0", "65536", "-1", "1e3", "٨٥٠١", "9" * 5000, ""])
def test_a_wrong_port_is_refused_with_the_rule(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    from memviz.web.command import main

    with pytest.raises(SystemExit) as stopped:
        main([f"--port={port}", "--headless"])
    assert stopped.value.code == 2
    assert "a port is a whole number from 1 to 65535; got" in capsys.readouterr().err


def test_a_taken_port_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    from memviz.web.command import main

    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(SystemExit):
            main(["--port", str(port), "--headless"])
    assert f"port {port} is taken" in capsys.readouterr().err


def _pip(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _executable(folder: Path, name: str) -> Path:
    return Path(sysconfig.get_path("scripts", "venv", vars={"base": str(folder)})) / name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str, process: subprocess.Popen[bytes]) -> str:
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return f"no answer; exit status {process.poll()}"
