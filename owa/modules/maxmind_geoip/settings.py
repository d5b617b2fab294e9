"""The settings of the module."""

from pathlib import Path

from owa.module_api import Setting, Settings, data_folder


def parse_path(value: str) -> str:
    """Empty, or a path. Whether there is a file is for the health check to say: it may come later."""
    if not value.isprintable():
        raise ValueError("wants the path of a file such as GeoLite2-City.mmdb")
    return value


DATABASE = Setting(
    "maxmind_geoip.database",
    parse_path,
    "",
    "Path of the file with countries and cities, such as GeoLite2-City.mmdb, on each server that processes events. A "
    "relative path starts at the data folder. Get one from maxmind.com (GeoLite2 City) or db-ip.com (IP to City Lite). "
    "Empty: visitors have no location.",
    label="Database file",
)


def path_of(settings: Settings) -> Path | None:
    """The file; None: none is set."""
    return data_folder(settings) / settings[DATABASE] if settings[DATABASE] else None
