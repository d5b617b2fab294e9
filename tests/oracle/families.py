"""The rows of events that have a table of their own, one row an event. Orders: `tests.oracle.commerce`."""

from tests.oracle.events import Fact, Row, moment
from tests.oracle.texts import NOT_SET, canonical_url, host, text_id, words

LONGEST_STREAM = 64 * 1024


def request(view: Fact) -> Row:
    """The row of a page view."""
    values = view.values
    prior = values.text("HTTP_REFERER")
    from_here = bool(prior) and host(prior) == host(values.text("page_url")) != ""
    return {
        **view.block,
        **moment(view),
        **dict.fromkeys(_EMPTY_IN_REQUEST),
        "user_email": values.text("user_email") or NOT_SET,
        "document_id": str(text_id(view.url)),
        "prior_document_id": str(text_id(canonical_url(prior, view.given.filters))) if from_here else None,
        "os": view.system,
        "is_entry_page": 1 if view.opens else 0,
        "is_browser": 1 if view.agent.browser else 0,
        "is_robot": 1 if view.agent.is_robot else 0,
        "received_at": view.received_at,
        "carries_attribution": 1 if view.attribution.is_carried else 0,
        "attributions": values.text("attribs") or None,
        "prior_session_id": values.identifier("prior_session_id"),
        "goals": view.goals,
    }


def action(fact: Fact) -> Row:
    names = ("action_group", "action_name", "action_label")
    return {
        **fact.block,
        "document_id": text_id(fact.url),
        **{name: fact.values.text(name) or None for name in names},
        "numeric_value": fact.values.whole("numeric_value"),
        "received_at": fact.received_at,
        "goals": fact.goals,
    }


def click(fact: Fact) -> Row:
    values = fact.values
    target = canonical_url(values.text("target_url"), fact.given.filters)
    row = {
        **fact.block,
        **moment(fact),
        **dict.fromkeys(_EMPTY_IN_CLICK),
        **{name: values.whole(name) for name in _NUMBERS_OF_CLICK},
        **{f"dom_element_{part}": values.text(f"dom_element_{part}") or NOT_SET for part in _PARTS_OF_ELEMENT},
        "dom_element_parent_id": values.text("dom_element_parent_id") or None,
        "document_id": text_id(fact.url),
        "target_url": target or None,
        "target_id": text_id(target) if target else None,
        "host": fact.host,
        "received_at": fact.received_at,
        "goals": fact.goals,
    }
    return {**row, "position": _position(row["click_x"], row["click_y"])}


def feed_request(fact: Fact) -> Row:
    values = fact.values
    return {
        **{name: fact.block[name] for name in _OF_FEED_REQUEST},
        **moment(fact),
        "document_id": text_id(fact.url),
        "site": None,
        "host": fact.host,
        "os": fact.system,
        "feed_reader_guid": values.text("feed_reader_guid") or None,
        "subscription_id": values.identifier("feed_subscription_id"),
        "feed_format": values.text("feed_format") or None,
        "received_at": fact.received_at,
    }


def dom_stream(fact: Fact) -> Row:
    values = fact.values
    return {
        **fact.block,
        "document_id": text_id(fact.url),
        "domstream_guid": values.identifier("domstream_guid"),
        "events": values.text("stream_events", LONGEST_STREAM) or None,
        "duration": values.whole("duration"),
        "page_url": fact.url,
        "page_width": values.whole("page_width"),
        "page_height": values.whole("page_height"),
        "received_at": fact.received_at,
    }


def _position(x: int | None, y: int | None) -> int | None:
    if x is None or y is None or x < 0 or y < 0 or int(f"{x}{y}") >= 2**63:
        return None
    return int(f"{x}{y}")


_PARTS_OF_ELEMENT = ("name", "id", "value", "tag", "text", "class")
_EMPTY_IN_REQUEST = words("inbound_visitor_id inbound_session_id feed_subscription_id site is_comment is_feedreader")
_EMPTY_IN_CLICK = words("last_impression_id approx_position tag_id placement_id ad_group_id")
_NUMBERS_OF_CLICK = words("click_x click_y page_width page_height dom_element_x dom_element_y")
_OF_FEED_REQUEST = words(
    """
    id visitor_id session_id site_id ua_id host_id os_id timestamp yyyymmdd month day dayofweek dayofyear weekofyear
    year last_req ip_address
    """
)
