"""The quick reading of parameters says what the other one says, or nothing."""

from io import BytesIO
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from owa.testing.traffic import Plan, generate, request_parameters
from owa.tracking.parameters import Environ, Refused, parameters
from owa.tracking.quick import quick_parameters

ODD = (
    *("%", "%2", "%zz", "%%", "%=", "%\n", "%\r\n", "%22", "%%22", "%2%22", "%5C", "%5c", "%%5C", "%5%5C", "%5C%22"),
    *("=", "==", "&", "&&", "+", '"', "\\", "\\u0041", "%5Cu0041", '","', "%22%2C%22", "{", "}", " ", "%20", ";", "#"),
    *("%00", "\0", "\x01", "\x02", "%01", "%02", "%0A", "\n", "\x7f", "%7F", "%ff", "%FE", "%C3", "%A9", "é"),
    *("%C3%A9", "%ED%A0%80", "%F0%9F%98%80", "[", "]", "%5B", "owa_", "owa%5F", "owa_a[b]", "owa_a[b]=1&owa_a=2"),
    *("owa_site_id=", "a" * 300, "&owa_x=1" * 301),
)

PIECES = st.lists(
    st.one_of(
        st.sampled_from(ODD),
        st.builds("{}={}&".format, st.sampled_from(("owa_a", "owa_b", "a", "")), st.text(max_size=8).map(quote_plus)),
        st.text(st.characters(max_codepoint=255), max_size=4),
    ),
    max_size=12,
).map("".join)

KINDS = st.sampled_from(("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "Ä"))


def request(method: str, query: str, body: bytes, kind: str = "") -> Environ:
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": "/log.php",
        "QUERY_STRING": query,
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }


def outcome(read: object, environ: Environ) -> object:
    assert callable(read)
    try:
        return read(environ)
    except Refused as refused:
        return refused.reason, refused.detail


@settings(deadline=None)
@given(st.sampled_from(("GET", "POST")), PIECES, PIECES, KINDS)
def test_it_says_what_the_other_one_says(method: str, query: str, body: str, kind: str) -> None:
    data = body.encode("utf-8", "surrogatepass")
    environ = request(method, query, data, kind)
    quick = outcome(quick_parameters, environ)
    told = outcome(parameters, request(method, query, data, kind))
    assert quick is None or quick == told
    if quick is None:
        assert outcome(parameters, environ) == told, "the request can no longer be read"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_reads_what_trackers_send(method: str) -> None:
    for event in generate(Plan(200, ("c8ff781bf277f1376b21a5878b85b45d",))):
        sent = urlencode(request_parameters(event)) + "&"
        query, body = (sent, b"") if method == "GET" else ("", sent.encode())
        expected = parameters(request(method, query, body))
        assert quick_parameters(request(method, query, body)) == expected != {}


@pytest.mark.parametrize("text", ['say "a\\b"', "\\", "\\\\u0041", "a&b=c+d%20", "日本語 😀", "%22%5C"])
def test_text_of_any_kind_is_read(text: str) -> None:
    assert quick_parameters(request("GET", urlencode({"owa_page_title": text}), b"")) == {"page_title": text}


@pytest.mark.parametrize("piece", ["owa_a", "owa_a[b]=1", "owa_a=%zz", "owa_a=%C3", "owa_a=%00", 'owa_a="', "a==b"])
def test_what_is_odd_is_left_to_the_other_one(piece: str) -> None:
    assert quick_parameters(request("GET", f"owa_b=1&{piece}", b"")) is None
