"""Ids of dimension rows: the ones that OWA computes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from owa.identity import NOT_SET, text_id


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("Linux", 4193498486161244098),
        (NOT_SET, 9128257944072328014),
        (NOT_SET * 3, 8826866110955584898),
        ("news", 4353816309907023039),
        ("spring", 2632637738246153768),
        ("http://127.0.0.1/pages/track.html", 3978523943328348495),
        ("http://127.0.0.1/pages/track.html?p=2", 628724860286932377),
    ],
)
def test_ids_that_owa_stored(text: str, identity: int) -> None:
    assert text_id(text) == identity


def test_case_and_outer_space_do_not_count() -> None:
    assert text_id("  NEWS\n") == text_id("news")


def test_only_ascii_letters_are_lowered() -> None:
    assert text_id("Ä") != text_id("ä")
    assert text_id("ÄB") == text_id("Äb")


@given(st.text())
def test_id_fits_a_signed_column(text: str) -> None:
    assert 0 <= text_id(text) < 2**63
