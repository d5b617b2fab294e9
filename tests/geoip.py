"""Databases of places, as MaxMind and DB-IP make them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet

LONDON = {
    "continent": {"code": "EU", "names": {"de": "Europa", "en": "Europe"}},
    "country": {"iso_code": "GB", "names": {"de": "Vereinigtes Königreich", "en": "United Kingdom"}},
    "registered_country": {"iso_code": "FR", "names": {"en": "France"}},
    "subdivisions": [
        {"iso_code": "ENG", "names": {"en": "England"}},
        {"iso_code": "WBK", "names": {"en": "West Berkshire"}},
    ],
    "city": {"geoname_id": 2643743, "names": {"de": "London", "en": "London", "fr": "Londres"}},
    "location": {"accuracy_radius": 10, "latitude": 51.5142, "longitude": -0.0931, "time_zone": "Europe/London"},
}
"""All that a record of a city has."""

FRANCE = {"country": {"iso_code": "FR", "names": {"de": "Frankreich", "en": "France"}}}
"""All that one of a country has."""

WORLD: Mapping[str, Any] = {"203.0.113.0/24": LONDON, "8.8.8.0/24": FRANCE, "2001:db8::/32": FRANCE}
"""Records by network."""


def write_database(
    path: Path, networks: Mapping[str, Any] = WORLD, type: str = "GeoLite2-City", *, ip_version: int = 6
) -> Path:
    """A database, in the place of what is there, which it replaces as geoipupdate does."""
    writer = MMDBWriter(ip_version, type, languages=["en"], description="Of the tests", ipv4_compatible=ip_version == 6)
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), record)
    draft = path.with_suffix(".draft")
    writer.to_db_file(str(draft))
    return draft.replace(path)
