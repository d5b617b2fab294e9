"""The settings of the webhook."""

from typing import Any
from urllib.parse import urlsplit

from owa.module_api import Setting, text, words


def parse_url(value: str) -> str:
    """Empty, or an address by http or https. The admin may choose any: also one of the own network."""
    try:
        parts = urlsplit(value)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_url = False
    if value and not is_url:
        raise ValueError("wants an address such as https://example.org/hook")
    return value


URL = Setting(
    "webhook.url",
    parse_url,
    "",
    "Where events are posted to, as JSON.",
    label="Address",
    required=True,
)
SECRET = text(
    "webhook.secret",
    default="",
    secret=True,
    help="Signs each message, so that the receiver can tell that it is from here. Empty: messages are not signed.",
)
EVENT_TYPES = words(
    "webhook.eventTypes",
    default=("base.page_request",),
    label="Types of events",
    help="Which events are posted, once they are processed, such as base.page_request.",
)
SETTINGS: list[Setting[Any]] = [URL, SECRET, EVENT_TYPES]
