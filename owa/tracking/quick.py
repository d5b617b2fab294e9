"""The parameters of an ordinary tracking request, in a few passes over its bytes, none of them in Python.

The query becomes JSON text: separators are replaced, `%22` and `%5C` get their backslash, and one call undoes the
percent signs of the whole text. Whatever is not ordinary is left alone: `owa.tracking.parameters` says what it means,
and what is read here means the same (`tests/property/test_quick_parameters.py`).
"""

from binascii import a2b_qp
from io import BytesIO

import orjson

from owa.tracking.parameters import MOST_PARAMETERS, PREFIX, Environ, body_of, check_length, content_type

_ODD = 0x01
"""No JSON text holds it: it makes the reading fail."""
_EQUALS = 0x02
_AMPERSAND = ord("&")

_START = PREFIX.encode()
_NEXT = b"&" + _START
"""Where a name begins: when all begin so, the prefix is cut off by the way."""
_COMMA = b'","'
"""What becomes of that."""


def _replaced(byte: int) -> int:
    """Percent signs become those of quoted-printable text, which the standard library undoes in one pass."""
    meant = {ord("%"): ord("="), ord("="): _EQUALS, ord("+"): ord(" ")}
    is_plain = 0x20 <= byte < 0x80 and byte not in b'"\\'
    return meant.get(byte, byte if is_plain else _ODD)


_TABLE = bytes(map(_replaced, range(256)))


def quick_parameters(environ: Environ) -> dict[str, str] | None:
    """As `parameters` returns them; None for what is not ordinary: the request can still be read by `parameters`.

    Raises `Refused` when a limit is exceeded.
    """
    query = environ.get("QUERY_STRING", "")
    check_length(environ, query)
    found = _texts(query.encode("latin-1", "replace")) if query else {}
    if found is None or environ["REQUEST_METHOD"] != "POST":
        return found
    body = body_of(environ)
    if not body:
        return found
    texts = None if content_type(environ) == "multipart/form-data" else _texts(body)
    if texts is None:
        environ["wsgi.input"] = BytesIO(body)
        return None
    return {**found, **texts}


def _texts(data: bytes) -> dict[str, str] | None:
    """Those of a query or form whose every name has a value, none has brackets, and all is well-formed UTF-8 without
    control characters."""
    end = -1 if data.endswith(b"&") else None  # OWA's tracker ends its queries so
    inner = data[len(_START) : end].translate(_TABLE).replace(_NEXT, _COMMA) if data.startswith(_START) else b"&"
    are_ours = _AMPERSAND not in inner
    if not are_ours:
        inner = data[:end].translate(_TABLE).replace(b"&", _COMMA)
    if abs(len(inner) - len(data)) >= MOST_PARAMETERS * 2:  # each separator became two bytes shorter, or longer
        return None
    try:
        texts: dict[str, str] = orjson.loads(_decoded(inner.replace(b"\x02", b'":"')))
    except ValueError:
        return None
    if "[" in "".join(texts):
        return None
    return texts if are_ours else {name[len(PREFIX) :]: texts[name] for name in texts if name.startswith(PREFIX)}


def _decoded(pairs: bytes) -> bytes:
    """JSON text of what has its quotation marks and commas. Raises `ValueError` for a percent sign without two
    hexadecimal digits."""
    quoted = pairs.replace(b"=22", b"=5C=22")
    text = a2b_qp(quoted)
    if len(quoted) - len(text) != 2 * quoted.count(b"="):
        raise ValueError("A percent sign stands alone.")
    if text.count(b"\\") * len(b"=5C") != len(quoted) - len(pairs):  # there are more of them, and they count
        doubled = pairs.replace(b"=5C", b"=5C=5C").replace(b"=5c", b"=5C=5C")
        text = a2b_qp(doubled.replace(b"=22", b"=5C=22"))
    return b'{"' + text + b'"}'
