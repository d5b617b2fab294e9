from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from owa.files import root_folder
from owa.settings import Setting, Settings, folder


def _url(text: str) -> str:
    try:
        make_url(text)
    except ArgumentError as error:
        raise ValueError("wants an SQLAlchemy URL, such as sqlite:////srv/owa/owa-data/owa.db") from error
    return text


DATA_DIR = folder(
    "base.data_dir",
    default="owa-data",
    help="Folder for everything that OWA writes. A relative path starts at the folder of cli.py.",
    label="Data folder",
    restart=True,
)
DATABASE_URL = Setting(
    "base.database_url",
    _url,
    default="",
    storable=False,
    secret=True,
    help="SQLAlchemy URL of the database. Default: SQLite, in the file owa.db of the data folder.",
    label="Database",
    restart=True,
)
SETTINGS: tuple[Setting[str], ...] = (DATA_DIR, DATABASE_URL)


def data_folder(settings: Settings) -> Path:
    """The folder for everything that OWA writes."""
    return root_folder() / settings[DATA_DIR]
