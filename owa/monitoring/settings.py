from typing import Any
from urllib.parse import urlsplit

from owa.settings import Setting, networks


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        fits = not text or (parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0)
    except ValueError:
        fits = False
    if not fits or not text.isprintable() or " " in text:
        raise ValueError("wants an address such as https://example.org/ping/owa")
    return text


MONITOR_FROM = networks(
    "base.monitor_from",
    default="127.0.0.0/8, ::1",
    help="Addresses or networks that /metrics and /health answer. Everybody else is told that there is no such page.",
    label="Monitors",
    group="Monitoring",
)
PING_URL: Setting[str] = Setting(
    "base.ping_url",
    _url,
    default="",
    help="Requested after each drain of the incoming queue that went well, so that somebody notices when none comes.",
    secret=True,
    label="Address to ping",
    group="Monitoring",
)
SETTINGS: tuple[Setting[Any], ...] = (MONITOR_FROM, PING_URL)
