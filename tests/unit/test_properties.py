"""Reading an event's properties: a value of the wrong type is NULL, and counted."""

from typing import Any

import pytest

from owa.analytics.properties import LONGEST_TEXT, Properties

WRONG: list[Any] = [{"0": "1"}, ["1"], 1.5]


@pytest.mark.parametrize(("sent", "text"), [("a", "a"), ("  a b\n", "  a b\n"), ("", ""), (" ", ""), (None, "")])
def test_text_is_kept_as_sent(sent: str | None, text: str) -> None:
    values = Properties({"name": sent})
    assert (values.text("name"), values.coerced) == (text, [])


def test_text_is_cut_to_a_length() -> None:
    assert Properties({"name": "ä" * (LONGEST_TEXT + 1)}).text("name") == "ä" * LONGEST_TEXT


def test_what_is_absent_is_not_coerced() -> None:
    values = Properties({})
    assert (values.text("a"), values.integer("a", "b"), values.identifier("a"), values.flag("a")) == (
        "",
        None,
        None,
        False,
    )
    assert values.coerced == []


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        ("0", 0),
        ("7", 7),
        (" 12 ", 12),
        ("-3", -3),
        ("007", 7),
        (7, 7),
        ("2147483647", 2**31 - 1),
        ("-2147483647", -(2**31) + 1),
        ("", None),
        (None, None),
    ],
)
def test_integer(sent: Any, number: int | None) -> None:
    values = Properties({"nps": sent})
    assert (values.integer("nps"), values.coerced) == (number, [])


@pytest.mark.parametrize(
    "sent", ["abc", "1.5", "1e3", "0x1", "--1", "-", "+1", "1 2", "²", "٣", "2147483648", "9" * 99, *WRONG]
)
def test_bad_integer_is_null_and_counted(sent: Any) -> None:
    values = Properties({"nps": sent})
    assert (values.integer("nps"), values.coerced) == (None, ["nps"])


def test_the_alternative_name_counts_where_the_first_is_absent() -> None:
    assert Properties({"nps": "4"}).integer("num_prior_sessions", "nps") == 4
    assert Properties({"num_prior_sessions": "", "nps": "4"}).integer("num_prior_sessions", "nps") == 4
    assert Properties({"num_prior_sessions": "3", "nps": "4"}).integer("num_prior_sessions", "nps") == 3


def test_the_name_that_was_wrong_is_counted() -> None:
    values = Properties({"nps": "abc"})
    assert values.integer("num_prior_sessions", "nps") is None
    assert values.coerced == ["nps"]


@pytest.mark.parametrize(
    ("sent", "number"), [("1795262400000000001", 1795262400000000001), (str(2**63 - 1), 2**63 - 1)]
)
def test_identifier(sent: str, number: int) -> None:
    assert Properties({"id": sent}).identifier("id") == number


@pytest.mark.parametrize("sent", [str(2**63), "-1", "abc", *WRONG])
def test_bad_identifier_is_null_and_counted(sent: Any) -> None:
    values = Properties({"id": sent})
    assert (values.identifier("id"), values.coerced) == (None, ["id"])


@pytest.mark.parametrize("sent", ["true", "1", "yes", "TRUE", " Yes ", True])
def test_true(sent: Any) -> None:
    assert Properties({"flag": sent}).flag("flag")


@pytest.mark.parametrize("sent", ["false", "0", "no", "", "on", "2", "abc", None, False])
def test_all_else_is_false(sent: Any) -> None:
    values = Properties({"flag": sent})
    assert (values.flag("flag"), values.coerced) == (False, [])


@pytest.mark.parametrize("sent", WRONG)
def test_text_or_flag_of_the_wrong_type_is_counted_once(sent: Any) -> None:
    values = Properties({"text": sent, "flag": sent})
    assert (values.text("text"), values.text("text"), values.flag("flag")) == ("", "", False)
    assert values.coerced == ["text", "flag"]


@pytest.mark.parametrize(
    ("sent", "cents"),
    [
        *(("110.50", 11_050), (" 7 ", 700), ("-1.005", -101), ("0.005", 1), ("0.004999999999999999999999999999", 0)),
        *(("10000000000.004", 10**12), ("10000000000.005", None), ("9" * 30, None), ("-" + "9" * 17, None)),
        *((wrong, None) for wrong in ("1,5", "1e3", ".5", "5.", "٣", "nan", {"0": "1"}, True)),
    ],
)
def test_money_is_cents(sent: Any, cents: int | None) -> None:
    values = Properties({"ct_total": sent})
    assert values.money("ct_total") == cents
    assert values.coerced == ([] if cents is not None else ["ct_total"])
