"""The stored configuration: settings set by a form, and the registered sites. Each change raises the generation."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, select, update

from owa.db.bulk import dialect_insert
from owa.db.modules import Subscriptions, Switch, subscriptions, switch_module, switches
from owa.db.tables import CONFIGURATION, SITE
from owa.identity import text_id

_ROW = 1


@dataclass(frozen=True, slots=True)
class StoredSite:
    site_id: str
    domain: str
    settings: Mapping[str, str]
    name: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class StoredConfiguration:
    """All that is stored, at one generation."""

    generation: int
    settings: Mapping[str, str]
    """Texts by the settings' names."""
    sites: tuple[StoredSite, ...]
    modules: Mapping[str, Switch] = field(default_factory=dict)
    """What somebody chose, by module."""
    subscriptions: Mapping[str, Subscriptions] = field(default_factory=dict)
    """What the event handlers of modules want, by module."""


def generation(connection: Connection) -> int:
    """The number of the last change; 0 before the first."""
    found = connection.execute(select(CONFIGURATION.c.generation).where(CONFIGURATION.c.id == _ROW))
    return found.scalar_one_or_none() or 0


def read(connection: Connection) -> StoredConfiguration:
    """Everything, as of one transaction."""
    row = connection.execute(select(CONFIGURATION).where(CONFIGURATION.c.id == _ROW)).mappings().first()
    sites = connection.execute(select(SITE).order_by(SITE.c.id)).mappings()
    return StoredConfiguration(
        generation=row["generation"] if row else 0,
        settings=_object(row["settings"]) if row else {},
        sites=tuple(_site(row) for row in sites),
        modules=switches(connection),
        subscriptions=subscriptions(connection),
    )


def store_settings(connection: Connection, values: Mapping[str, str | None]) -> None:
    """Set some settings, by name, to texts; None: forget what is stored, so that the default counts again."""
    settings = {**read(connection).settings, **values}
    document = {name: text for name, text in settings.items() if text is not None}
    _raise_generation(connection)
    connection.execute(update(CONFIGURATION).where(CONFIGURATION.c.id == _ROW).values(settings=orjson.dumps(document)))


def store_switch(connection: Connection, name: str, switch: Switch, by: str, now: int) -> None:
    """Switch a module. `now`: microseconds."""
    switch_module(connection, name, switch, by, now)
    _raise_generation(connection)


def site_id_of(domain: str) -> str:
    """The id of the site of a domain: the MD5 of its text as given, in hex digits, as in OWA."""
    return hashlib.md5(domain.encode(), usedforsecurity=False).hexdigest()


def add_site(connection: Connection, domain: str, name: str = "") -> bool:
    """Register a site; returns whether it is new."""
    site_id = site_id_of(domain)
    statement = dialect_insert(connection.dialect.name)(SITE).on_conflict_do_nothing()
    row: dict[str, Any] = {"id": text_id(site_id), "site_id": site_id, "domain": domain, "name": name or domain}
    added = connection.execute(statement.values(row)).rowcount == 1
    if added:
        _raise_generation(connection)
    return added


def find_site(connection: Connection, site_id: str) -> StoredSite | None:
    row = connection.execute(select(SITE).where(SITE.c.site_id == site_id)).mappings().first()
    return _site(row) if row else None


def change_site(connection: Connection, site: StoredSite) -> None:
    """Store all but the id and the domain, which the id is made of."""
    values = {"name": site.name, "description": site.description, "settings": orjson.dumps(dict(site.settings))}
    connection.execute(update(SITE).where(SITE.c.site_id == site.site_id).values(values))
    _raise_generation(connection)


def _raise_generation(connection: Connection) -> None:
    """The first one is the time, so that a process notices when the database was made anew."""
    insert = dialect_insert(connection.dialect.name)
    connection.execute(
        insert(CONFIGURATION)
        .values(id=_ROW, settings=b"{}", generation=int(time.time()))
        .on_conflict_do_update(index_elements=["id"], set_={"generation": CONFIGURATION.c.generation + 1})
    )


def _site(row: RowMapping) -> StoredSite:
    return StoredSite(
        site_id=row["site_id"],
        domain=row["domain"] or "",
        settings=_object(row["settings"]),
        name=row["name"] or "",
        description=row["description"] or "",
    )


def _object(blob: bytes | None) -> dict[str, str]:
    document = orjson.loads(blob) if blob else {}
    return {str(name): str(value) for name, value in document.items()} if isinstance(document, dict) else {}
