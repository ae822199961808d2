"""The modules as one script: each once, after what it needs, and nothing imported from a neighbour."""

import re
from pathlib import Path

import pytest

from memviz.stage import bundle as bundled


def names_in_order(text: str) -> list[str]:
    return re.findall(r"^const module_(\w+) = \(\(\) => \{$", text, re.MULTILINE)


@pytest.mark.parametrize("entry", ["streamlit", "page"])
def test_every_module_stands_once_after_what_it_needs(entry: str) -> None:
    text = bundled.bundle(entry)
    order = names_in_order(text)
    assert len(order) == len(set(order))
    everything = {file.stem for file in bundled.FOLDER.glob("*.js")}
    assert set(order) == everything - {"streamlit", "page"}
    for needed in re.finditer(r"= module_(\w+);", text):
        assert text.index(f"const module_{needed[1]} = (") < needed.start()
    assert not re.search(r"^\s*import\b", text, re.MULTILINE)


def test_what_a_module_exports_is_what_the_others_read() -> None:
    text = bundled.bundle("streamlit")
    exported = {
        name: set(filter(None, re.split(r",\s*", names)))
        for name, names in zip(
            names_in_order(text),
            re.findall(r"^return \{ (.*) \};\n\}\)\(\);$", text, re.MULTILINE),
            strict=True,
        )
    }
    for names, module in re.findall(r"^const \{([^}]*)\} = module_(\w+);$", text, re.MULTILINE):
        assert {name.strip() for name in names.split(",") if name.strip()} <= exported[module]


def test_an_import_that_is_not_known_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "FOLDER", tmp_path)
    (tmp_path / "strange.js").write_text('import all from "./dom.js";\n')
    (tmp_path / "round.js").write_text('import { a } from "./trip.js";\nexport const b = a;\n')
    (tmp_path / "trip.js").write_text('import { b } from "./round.js";\nexport const a = b;\n')
    with pytest.raises(ValueError, match=r"strange\.js imports or exports in a way"):
        bundled.bundle.__wrapped__("strange")
    with pytest.raises(ValueError, match="import each other: round -> trip -> round"):
        bundled.bundle.__wrapped__("round")
