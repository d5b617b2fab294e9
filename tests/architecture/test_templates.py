"""Every template compiles, and escapes what it shows."""

from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from owa.views.filters import FILTERS

OWA = Path(__file__).parents[2] / "owa"
TEMPLATES = OWA / "templates"
FOLDERS = [TEMPLATES, *OWA.glob("modules/*/templates")]
FOUND = sorted((folder, str(path.relative_to(folder))) for folder in FOLDERS for path in folder.rglob("*.jinja2"))


@pytest.mark.parametrize(("folder", "name"), FOUND, ids=[name for _, name in FOUND])
def test_template_compiles_and_trusts_nothing(folder: Path, name: str) -> None:
    environment = Environment(loader=FileSystemLoader([folder, TEMPLATES]), autoescape=True)
    environment.filters |= FILTERS
    assert environment.get_template(name).root_render_func is not None
    assert "|safe" not in (folder / name).read_text().replace(" ", "")
