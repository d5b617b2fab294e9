"""How many events have left a row."""

from collections import Counter

from sqlalchemy import Connection, func, select

from owa.analytics.tables import ACTION, CLICK, DOMSTREAM, FEED_REQUEST, ORDER_EVENT, REQUEST

_TABLES = (REQUEST, ACTION, CLICK, ORDER_EVENT, FEED_REQUEST, DOMSTREAM)
"""One row for each event; also those of modules, which may be off by now."""

_GUIDS_OF_A_SERVER, _SERVERS = 10**6, 1000
"""Where the number of the server stands in a guid."""


def count_facts(connection: Connection) -> Counter[tuple[int, str]]:
    """How many events are stored, by server and site."""
    found: Counter[tuple[int, str]] = Counter()
    for table in _TABLES:
        server = table.c.id // _GUIDS_OF_A_SERVER % _SERVERS
        rows = connection.execute(select(server, table.c.site_id, func.count()).group_by(server, table.c.site_id))
        for number, site_id, count in rows:
            found[int(number), site_id] += count
    return found
