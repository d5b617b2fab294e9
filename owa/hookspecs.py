"""The hooks: what a module may implement. Each returns a list of frozen contributions (`owa.contributions`)."""

from typing import TYPE_CHECKING, Any

import pluggy

from owa.contributions import (
    EventFilter,
    EventHandler,
    FactFamily,
    FactHandler,
    Locator,
    Module,
    PreprocessingStep,
    QueueBinding,
    QueueType,
    RetryQueueType,
)
from owa.settings import Setting

if TYPE_CHECKING:
    from owa.admin_contributions import AdminPage, Command, HealthCheck, ModuleTest, ScheduledJob

PROJECT = "owa"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

CONTRIBUTIONS = {
    "owa_settings": "owa.settings:Setting",
    "owa_queue_types": "owa.contributions:QueueType",
    "owa_retry_queue_types": "owa.contributions:RetryQueueType",
    "owa_queue_bindings": "owa.contributions:QueueBinding",
    "owa_fact_handlers": "owa.contributions:FactHandler",
    "owa_fact_families": "owa.contributions:FactFamily",
    "owa_event_handlers": "owa.contributions:EventHandler",
    "owa_preprocessing_steps": "owa.contributions:PreprocessingStep",
    "owa_event_filters": "owa.contributions:EventFilter",
    "owa_locators": "owa.contributions:Locator",
    "owa_admin_pages": "owa.admin_contributions:AdminPage",
    "owa_jobs": "owa.admin_contributions:ScheduledJob",
    "owa_commands": "owa.admin_contributions:Command",
    "owa_health_checks": "owa.admin_contributions:HealthCheck",
    "owa_tests": "owa.admin_contributions:ModuleTest",
}
"""What the hooks give a list of, by the hooks' names: what a module needs of it is imported. A fact handler is whatever
has the protocol's methods."""

FOR_ADMIN = frozenset(hook for hook, kind in CONTRIBUTIONS.items() if kind.startswith("owa.admin_contributions:"))
"""Hooks that processing does without."""


class Hooks:
    """Specifications. A module implements any of them as a function of the same name."""

    @hookspec
    def owa_module(self) -> Module:  # type: ignore[empty-body]
        """What the module says of itself. Every module has this one."""

    @hookspec
    def owa_settings(self) -> list[Setting[Any]]:  # type: ignore[empty-body]
        """Settings of the module, named `MODULE.name`. They appear in its form and are checked at start."""

    @hookspec
    def owa_queue_types(self) -> list[QueueType]:  # type: ignore[empty-body]
        """Kinds of event queues that a binding may name."""

    @hookspec
    def owa_retry_queue_types(self) -> list[RetryQueueType]:  # type: ignore[empty-body]
        """Kinds of queues for events that wait or are tried again."""

    @hookspec
    def owa_queue_bindings(self) -> list[QueueBinding]:  # type: ignore[empty-body]
        """Which type serves which queue."""

    @hookspec
    def owa_fact_handlers(self) -> list[FactHandler]:  # type: ignore[empty-body]
        """What turns events into the core's rows, in the transaction of the drain. Of modules of OWA's only."""

    @hookspec
    def owa_fact_families(self) -> list[FactFamily]:  # type: ignore[empty-body]
        """Types of events that are a row each, of the core's tables. Of modules of OWA's only."""

    @hookspec
    def owa_event_handlers(self) -> list[EventHandler]:  # type: ignore[empty-body]
        """What is given events once the core has finished them, in a process of its own."""

    @hookspec
    def owa_preprocessing_steps(self) -> list[PreprocessingStep]:  # type: ignore[empty-body]
        """What changes an event before it is queued."""

    @hookspec
    def owa_event_filters(self) -> list[EventFilter]:  # type: ignore[empty-body]
        """What refuses events before they are queued."""

    @hookspec
    def owa_locators(self) -> list[Locator]:  # type: ignore[empty-body]
        """What knows where addresses are, for the drain. Of modules of OWA's only."""

    @hookspec
    def owa_admin_pages(self) -> "list[AdminPage]":  # type: ignore[empty-body]
        """Pages of the admin's, with templates of the module's own."""

    @hookspec
    def owa_jobs(self) -> "list[ScheduledJob]":  # type: ignore[empty-body]
        """What is done regularly."""

    @hookspec
    def owa_commands(self) -> "list[Command]":  # type: ignore[empty-body]
        """Commands of the command line."""

    @hookspec
    def owa_health_checks(self) -> "list[HealthCheck]":  # type: ignore[empty-body]
        """What looks whether all is well, for the dashboard."""

    @hookspec
    def owa_tests(self) -> "list[ModuleTest]":  # type: ignore[empty-body]
        """What tries whether the module's settings work."""
