from urllib.parse import urlsplit

from owa.module_api import REMOTE_QUEUE_KEY, Setting, Settings, choice

SIGNED, PLAIN = "signed", "owa"
"""Formats."""


def _address(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment):
        raise ValueError("wants an address such as https://stats.example.org/queue.php")
    return value


ENDPOINT = Setting(
    "remoteQueue.endpoint",
    _address,
    "",
    "Address of queue.php of the server that processes the events, such as https://stats.example.org/queue.php.",
)
FORMAT = choice(
    "remoteQueue.format",
    default=SIGNED,
    of=(SIGNED, PLAIN),
    help="signed: batches for another one of this OWA, which answers for each event. owa: single events for a PHP OWA; "
    "that one never says what became of them, so they count as sent, unconfirmed.",
)

SETTINGS = (ENDPOINT, FORMAT)


def missing(settings: Settings) -> str:
    """What has to be set before anything can be sent; empty: nothing."""
    if not settings[ENDPOINT]:
        return "No endpoint is set."
    if settings[FORMAT] == SIGNED and not settings[REMOTE_QUEUE_KEY]:
        return "No key is set."
    return ""
