from dataclasses import FrozenInstanceError, astuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from owa.errors import RecordError
from owa.events import (
    LARGEST_ID,
    Event,
    Refusal,
    RefusalReason,
    dumps,
    from_document,
    loads,
    loads_entry,
    new_event,
    parse_identifier,
    refusal_from_document,
    refusal_to_document,
    to_document,
)
from tests.factories import NOON, make_event

IDS = st.integers(1, LARGEST_ID)
MOMENTS = st.integers(0, 2**53 - 1)
SERVERS = st.integers(0, 999)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=255)
PROPERTIES = st.dictionaries(TEXTS, TEXTS | st.booleans() | st.none() | st.integers(-(2**63), 2**63 - 1))


def test_a_new_event_is_one_like_any_other() -> None:
    event = make_event()
    made = new_event(*astuple(event))
    assert (type(made), made, repr(made)) == (Event, event, repr(event))
    with pytest.raises(FrozenInstanceError):
        made.guid = 7  # type: ignore[misc]


@given(st.builds(Event, IDS, NAMES, NAMES, IDS, IDS, MOMENTS, SERVERS, PROPERTIES))
def test_an_event_survives_its_json_form(event: Event) -> None:
    assert loads(dumps(event)) == event
    assert loads(dumps(event).decode()) == loads_entry(dumps(event)) == event


@given(st.lists(st.sampled_from(["\0", "\\", "u0000", "x", '"'])).map("".join))
def test_nul_is_replaced_since_not_every_database_keeps_it(text: str) -> None:
    event = make_event(properties={text: [text]})
    replaced = text.replace("\0", "\ufffd")
    assert loads(dumps(event)).properties == loads(dumps(event).decode()).properties == {replaced: [replaced]}


def test_ids_are_strings_since_javascript_would_round_them() -> None:
    document = to_document(make_event(guid=LARGEST_ID))
    assert document["guid"] == "9223372036854775807"
    assert all(isinstance(document[name], str) for name in ("guid", "visitor", "session"))


@pytest.mark.parametrize("name", to_document(make_event()))
def test_each_field_is_required(name: str) -> None:
    document = to_document(make_event())
    del document[name]
    with pytest.raises(RecordError, match=f"'{name}'"):
        from_document(document)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("guid", 1),
        ("guid", "0"),
        ("guid", "-1"),
        ("guid", "9223372036854775808"),
        ("visitor", "1.0"),
        ("visitor", "٣"),
        ("session", ""),
        ("session", None),
        ("type", 5),
        ("type", "x" * 256),
        ("site", "x" * 256),
        ("site", None),
        ("received", "1"),
        ("received", 1.5),
        ("received", -1),
        ("received", 2**53),
        ("server", -1),
        ("server", 1000),
        ("server", "1"),
        ("properties", None),
        ("properties", []),
    ],
)
def test_wrong_fields_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(RecordError, match=f"'{name}'"):
        from_document({**to_document(make_event()), name: value})


def test_unknown_fields_are_passed_over() -> None:
    assert from_document({**to_document(make_event()), "new": 1}) == make_event()


@pytest.mark.parametrize("version", [None, 0, 2, "1", [], "x" * 1_000])
def test_other_versions_are_refused(version: object) -> None:
    document = orjson.loads(dumps(make_event()))
    with pytest.raises(RecordError, match="reads version 1") as caught:
        loads(orjson.dumps({**document, "v": version}))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", [b"", b"nonsense", b"[]", b'"text"', b"\xff", b"{}", b"[" * 100_000, "{", "\ud800"])
def test_other_texts_are_refused(text: bytes | str) -> None:
    with pytest.raises(RecordError):
        loads(text)


@given(st.builds(Refusal, st.sampled_from(RefusalReason), st.text(), MOMENTS, SERVERS, st.text()))
def test_a_refusal_survives_its_json_form(refusal: Refusal) -> None:
    assert refusal_from_document(orjson.loads(orjson.dumps(refusal_to_document(refusal)))) == refusal


@pytest.mark.parametrize("name", ["refused", "site", "received", "server", "detail"])
@pytest.mark.parametrize("value", [None, []])
def test_wrong_refusals_are_refused(name: str, value: object) -> None:
    document = refusal_to_document(Refusal(RefusalReason.ROBOT, "a", NOON, 0))
    with pytest.raises(RecordError, match=name):
        refusal_from_document({**document, name: value})


def test_a_refusal_with_an_unknown_reason_is_refused() -> None:
    document = refusal_to_document(Refusal(RefusalReason.ROBOT, "a", NOON, 0))
    with pytest.raises(RecordError, match="unknown reason"):
        refusal_from_document({**document, "refused": "bored"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("0000000000000000007", 7),
        ("9223372036854775807", LARGEST_ID),
        ("9223372036854775808", None),
        ("00000000000000000001", None),
        ("0", None),
        ("", None),
        ("-1", None),
        ("+1", None),
        (" 1", None),
        ("1\n", None),
        ("1_0", None),
        ("²", None),
        ("١", None),
        ("1e3", None),
    ],
)
def test_parse_identifier(text: str, value: int | None) -> None:
    assert parse_identifier(text) == value


def test_the_key_orders_by_time_then_guid() -> None:
    first, second, third = (make_event(guid=guid, received_at=at) for guid, at in ((9, 1), (1, 2), (2, 2)))
    assert first.key < second.key < third.key


def test_the_timestamp_is_in_whole_seconds() -> None:
    assert make_event(received_at=1_999_999).timestamp == 1
