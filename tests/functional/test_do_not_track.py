"""Do Not Track and Global Privacy Control: by setting."""

import pytest

from tests.servers import Install, Installation, Server, page_view

ASKING: list[dict[str, str]] = [{"DNT": "1"}, {"Sec-GPC": "1"}, {"DNT": "0", "Sec-GPC": "1"}]
OTHERS: list[dict[str, str]] = [{}, {"DNT": "0"}, {"DNT": "unspecified", "Sec-GPC": "0"}]
COMMAND = "owa_cmds.push(['respectDoNotTrack']);"


def stored(installation: Installation, server: Server, headers: dict[str, str]) -> bool:
    event = page_view()
    assert server.track(event, headers).status == 204
    return installation.request_of(event) is not None


def test_respected(install: Install) -> None:
    installation = install(OWA_QUEUE_EVENTS="0", OWA_SCHEDULER="0", OWA_RESPECT_DO_NOT_TRACK="1")
    with installation.serve() as server:
        assert [stored(installation, server, headers) for headers in ASKING] == [False] * len(ASKING)
        assert [stored(installation, server, headers) for headers in OTHERS] == [True] * len(OTHERS)
        tag = server.request("GET", "/").body.decode().replace("&#39;", "'")
    installation.drain()
    assert installation.counts()["refused", "do_not_track"] == len(ASKING)
    for text in (tag, installation.cli("cmd=add-site", "domain=https://example.org", "verbose=1").out):
        assert 0 < text.find(COMMAND) < text.find("['setSiteId'") < text.find("['trackPageView']")


@pytest.mark.parametrize("headers", ASKING, ids=str)
def test_not_by_default(storing: Installation, headers: dict[str, str]) -> None:
    with storing.serve() as server:
        assert stored(storing, server, headers)
        assert b"respectDoNotTrack" not in server.request("GET", "/").body
