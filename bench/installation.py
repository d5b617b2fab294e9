"""An installation in a folder, for one measurement."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import func, select

from owa.analytics.tables import REQUEST
from owa.app import Installation, open_installation
from owa.db import configuration as stored
from owa.db.migrate import upgrade

DOMAIN = "https://example.org"
SITE_ID = stored.site_id_of(DOMAIN)


@contextmanager
def installed(folder: Path, **environment: str) -> Iterator[Installation]:
    """With tables and one site; closed at the end."""
    installation = open_installation({"OWA_DATA_DIR": str(folder), **environment}, {})
    try:
        upgrade(installation.database)
        with installation.database.writing() as connection:
            stored.add_site(connection, DOMAIN)
        installation.configuration.signal_change()
        yield installation
    finally:
        installation.close()


def page_views(installation: Installation) -> int:
    """That are stored."""
    with installation.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(REQUEST)).scalar_one())
