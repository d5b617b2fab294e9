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
    assert "knows no families=some" in installation.cli("cmd=generate-traffic", "events=1", "families=some").err
    silent = installation.cli("cmd=generate-traffic", "events=1", "url=http://127.0.0.1:9/")
    assert silent.status == 1
    assert "0 of 1 events were taken, then: http://127.0.0.1:9/log.php does not answer" in silent.err


def test_traffic_of_several_servers_comes_twice_and_late(install: Install) -> None:
    installation = install(OWA_SERVER_NUMBER="7", OWA_SCHEDULER="0")
    words = ("events=200", "servers=3", "duplicates=50", "skew=120", "format=json")
    made = installation.cli("cmd=generate-traffic", *words).json
    assert 260 < made["events"] < 340
    assert made["taken"] == made["events"]
    installation.drain()
    assert len(installation.rows("owa_request")) == 200
    lines = installation.cli("cmd=verify-ledger", "format=json").json["lines"]
    assert {line["server"] for line in lines} == {7, 8, 9}
    assert sum(line["took"] for line in lines) == made["events"]


def test_seeds_do_not_share_guids(queueing: Installation) -> None:
    for seed in range(1, 4):
        queueing.cli("cmd=generate-traffic", "events=300", f"seed={seed}")
    queueing.drain()
    assert len(queueing.rows("owa_request")) == 900


def test_traffic_of_all_families_is_taken(queueing: Installation) -> None:
    """But for what nobody handles: it would fail."""
    words = ("events=300", "families=all", "format=json")
    without = queueing.cli("cmd=generate-traffic", *words).json
    assert 0 < without["taken"] == without["events"] < 300
    queueing.drain()
    assert queueing.status()["queues"]["processing"]["retrying"] == 0
    assert queueing.cli("cmd=activate", "module=domstream").status == 0
    assert queueing.cli("cmd=generate-traffic", "seed=2", *words).json == {"events": 300, "taken": 300}
