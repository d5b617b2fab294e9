"""Knows the country and city of visitors from a database file of MaxMind's or DB-IP's."""

from typing import Any

from owa.module_api import VERSION, HealthCheck, Locator, Module, ModuleTest, Setting, hookimpl
from owa.modules.maxmind_geoip.checks import CHECK, TEST
from owa.modules.maxmind_geoip.locator import LOCATOR
from owa.modules.maxmind_geoip.settings import DATABASE


@hookimpl
def owa_module() -> Module:
    return Module(
        name="maxmind_geoip",
        title="MaxMind GeoIP",
        version=VERSION,
        author="OWA",
        group="Tracking",
        description="Knows which country and city visitors come from, by a database file that you get from MaxMind or "
        "DB-IP. No address leaves this server.",
    )


@hookimpl
def owa_settings() -> list[Setting[Any]]:
    return [DATABASE]


@hookimpl
def owa_locators() -> list[Locator]:
    return [LOCATOR]


@hookimpl
def owa_health_checks() -> list[HealthCheck]:
    return [CHECK]


@hookimpl
def owa_tests() -> list[ModuleTest]:
    return [TEST]
