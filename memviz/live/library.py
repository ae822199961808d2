"""plotly.js as the browser gets it: plotly.py's own copy, at an address that can be kept for ever."""

import gzip
from functools import lru_cache
from importlib.resources import files

import plotly
import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

# Relative to the page, so that it holds behind a proxy and below server.baseUrlPath.
SOURCE = f"memviz-live/plotly-{plotly.__version__}.min.js"
_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",  # another version has another address
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


def routes() -> list[Route]:
    """The route that serves plotly.js and nothing else, for `st.App(routes=...)`."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return [Route(f"/{base}/{SOURCE}" if base else f"/{SOURCE}", _serve, methods=["GET"])]


def _serve(request: Request) -> Response:
    """The library, in a third of its bytes where the browser takes gzip."""
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers = _HEADERS | {"Content-Encoding": "gzip"}
        return Response(_compressed(), media_type="text/javascript", headers=headers)
    return Response(_raw(), media_type="text/javascript", headers=_HEADERS)


def _raw() -> bytes:
    return files(plotly).joinpath("package_data", "plotly.min.js").read_bytes()


# One value for all: compressing it again for everybody would take 0.1 s each of one core.
@lru_cache(maxsize=1)
def _compressed() -> bytes:
    return gzip.compress(_raw(), 9, mtime=0)
