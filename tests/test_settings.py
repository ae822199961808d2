"""Every setting of .streamlit/config.toml is one that Streamlit knows, and the colours can be read."""

import tomllib

import pytest
from streamlit import config

from memviz.paths import CONFIG

SETTINGS = tomllib.loads(CONFIG.read_text(encoding="utf-8"))


def test_streamlit_knows_every_setting() -> None:
    known = config.get_config_options()
    for name, value in _flat(SETTINGS).items():
        assert name in known, f"Streamlit has no setting named {name}"
        if known[name].type is not str:
            assert isinstance(value, known[name].type), name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("server.fileWatcherType", "none"),
        ("server.maxUploadSize", 2),
        ("server.maxMessageSize", 20),
        ("server.disconnectedSessionTTL", 600),
        ("client.showErrorDetails", "none"),
        ("client.toolbarMode", "viewer"),
        ("runner.postScriptGC", False),
        ("runner.magicEnabled", False),
        ("browser.gatherUsageStats", False),
    ],
)
def test_what_a_public_server_needs_is_set(name: str, value: object) -> None:
    assert _flat(SETTINGS)[name] == value


@pytest.mark.parametrize(("theme", "least"), [("light", 4.6), ("dark", 7.7)])
def test_ten_chart_colours_stand_out_from_the_background(theme: str, least: float) -> None:
    colours = SETTINGS["theme"][theme]
    palette = colours["chartCategoricalColors"]
    assert len(set(palette)) == 10  # Plotly ignores a palette of any other length
    for colour in [*palette, colours["linkColor"], colours["textColor"]]:
        assert _contrast(colour, colours["backgroundColor"]) >= least, colour


def _flat(table: dict, prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2, 1 to 21."""
    darker, lighter = sorted(_luminance(colour) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
