"""Two servers, each with a queue of its own, on one PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.postgresql import PostgreSQL
from tests.servers import Installation, Result


def test_two_servers_with_one_database(postgresql: PostgreSQL, tmp_path: Path) -> None:
    url = postgresql.empty_database().replace("+psycopg", "")
    servers = [
        Installation(tmp_path / number, {"OWA_DATABASE_URL": url, "OWA_SERVER_NUMBER": number}) for number in "12"
    ]
    for server in servers:
        server.folder.mkdir()

    with ThreadPoolExecutor() as threads:
        assert [done.status for done in threads.map(install, servers)] == [0, 0]
        assert [done.status for done in threads.map(generate, servers)] == [0, 0]
        assert list(threads.map(drain, servers)) == [Result(0, "", "")] * 2
    for server in servers:
        found = server.cli("cmd=verify-ledger", "format=json")
        assert (found.status, found.json["drift"]) == (0, 0)
        assert [line["took"] for line in found.json["lines"]] == [300, 300]
        assert not (server.data_dir / "owa.db").exists()


def install(server: Installation) -> Result:
    return server.cli("cmd=install", "domain=http://shop.example")


def generate(server: Installation) -> Result:
    return server.cli("cmd=generate-traffic", "events=300", f"seed={server.folder.name}")


def drain(server: Installation) -> Result:
    return server.cli("cmd=processEventQueue")
