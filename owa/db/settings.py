from owa.settings import text

DATA_DIR = text(
    "base.data_dir",
    default="owa-data",
    storable=False,
    help="Folder for everything that OWA writes. A relative path starts at the folder of cli.py.",
)
DATABASE_URL = text(
    "base.database_url",
    default="",
    storable=False,
    secret=True,
    help="SQLAlchemy URL of the database. Default: SQLite, in the file owa.db of the data folder.",
)
SETTINGS = (DATA_DIR, DATABASE_URL)
