"""`cmd=verify-ledger` on an installation that has seen traffic."""

from tests.servers import SITE_ID, Installation


def test_all_is_well_after_traffic_in_both_modes(queueing: Installation) -> None:
    for mode in ("1", "0"):
        with queueing.serve(OWA_SCHEDULER="1", OWA_QUEUE_EVENTS=mode) as server:
            url = f"url=http://127.0.0.1:{server.port}/"
            assert queueing.cli("cmd=generate-traffic", "events=100", f"seed={mode}", url).status == 0
            server.track({"owa_event_type": "nope"})
    found = queueing.cli("cmd=verify-ledger", "format=json")
    assert (found.status, found.json["drift"]) == (0, 0)
    assert {(line["site_id"], line["took"]) for line in found.json["lines"]} == {(SITE_ID, 200), ("", 2)}
    assert queueing.cli("cmd=verify-ledger") == type(found)(0, "", "")


def test_what_is_missing_is_named(queueing: Installation) -> None:
    assert queueing.cli("cmd=generate-traffic", "events=20").status == 0
    path = queueing.data_dir / "logs" / "events.txt"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    found = queueing.cli("cmd=verify-ledger", "format=json")
    assert (found.status, found.json["drift"]) == (1, -1)
    assert f"server 0, site {SITE_ID}: drift -1. 20 taken, 19 found." in found.err
