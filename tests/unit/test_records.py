import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from owa.errors import RecordError
from owa.events import LARGEST_ID, Refusal, RefusalReason
from owa.queues.records import EVENT_START, SEPARATOR, TERMINATOR, Record, decode, encode
from tests.factories import NOON, make_event

REFUSAL = Refusal(RefusalReason.ROBOT, "a", NOON, server=3, detail="Googlebot")


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=255)


@given(TEXTS, TEXTS, st.integers(1, LARGEST_ID))
def test_a_record_is_one_line_whatever_its_texts(site: str, text: str, sequence: int) -> None:
    for entry in (make_event(site_id=site, properties={text: text}), Refusal(RefusalReason.ROBOT, site, NOON, 0, text)):
        record = Record(entry, "writer", sequence)
        data = encode(record)
        assert (data[:1], data[-1:]) == (SEPARATOR, TERMINATOR)
        assert (data.count(SEPARATOR), data.count(TERMINATOR)) == (1, 1)
        assert decode(data[1:]) == record


def test_events_are_told_from_refusals_by_their_first_bytes() -> None:
    assert encode(Record(make_event(), "w", 1)).startswith(EVENT_START)
    assert not encode(Record(REFUSAL, "w", 1)).startswith(EVENT_START)


def test_an_event_cannot_contain_the_start_of_another() -> None:
    """Events are counted by it."""
    title = EVENT_START.decode()
    assert encode(Record(make_event(properties={"page_title": title}), "w", 1)).count(EVENT_START) == 1


def numbers(data: bytes) -> list[tuple[str, int]]:
    records = [decode(line[1:]) for line in data.splitlines()]
    return [(record.entry.site_id, record.sequence) for record in records]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"writer": None}, "writer"),
        ({"writer": 5}, "writer"),
        ({"writer": "w" * 65}, "writer"),
        ({"sequence": "1"}, "sequence"),
        ({"sequence": True}, "sequence"),
        ({"sequence": 0}, "sequence"),
        ({"sequence": 2**63}, "sequence"),
        ({"site": "x" * 256}, "site"),
        ({"v": 2}, "version '2'"),
        ({"v": None}, "version 'None'"),
        ({"guid": None}, "guid"),
        ({"refused": "no such reason"}, "no such reason"),
        ({"refused": 1}, "refused"),
    ],
    ids=str,
)
def test_what_is_no_record_is_refused_with_a_reason(change: dict[str, object], complaint: str) -> None:
    document = orjson.loads(encode(Record(make_event(), "w", 1))[1:])
    with pytest.raises(RecordError, match=complaint):
        decode(orjson.dumps({**document, **change}))


@pytest.mark.parametrize(
    "text", [b"", b"{", b'{"v":1', b"[1]", b"1", b"null", b"\xff\xfe", b'{"v":1,"guid":"\\ud800"}']
)
def test_broken_texts_are_refused(text: bytes) -> None:
    with pytest.raises(RecordError):
        decode(text)


def test_each_cut_of_a_record_is_refused() -> None:
    whole = encode(Record(make_event(), "w", 1))[1:-1]
    for length in range(len(whole)):
        with pytest.raises(RecordError):
            decode(whole[:length])
