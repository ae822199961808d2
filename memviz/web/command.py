"""The `memviz` command: opens the app from wherever it is installed, and on a file if there is one to `open`.

It finds a port, runs `streamlit run app.py` in this process, and shows the page in a browser once the
server answers. Streamlit reads the `.streamlit/config.toml` beside app.py, whatever the current folder.
"""

import argparse
import os
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from memviz.paths import APP_SCRIPT

FIRST_PORT = 8501
PORTS_TRIED = 20


def main(argv: Sequence[str] | None = None) -> None:
    """Open the app; returns when the server is stopped. Exits with status 2 on a wrong or taken port."""
    own, streamlit_options = _split(sys.argv[1:] if argv is None else list(argv))
    parser = _parser()
    options = parser.parse_args(own)
    address, page = getattr(options, "address", None), ""
    if options.command == "open":
        # Whoever reaches the server sees the file, so that it listens to this machine alone unless it is told more.
        address, page = address or "localhost", _hand_over(options.parser, options.file, options.sequence)
    port = _free_port(parser, getattr(options, "port", None))
    if page:
        print(f"  {_url(port, address, page)} shows {options.file}")
    if not getattr(options, "headless", False) and _has_display():
        threading.Thread(target=_show, args=(port, address, page), daemon=True).start()
    _serve(port, address, streamlit_options)


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The command's own arguments, and those after `--`, which are Streamlit's."""
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="memviz",
        description="Open memviz: step an LSTM or a GRU through a sequence and see every gate.",
        epilog="What follows -- goes to streamlit run, for example: memviz -- --server.baseUrlPath memory",
    )
    _add_server(parser, "every address of this machine")
    parser.add_argument("--version", action="version", version=f"memviz {_version()}")
    commands = parser.add_subparsers(dest="command", metavar="open")
    about = "Open a file of your model's weights: every gate of its RNN, LSTM or GRU."
    opening = commands.add_parser("open", help="show the model of a file", description=about)
    opening.add_argument("file", help="a .safetensors file, or a .pt file of torch.save")
    opening.add_argument(
        "--sequence",
        help="what it reads, a file or the text itself, with \\n for the end of a line: numbers, a line for each step; "
        "token ids where the file has an embedding",
    )
    _add_server(opening, "this machine alone")
    opening.set_defaults(parser=opening)
    return parser


def _add_server(parser: argparse.ArgumentParser, listens: str) -> None:
    """The options of the server, before or after `open`: no default, which would overwrite what stood before it."""
    absent = argparse.SUPPRESS
    parser.add_argument(
        "--port", type=_port, default=absent, help=f"default: the first free one from {FIRST_PORT}"
    )
    parser.add_argument("--address", default=absent, help=f"where to listen; default: {listens}")
    parser.add_argument("--headless", action="store_true", default=absent, help="do not open a browser")


def _hand_over(parser: argparse.ArgumentParser, file: str, sequence: str | None) -> str:
    """Hand a file to the page that shows it, whose address is given back; exits where it cannot be shown."""
    from memviz.web import opened  # here, so that --help and a wrong port answer at once

    try:
        opened.hand_over(file, sequence)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    return opened.PAGE


def _version() -> str:
    try:
        return version("memviz")
    except PackageNotFoundError:
        return "(a checkout, not installed)"


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= 65_535:
        return int(text)
    raise argparse.ArgumentTypeError(f"a port is a whole number from 1 to 65535; got {text[:40]!r}")


def _free_port(parser: argparse.ArgumentParser, wanted: int | None) -> int:
    if wanted is not None:
        if not _is_free(wanted):
            parser.error(f"port {wanted} is taken or not allowed; choose another with --port")
        return wanted
    for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        if _is_free(port):
            return port
    last = FIRST_PORT + PORTS_TRIED - 1
    parser.error(f"ports {FIRST_PORT} to {last} are all taken; choose one with --port")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def _has_display() -> bool:
    on_desktop = sys.platform in {"darwin", "win32"}
    return on_desktop or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _host(address: str | None) -> str:
    return "localhost" if address in {None, "0.0.0.0", "::"} else str(address)


def _url(port: int, address: str | None, page: str) -> str:
    return f"http://{_host(address)}:{port}/{page}"


def _show(port: int, address: str | None, page: str) -> None:
    """Open the page in a browser as soon as the server listens; give up after a minute."""
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        try:
            socket.create_connection((_host(address), port), timeout=2).close()
        except OSError:
            time.sleep(0.2)
            continue
        import streamlit as st  # its settings are read by now

        base = str(st.get_option("server.baseUrlPath") or "").strip("/")
        webbrowser.open(_url(port, address, "/".join(filter(None, (base, page)))))
        return


def _serve(port: int, address: str | None, streamlit_options: list[str]) -> None:
    from streamlit.web import cli  # here, so that --help and a wrong port answer at once

    listen = [] if address is None else ["--server.address", address]
    # headless: this command opens the browser itself, since Streamlit does not for an st.App
    cli.main(
        args=[
            *("run", str(APP_SCRIPT), "--server.headless", "true"),
            *("--server.port", str(port), *listen, *streamlit_options),
        ],
        prog_name="memviz",
    )


if __name__ == "__main__":
    main()
