"""Where visitors are."""

from tests.oracle.given import Given, Place
from tests.oracle.texts import NOT_SET, text_id
from tests.oracle.values import Values

SEPARATOR = "\x1f"
"""Between the parts of a place; within one it becomes U+FFFD."""

NOWHERE: Place = (NOT_SET, NOT_SET, NOT_SET, NOT_SET, NOT_SET, NOT_SET)


def place(values: Values, given: Given) -> Place:
    """What the event says, else what is known of its address; `(not set)` where neither tells."""
    country, state, city = (values.text(name) or NOT_SET for name in ("country", "state", "city"))
    if (country, state, city) != NOWHERE[:3]:
        return (country, state, city, NOT_SET, NOT_SET, NOT_SET)
    address = values.text("ip_address")
    found = given.locate(address) if address else None
    if found is None:
        return NOWHERE
    country, state, city, code, latitude, longitude = (text or NOT_SET for text in found)
    return (country, state, city, code, latitude, longitude)


def place_text(found: Place) -> str:
    """Country, state and city in one text."""
    return SEPARATOR.join(name.replace(SEPARATOR, "\ufffd") for name in found[:3])


def place_id(found: Place) -> int:
    return text_id(place_text(found).replace(SEPARATOR, ""))
