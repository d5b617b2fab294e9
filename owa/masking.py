"""Hides what an event holds of a person. What is left tells whether something was there, and about how long it was."""

import json
import re
import traceback
from typing import Any

PERSONAL = frozenset(
    {
        *("ip_address", "remote_addr", "remote_host", "client_ip", "visitor_ip", "host", "full_host"),
        *("http_x_forwarded_for", "http_client_ip", "http_forwarded", "http_x_real_ip"),
        *("http_cookie", "cookie", "cookies", "http_authorization", "authorization", "api_key", "token"),
        *("email", "email_address", "mail", "password", "passwd", "real_name", "phone", "telephone"),
        *("first_name", "last_name", "name_first", "name_last"),
        *("street", "address", "billing_address", "shipping_address"),
    }
)
"""Names of properties and columns whose values are hidden, in lower case. Also each that begins with `user_`."""

PUBLIC = frozenset({"user_agent"})
"""What begins with `user_` and is nobody's."""

_MAIL = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
# The host of an address with a scheme is a server, not a person.
_IPV4 = re.compile(r"(?<![\w.])(?<!://)[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![\w.])")
_IPV6 = re.compile(
    r"(?<![\w:.])(?<!://\[)(?=[0-9:]*(?:::|[a-fA-F]|(?::[0-9]+){7}))(?:[0-9a-fA-F]{1,4}:){2,7}(?::?[0-9a-fA-F]{1,4}){1,7}(?![\w:])"
)
_QUERY = re.compile(r"(?<=[?#])[^\s\"'<>]*=[^\s\"'<>]*")

LONGEST_TRACE = 20_000
"""Characters."""

_CLASSES = ((8, "•••"), (32, "••••••"), (128, "•••••••••"))
_LONGER = "••••••••••••"


def mask(text: str) -> str:
    """Dots: as many as there are for texts of about that length. Nothing stays nothing."""
    if not text:
        return ""
    return next((dots for length, dots in _CLASSES if len(text) <= length), _LONGER)


def is_personal(name: str) -> bool:
    """Whether what is called like that is a person's."""
    lower = name.lower().removeprefix("owa_")
    return lower in PERSONAL or (lower.startswith("user_") and lower not in PUBLIC)


def masked_text(text: str) -> str:
    """A text that may quote an event: without mail addresses, IP addresses and query strings."""
    for pattern in (_QUERY, _MAIL, _IPV4, _IPV6):
        text = pattern.sub(lambda found: mask(found[0]), text)
    return text


def brief(error: str) -> str:
    """An error as a list shows it: masked, and without the statement that a database has refused."""
    told, *rest = _STATEMENT.split(masked_text(error), maxsplit=1)
    return f"{told} …" if rest else told


_STATEMENT = re.compile(r"\s*(?:\[SQL: |\(Background on this error at: )")
"""What SQLAlchemy appends to the database's own words."""


def masked_trace(error: BaseException) -> str:
    """The traceback of an error that may quote an event, for logs that others than analysts read."""
    return masked_text("".join(traceback.format_exception(error))[:LONGEST_TRACE]).rstrip()


def masked_value(name: str, value: Any) -> Any:
    """A value of that name, however deep it is: what is personal is hidden."""
    if is_personal(name) and value not in (None, "", [], {}):
        return mask(value if isinstance(value, str) else json.dumps(value, default=str))
    if isinstance(value, dict):
        return {part: masked_value(str(part), inner) for part, inner in value.items()}
    if isinstance(value, list):
        return [masked_value("", inner) for inner in value]
    return masked_text(value) if isinstance(value, str) else value


def masked_payload(payload: bytes) -> bytes:
    """An event as it is stored; what is no JSON is taken for a text."""
    try:
        document = json.loads(payload)
        return json.dumps(masked_value("", document), ensure_ascii=False).encode(errors="replace")
    except (ValueError, RecursionError):
        return masked_text(payload.decode(errors="replace")).encode(errors="replace")
