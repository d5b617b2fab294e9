"""`cmd=generate-traffic`, by HTTP and by the queue."""

from tests.servers import Install, Installation


def test_traffic_by_http_is_stored(queueing: Installation) -> None:
    with queueing.serve(OWA_SCHEDULER="0") as server:
        url = f"url=http://127.0.0.1:{server.port}/"
        assert queueing.cli("cmd=generate-traffic", "events=60", "seed=3", url, "format=json").json == {
            "events": 60,
            "taken": 60,
        }
    queueing.drain()
    assert len(queueing.rows("owa_request")) == 60


def test_the_same_traffic_twice_is_stored_once(queueing: Installation) -> None:
    for _ in range(2):
        assert queueing.cli("cmd=generate-traffic", "events=50", "seed=5").status == 0
    queueing.drain()
    assert len(queueing.rows("owa_request")) == 50
    assert queueing.counts()["duplicate", ""] == 50


def test_wrong_use_is_told(install: Install) -> None:
    installation = install()
    assert "wants events=N" in installation.cli("cmd=generate-traffic").err
    silent = installation.cli("cmd=generate-traffic", "events=1", "url=http://127.0.0.1:9/")
    assert (silent.status, "does not answer" in silent.err) == (2, True)
