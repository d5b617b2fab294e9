"""Servers that send their events here: how each is, the keys that they sign with, and forgetting one."""

import secrets
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from owa.accounts import audit
from owa.accounts.roles import Capability
from owa.db import senders
from owa.db.configuration import store_settings
from owa.exchange.settings import RECEIVING, REMOTE_QUEUE_KEY, REMOTE_QUEUE_OLD_KEY
from owa.settings import Layer
from owa.views.flash import flash
from owa.views.forms.form import Form
from owa.views.forms.saving import current_form, save, saved
from owa.views.security import actor_of
from owa.views.servers import sender_problems

_KEY_BYTES = 32


@view_defaults(route_name="senders", renderer="admin/senders.jinja2", permission=Capability.EDIT_SETTINGS, http_cache=0)
class Senders:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._installation = request.registry["owa"].installation

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        return self._page(current_form(self._request, RECEIVING))

    @view_config(request_method="POST")
    def save(self) -> dict[str, Any] | Response:
        form = save(self._request, RECEIVING, "Senders")
        if form.problems:
            self._request.response.status_int = 400
            return self._page(form)
        return self._back(saved(form))

    @view_config(request_method="POST", request_param="act=make-key")
    def make_key(self) -> dict[str, Any] | Response:
        """The key is shown on the answer itself, once: it is kept in no cookie."""
        settings = self._installation.configuration.current().settings
        if settings.layer(REMOTE_QUEUE_KEY) in (Layer.ENVIRONMENT, Layer.INI):
            return self._back("The key is set in the environment or the ini file: change it there.")
        key = secrets.token_urlsafe(_KEY_BYTES)
        with self._installation.database.writing() as connection:
            store_settings(
                connection, {REMOTE_QUEUE_KEY.name: key, REMOTE_QUEUE_OLD_KEY.name: settings[REMOTE_QUEUE_KEY] or None}
            )
            now = self._installation.clock.now()
            audit.record(connection, actor_of(self._request), now, "make key", "Senders", {}, {"key": "(secret)"})
        self._installation.configuration.signal_change()
        return self._page(current_form(self._request, RECEIVING), key)

    @view_config(request_method="POST", request_param="act=forget")
    def forget(self) -> Response:
        name = self._request.POST.get("name", "")
        with self._installation.database.writing() as connection:
            sender = senders.forget_sender(connection, name)
            if sender:
                before = {"host": sender.host, "server": str(sender.server)}
                now = self._installation.clock.now()
                audit.record(connection, actor_of(self._request), now, "forget sender", name, before, {})
        return self._back(f"{sender.host or name} is forgotten." if sender else "There is no such sender.")

    def _back(self, message: str) -> Response:
        flash(self._request, message)
        return HTTPSeeOther(self._request.route_path("senders"))

    def _page(self, form: Form, key: str = "") -> dict[str, Any]:
        configuration = self._installation.configuration.current()
        now = self._installation.clock.now()
        with self._installation.database.reading() as connection:
            found = senders.senders(connection)
        return {
            "form": form,
            "key": key,
            "has_key": bool(configuration.settings[REMOTE_QUEUE_KEY]),
            "senders": [(sender, sender_problems(sender, now)) for sender in found],
            "now": now,
            "url": self._request.application_url + "/queue.php",
        }
