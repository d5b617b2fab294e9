"""Stores what a form changed: all of it or nothing, with an entry of the audit trail."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pyramid.request import Request

from owa.accounts import audit
from owa.configuration import ConfigurationKeeper
from owa.db.configuration import read, store_settings
from owa.settings import Setting
from owa.switching import unserved
from owa.views.forms.form import Form, form_of
from owa.views.security import actor_of

if TYPE_CHECKING:
    from owa.app import Installation


def current_form(request: Request, settings: Iterable[Setting[Any]]) -> Form:
    """The form, with what is stored by now: another process may have changed it a moment ago."""
    return _current(request.registry["owa"].installation.configuration, settings)


def save(request: Request, settings: Iterable[Setting[Any]], subject: str) -> Form:
    """Take in the form that was sent; `subject` is what the audit trail calls it.

    A form with problems is to be shown again; nothing of it was stored. The other processes of this machine are told
    at once, those of other machines notice within a second.
    """
    installation = request.registry["owa"].installation
    with installation.database.writing() as connection:
        form = _current(installation.configuration, settings).filled(request.POST.items())
        form = _checked(installation, form, read(connection).settings)
        if form.problems or not form.changes:
            return form
        store_settings(connection, form.changes)
        now = installation.clock.now()
        audit.record(connection, actor_of(request), now, "change settings", subject, form.before, form.after)
    installation.configuration.signal_change()
    return form


def _checked(installation: "Installation", form: Form, stored: Mapping[str, str]) -> Form:
    """With a problem where a module would not be called any more without which nobody serves a queue."""
    needed = next((field.setting.name for field in form.changed if field.setting.required), "")
    if form.problems or not needed:
        return form
    wanted = {name: text for name, text in {**stored, **form.changes}.items() if text is not None}
    after = installation.configuration.judge(installation.registry, wanted)
    queue = unserved(after)
    return form.with_problem(needed, f"is needed: no other module serves the queue {queue}") if queue else form


def saved(form: Form) -> str:
    """A sentence on what was stored, for the next page."""
    if not form.changed:
        return "Nothing was changed."
    labels = ", ".join(field.setting.label for field in form.changed)
    waiting = ", ".join(field.setting.label for field in form.changed if field.setting.restart)
    return f"Saved: {labels}." + (f" Counts after a restart of OWA's processes: {waiting}." if waiting else "")


def _current(configuration: ConfigurationKeeper, settings: Iterable[Setting[Any]]) -> Form:
    configuration.refresh()
    return form_of(settings, configuration.current().settings)
