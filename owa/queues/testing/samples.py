"""Entries to test queues with."""

from owa.events import Event, Refusal, RefusalReason

START = 1_795_291_200_000_000
"""When the first sample event was received, in microseconds."""

AWKWARD_TEXTS = (
    "two\nlines\r\nand\u2028more",
    "a record's separator: \x1e, its end: \n, all of it: \x1e{}\n",
    "cookie |*| bars ||| arrows => 'quotes' \"double\" back\\slash",
    "a NUL, as the tracker replaces it: \ufffd",
    "\U0001f600 \U0001f469\u200d\U0001f4bb \u202eright to left",
    "\x01\x02\x7f\x85\ufeff\uffff\U0010ffff",
    "<script>alert(1)</script> %s {0} ${x} '; DROP TABLE owa_request; --",
    "语" * 20_000,
    "",
)


def sample_event(number: int, text: str = "Start") -> Event:
    """An event that differs from those of other numbers, and was received so many seconds after `START`."""
    return Event(
        guid=number + 1,
        event_type="base.page_request",
        site_id="site",
        visitor_id=number + 1,
        session_id=number + 1,
        received_at=START + number * 1_000_000,
        server=7,
        properties={"page_title": text, "number": number},
    )


def sample_events(count: int) -> list[Event]:
    return [sample_event(number) for number in range(count)]


def sample_refusal(number: int = 0) -> Refusal:
    return Refusal(RefusalReason.ROBOT, "site", START + number, server=7, detail="a robot\nof two lines")
