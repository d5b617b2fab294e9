"""What modules do to an event: they may change or refuse it, and lose it never."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from owa.clock import SystemClock
from owa.contributions import EventFilter, Module, PreprocessingStep
from owa.db.engine import Database
from owa.events import Event, RefusalReason
from owa.isolation import Isolation
from owa.registry import Found, Loaded, Registry
from owa.settings import Settings
from owa.tracking.parameters import Refused
from owa.tracking.refine import Refinement
from tests.factories import make_event

EVENT = make_event(properties={"page_url": "http://example.org/", "tags": "a"})


@pytest.fixture
def isolation(tmp_path: Path) -> Iterator[Isolation]:
    database = Database(f"sqlite:///{tmp_path / 'owa.db'}")
    yield Isolation(database, SystemClock())
    database.close()


def refined(isolation: Isolation, *, steps: Any = (), filters: Any = (), event: Event = EVENT) -> Event:
    """The event after what two modules do to it."""
    contributed: dict[str, list[Any]] = {
        "owa_preprocessing_steps": [PreprocessingStep("step", without_settings(step)) for step in steps],
        "owa_event_filters": [EventFilter("filter", without_settings(refuse)) for refuse in filters],
    }
    about = Module("ours", "Ours", "1", "Us", "Tests", "")
    loaded = Loaded(Found("ours", "ours"), is_on=True, said=about, contributed=contributed)
    return Refinement(lambda: Registry({"ours": loaded}), Settings, isolation).refined(event)


def without_settings(function: Callable[[Event], Any]) -> Callable[[Event, Settings], Any]:
    return lambda event, _settings: function(event)


def adding(name: str, value: object) -> Callable[[Event], Event]:
    return lambda event: make_event(guid=7, properties={**event.properties, name: value})


def raising(error: BaseException) -> Callable[[Event], Any]:
    def fail(event: Event) -> Any:
        assert isinstance(event.properties, dict)
        event.properties["page_url"] = "changed on the way"
        raise error

    return fail


def endless(event: Event) -> Any:
    return endless(event)


class Silent(Exception):
    def __str__(self) -> str:
        raise ValueError


def test_steps_are_run_one_after_the_other(isolation: Isolation) -> None:
    event = refined(isolation, steps=[adding("a", "1"), adding("b", "2")])
    assert event.properties == {**EVENT.properties, "a": "1", "b": "2"}


def test_a_filter_that_refuses(isolation: Isolation) -> None:
    with pytest.raises(Refused) as refused:
        refined(isolation, filters=[lambda _event: "", lambda _event: "spam" * 100])
    assert refused.value.reason == RefusalReason.FILTERED
    assert refused.value.detail.startswith("ours: spam")
    assert len(refused.value.detail) == 200


ERRORS = [SystemExit(1), MemoryError(), ZeroDivisionError(), GeneratorExit(), Refused(RefusalReason.ROBOT), Silent()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_a_step_or_a_filter_raises_keeps_the_event_as_it_was(isolation: Isolation, error: BaseException) -> None:
    fails = raising(error)
    event = refined(isolation, steps=[fails, adding("a", "1"), fails], filters=[fails])
    assert event.properties == {**EVENT.properties, "a": "1"}


def test_an_endless_recursion_keeps_the_event(isolation: Isolation) -> None:
    assert refined(isolation, steps=[endless], filters=[endless]) == EVENT


def test_an_interrupt_is_the_users(isolation: Isolation) -> None:
    with pytest.raises(KeyboardInterrupt):
        refined(isolation, steps=[raising(KeyboardInterrupt())])
    with pytest.raises(KeyboardInterrupt):
        refined(isolation, filters=[raising(KeyboardInterrupt())])


def test_a_step_cannot_change_what_identifies_an_event(isolation: Isolation) -> None:
    other = make_event(guid=1, event_type="x.y", site_id="s", visitor_id=2, session_id=3, received_at=4, server=5)
    event = refined(isolation, steps=[lambda _event: other])
    assert event == make_event(properties=other.properties)


def by_force(event: Event) -> Any:
    for name in ("guid", "server"):
        object.__setattr__(event, name, 1)
    object.__setattr__(event, "properties", {})
    return ""


def test_neither_by_force(isolation: Isolation) -> None:
    assert refined(isolation, steps=[by_force], filters=[by_force]) == make_event(properties=EVENT.properties)


@pytest.mark.parametrize(
    "returned",
    [
        None,
        {},
        "text",
        EVENT.properties,
        make_event(properties=None),
        make_event(properties=["a"]),
        make_event(properties={1: "a"}),
        make_event(properties={"a": object()}),
        make_event(properties={"a": {1, 2}}),
        make_event(properties={"a": b"bytes"}),
        make_event(properties={"a": "\udcff"}),
        make_event(properties={"a": 2**70}),
    ],
    ids=range(12),
)
def test_a_step_that_returns_what_no_queue_keeps_is_passed_over(isolation: Isolation, returned: object) -> None:
    assert refined(isolation, steps=[lambda _event: returned]) == EVENT


@pytest.mark.parametrize("returned", [None, True, 1, ["spam"], b"spam"])
def test_a_filter_that_returns_no_text_is_passed_over(isolation: Isolation, returned: object) -> None:
    assert refined(isolation, filters=[lambda _event: returned]) == EVENT


def test_a_reason_that_no_queue_keeps_is_put_into_words_that_it_does(isolation: Isolation) -> None:
    with pytest.raises(Refused) as refused:
        refined(isolation, filters=[lambda _event: "\udcff"])
    assert refused.value.detail == "ours: ?"
