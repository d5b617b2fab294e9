"""The settings of the module."""

from typing import Any

from owa.module_api import Setting, integer

LEAST = integer(
    "shopEvents.least",
    default=1,
    least=1,
    most=1000,
    label="Smallest basket",
    unit="things",
    help="Baskets with fewer things are not counted.",
)
QUIET_DAYS = integer(
    "shopEvents.quietDays",
    default=2,
    least=1,
    most=365,
    label="Alarm after",
    unit="days",
    help="Without a basket for so long, the dashboard says so.",
)
SETTINGS: list[Setting[Any]] = [LEAST, QUIET_DAYS]
