"""Where the app's files are: around the package in a checkout, inside it in an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_IN_WHEEL = _PACKAGE / "_app"

APP_ROOT = _IN_WHEEL if _IN_WHEEL.is_dir() else _PACKAGE.parent
APP_SCRIPT = APP_ROOT / "app.py"
PAGES = APP_ROOT / "pages"
ASSETS = APP_ROOT / "assets"
CONFIG = APP_ROOT / ".streamlit" / "config.toml"
