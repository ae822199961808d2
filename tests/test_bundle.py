"""The modules as one script: each once, after what it needs, and nothing imported from a neighbour."""

import re
from pathlib import Path

import pytest

from memviz import bundle as room
from memviz.bundle import bundle
from memviz.paths import ASSETS

ENTRIES = [
    "stage/streamlit",
    "stage/page",
    "stage/multiples/streamlit",
    "grid/streamlit",
    "live/streamlit",
    "live/ribbon",
    "live/dial",
    "share/page",
]


def names_in_order(text: str) -> list[str]:
    return re.findall(r"^const module_(\w+) = \(\(\) => \{$", text, re.MULTILINE)


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_module_stands_once_after_what_it_needs(entry: str) -> None:
    text = bundle(entry)
    order = names_in_order(text)
    assert len(order) == len(set(order))
    for needed in re.finditer(r"= module_(\w+);", text):
        assert text.index(f"const module_{needed[1]} = (") < needed.start()
    assert not re.search(r"^\s*import[ {]", text, re.MULTILINE)
    assert len(re.findall(r"^export default", text, re.MULTILINE)) == (not entry.endswith("/page"))


def test_every_module_of_the_browser_is_in_a_script() -> None:
    found = {module for entry in ENTRIES for module in names_in_order(bundle(entry))}
    files = {file.relative_to(ASSETS).with_suffix("").as_posix() for file in ASSETS.rglob("*.js")}
    assert found == {name.replace("/", "_") for name in files - set(ENTRIES)}


def test_a_script_has_the_modules_of_its_folder_and_those_that_they_share() -> None:
    assert set(names_in_order(bundle("grid/streamlit"))) == {
        *("grid_cells", "grid_grid", "grid_reading", "stage_colours", "stage_numbers")
    }
    assert names_in_order(bundle("live/ribbon")) == []


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_a_module_exports_is_what_the_others_read(entry: str) -> None:
    text = bundle(entry)
    exported = {
        name: set(filter(None, re.split(r",\s*", names)))
        for name, names in zip(
            names_in_order(text),
            re.findall(r"^return \{ (.*) \};\n\}\)\(\);$", text, re.MULTILINE),
            strict=True,
        )
    }
    for names, module in re.findall(r"^const \{([^}]*)\} = module_(\w+);$", text, re.MULTILINE):
        read = {name.partition(":")[0].strip() for name in names.split(",") if name.strip()}
        assert read <= exported[module]


@pytest.fixture
def assets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of modules of its own."""
    monkeypatch.setattr(room, "ASSETS", tmp_path)
    (tmp_path / "one").mkdir()
    return tmp_path


def test_modules_of_other_folders_are_found_and_may_be_renamed_where_they_are_read(assets: Path) -> None:
    (assets / "one" / "deep").mkdir()
    (assets / "one" / "deep" / "entry.js").write_text(
        'import { a as first, b } from "../../two/shared.js";\nconst sum = first + b;\n'
    )
    (assets / "two").mkdir()
    (assets / "two" / "shared.js").write_text("  // Not needed.\nexport const a = 1;\nexport const b = 2;\n")
    assert room.bundle.__wrapped__("one/deep/entry") == (
        "const module_two_shared = (() => {\nconst a = 1;\nconst b = 2;\n\nreturn { a, b };\n})();\n"
        "const { a: first, b } = module_two_shared;\nconst sum = first + b;\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        'import all from "./dom.js";\n',
        'import "./dom.js";\n',
        'import { a } from "dom";\n',
        "const a = 1;\nexport { a };\n",
    ],
)
def test_an_import_or_export_that_is_not_known_is_refused(assets: Path, text: str) -> None:
    (assets / "one" / "strange.js").write_text(text)
    with pytest.raises(ValueError, match=r"one/strange\.js imports or exports in a way"):
        room.bundle.__wrapped__("one/strange")


def test_modules_that_import_each_other_or_from_elsewhere_are_refused(assets: Path) -> None:
    (assets / "one" / "round.js").write_text('import { a } from "./trip.js";\nexport const b = a;\n')
    (assets / "one" / "trip.js").write_text('import { b } from "./round.js";\nexport const a = b;\n')
    with pytest.raises(ValueError, match="import each other: one/round -> one/trip -> one/round"):
        room.bundle.__wrapped__("one/round")
    (assets / "one" / "out.js").write_text('import { a } from "../../app.js";\n')
    with pytest.raises(ValueError, match=r"below assets/; one/out\.js imports \.\./\.\./app\.js"):
        room.bundle.__wrapped__("one/out")
