"""Every template compiles, and escapes what it shows."""

from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from owa.views.filters import FILTERS

TEMPLATES = Path(__file__).parents[2] / "owa/templates"


@pytest.mark.parametrize("name", sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.jinja2")))
def test_template_compiles_and_trusts_nothing(name: str) -> None:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    environment.filters |= FILTERS
    assert environment.get_template(name).root_render_func is not None
    assert "|safe" not in (TEMPLATES / name).read_text().replace(" ", "")
