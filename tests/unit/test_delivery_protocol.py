"""What a courier and its child say to each other."""

import pytest

from owa.contributions import Configuration, Site
from owa.delivery.protocol import (
    Failed,
    Finished,
    Ready,
    Stored,
    configure,
    configured,
    decode,
    encode,
    packed,
    unpacked,
)
from owa.queues.contract import Item, Remaining
from owa.settings import integer, networks, resolve, text
from tests.page_views import page_view

LEAST = integer("shop.least", default=3, least=0, most=9, help="")
NETS = networks("shop.nets", help="")
KEY = text("shop.key", default="none", secret=True, help="")


@pytest.mark.parametrize(
    "message",
    [
        Ready(),
        Finished(ends=True),
        Failed(2**63 - 1, "shop:rows", 'a "line"\nand another \ufffd', "", 12),
        Stored([(2**63 - 1, "shop:rows"), (1, "")]),
    ],
)
def test_a_message_is_a_line_and_comes_back(message: object) -> None:
    line = encode(message)  # type: ignore[arg-type]
    assert line.count(b"\n") == 1
    assert decode(line[:-1]) == message


@pytest.mark.parametrize("line", [b"", b"x", b"[]", b"{}", b'["Nothing", {}]', b'["Ready", {"x": 1}]', b'["Ready", 3]'])
def test_what_is_no_message(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"^no message"):
        decode(line)


def test_a_configuration_comes_back_as_it_was_written() -> None:
    written = {"shop.nets": "10.0.0.0/8", "shop.key": "s3cret"}
    settings = resolve((LEAST, NETS, KEY), environment={}, stored=written)
    site = Site("s1", "http://shop.example", {"default_page": "index"})
    child = configured(configure(Configuration(settings, {"s1": site})))
    assert (child.settings[LEAST], child.settings[NETS], child.settings[KEY]) == (3, settings[NETS], "s3cret")
    assert child.sites == {"s1": site}


def test_items_come_back() -> None:
    item = Item(page_view(1, page_title='\u2028 \\ "'), Remaining.DELIVERY, 3, 17, handler="shop:rows")
    assert unpacked(packed([item])) == [item]
