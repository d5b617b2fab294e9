"""The calendar columns."""

from datetime import datetime, tzinfo
from typing import Any


def calendar(second: int, zone: tzinfo) -> dict[str, Any]:
    """The calendar columns, by the letters that PHP's `date` has for them."""
    at = datetime.fromtimestamp(second, zone)
    return {
        "timestamp": second,
        "yyyymmdd": int(at.strftime("%Y%m%d")),
        "year": int(at.strftime("%Y")),
        "month": int(at.strftime("%Y%m")),
        "day": int(at.strftime("%d")),
        "dayofweek": at.strftime("%a"),
        "dayofyear": int(at.strftime("%j")) - 1,  # z counts from 0
        "weekofyear": int(at.strftime("%V")),
        "hour": int(at.strftime("%H")),
        "minute": int(at.strftime("%M")),
        "second": int(at.strftime("%S")),
    }
