from urllib.parse import urlsplit

from owa.module_api import Setting, choice

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
    required=True,
)
FORMAT = choice(
    "remoteQueue.format",
    default=SIGNED,
    of=(SIGNED, PLAIN),
    help="signed: batches for another one of this OWA, which answers for each event. owa: single events for a PHP OWA; "
    "that one never says what became of them, so they count as sent, unconfirmed.",
)

SETTINGS = (ENDPOINT, FORMAT)
