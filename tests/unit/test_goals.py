"""Goals: what is stored, which of them a page reaches, and that no expression takes long."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from owa.analytics.expressions import searcher
from owa.analytics.goals import LARGEST_VALUE, LONGEST_PATTERN, MOST, Goal, Match, dump, goals_of, is_damaged, reached
from owa.contributions import Site

ENTRY = {"number": 1, "name": "Order placed", "match": "exact", "pattern": "/thanks", "value": 1_250}
GOAL = Goal(1, "Order placed", "exact", "/thanks", 1_250)


def stored(text: str) -> tuple[Goal, ...]:
    return goals_of(Site("s", "https://shop.example", {"goals": text}))


def goal(match: Match, pattern: str, number: int = 1) -> Goal:
    return Goal(number, "A goal", match, pattern, 0)


@pytest.mark.parametrize(
    ("match", "pattern", "uri", "is_reached"),
    [
        ("exact", "/thanks", "/thanks", True),
        ("exact", "/thanks", "/thanks?x=1", False),
        ("exact", "/thanks", "/Thanks", False),
        ("exact", "/caf%C3%A9", "/caf%C3%A9", True),
        ("exact", "/café", "/café", True),
        ("begins", "/shop/", "/shop/cart", True),
        ("begins", "/shop/", "/shop", False),
        ("begins", "/shop", "/shopping", True),
        ("begins", "/", "/", True),
        ("begins", "/cart", "/shop/cart", False),
        ("regex", "^/order/[0-9]+$", "/order/17", True),
        ("regex", "^/order/[0-9]+$", "/order/17/edit", False),
        ("regex", "thanks", "/shop/thanks?x=1", True),
        ("regex", r"[?&]step=4(&|$)", "/order?a=1&step=4", True),
        ("regex", "^/caf.$", "/café", True),
        ("regex", r"^/\pL+$", "/ünïcödé", True),
        ("regex", "(?i)thanks", "/THANKS", True),
        ("regex", "^/(a)(b)$", "/ab", True),
        ("regex", "a", "/\ud800a", True),
        ("regex", "b$", "/\0b", True),
    ],
)
def test_a_page_reaches_what_it_matches(match: Match, pattern: str, uri: str, is_reached: bool) -> None:
    assert reached([goal(match, pattern)], uri) == is_reached


def test_each_goal_has_its_bit() -> None:
    goals = [goal("begins", "/", number) for number in range(1, MOST + 1)]
    assert reached(goals, "/x") == 2**MOST - 1
    assert reached([goals[14], goal("exact", "/no", 3), goals[0]], "/x") == 1 << 14 | 1
    assert reached([], "/x") == 0


GOALS = st.lists(
    st.builds(
        Goal,
        st.integers(1, MOST),
        st.text(st.characters(codec="utf-8"), max_size=20),
        st.sampled_from(["exact", "begins"]),
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
        st.integers(0, LARGEST_VALUE),
    ),
    unique_by=lambda goal: goal.number,
    max_size=4,
)


@settings(max_examples=30)
@given(GOALS)
def test_what_is_stored_is_read_again(goals: list[Goal]) -> None:
    text = dump(goals)
    assert stored(text) == tuple(sorted(goals, key=lambda goal: goal.number))
    assert not is_damaged(text)


def test_no_goals_are_no_text() -> None:
    assert dump([]) == ""
    assert goals_of(Site("s", "d")) == ()
    assert not is_damaged("")


@pytest.mark.parametrize(
    "text",
    ["null", "7", "{", "[", "{}", '"goals"', "[null, 1, []]", "[" * 100_000, 'a:1:{i:0;s:1:"x";}', "\ud800", "\0"],
)
def test_a_damaged_text_gives_no_goals(text: str) -> None:
    assert stored(text) == ()
    assert is_damaged(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": 0},
        {"number": 16},
        {"number": "1"},
        {"number": True},
        {"number": 1.0},
        {"name": None},
        {"match": "contains"},
        {"match": []},
        {"pattern": ""},
        {"pattern": "/" + "x" * 10_000},
        {"match": "regex", "pattern": "("},
        {"match": "regex", "pattern": "((a{100}){100}){100}"},
        {"value": -1},
        {"value": False},
        {"value": 10**15},
        {"value": 10**30},
    ],
)
def test_what_is_no_goal_counts_for_none_and_leaves_the_others(wrong: dict[str, object]) -> None:
    text = json.dumps([ENTRY | {"number": 2} | wrong, ENTRY])
    assert stored(text) == (GOAL,)
    assert is_damaged(text)
    assert stored(json.dumps([{name: ENTRY[name] for name in ENTRY if name not in wrong}])) == ()


def test_of_two_goals_with_one_number_the_first_counts() -> None:
    assert stored(json.dumps([ENTRY, ENTRY | {"name": "Other"}])) == (GOAL,)
    assert stored(json.dumps([ENTRY | {"added": "by a later version"}])) == (GOAL,)


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|aa)+$", "(a*)*b", "(.*.*.*.*.*){60}=", "(x+x+)+y"])
def test_a_hostile_expression_ends(expression: str) -> None:
    # An engine that goes back would need longer than the world has been there, and run into the test's time limit.
    assert reached([goal("regex", expression)], "/" + "a" * 100_000 + "!") == 0


def test_an_expression_that_is_too_large_is_refused() -> None:
    for expression in (r"(\pL|\pN)*x\pL{150}y", ".*a.{500}b.{300}", "x" * 10_000):
        with pytest.raises(ValueError, match="too large"):
            searcher(expression)
    assert searcher("x" * LONGEST_PATTERN)("x" * 10_000)
