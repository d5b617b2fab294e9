"""The one `MetaData`, and the column types that all tables share. Tables stand next to their user."""

from sqlalchemy import BigInteger, Integer, MetaData, Text

METADATA = MetaData()

Id = BigInteger().with_variant(Integer, "sqlite")
"""A signed 64-bit integer. SQLite keys its rows by a column only when that is declared INTEGER."""

ByteOrderedText = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that compares by its UTF-8 bytes: "the least text" must mean the same on every database and in Python."""
