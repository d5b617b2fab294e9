"""How values are shown in templates."""

import pytest

from owa.masking import brief
from owa.views.filters import breakable, counted


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("base.page_request", "base.<wbr>page_request"),
        ("base.a.b", "base.<wbr>a.<wbr>b"),
        ("plain", "plain"),
        ("", ""),
        ("<b>.x", "&lt;b&gt;.<wbr>x"),
    ],
)
def test_a_dotted_name_breaks_behind_its_dots(name: str, shown: str) -> None:
    assert str(breakable(name)) == shown


def test_an_error_is_told_without_its_statement_and_without_persons() -> None:
    said = "IntegrityError: (sqlite3.IntegrityError) no ann@shop.example"
    assert brief(f"{said}\n[SQL: INSERT INTO x]\n[parameters: (1,)]") == brief(said) + " …"
    assert brief(f"{said} (Background on this error at: https://sqlalche.me/e/20/gkpj)") == brief(said) + " …"
    assert "ann" not in brief(said)


@pytest.mark.parametrize(
    ("count", "name", "said"),
    [(1, "lines", "1 line"), (0, "lines", "0 lines"), (1_200, "lines", "1,200 lines"), (1, "processed", "1 processed")],
)
def test_one_is_no_plural(count: int, name: str, said: str) -> None:
    assert counted(count, name) == said
