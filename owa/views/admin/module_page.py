"""The pages that modules contribute. What one raises is held against its module, and explained."""

from collections.abc import Callable
from typing import Any

from pyramid.httpexceptions import HTTPForbidden, HTTPMethodNotAllowed, HTTPNotFound, HTTPSeeOther
from pyramid.renderers import render, render_to_response
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from owa.accounts import audit
from owa.accounts.roles import Capability
from owa.admin_contributions import AdminPage, PageContent, PageContext
from owa.errors import DatabaseUnavailable, ModuleFailed, OwaError, UsageError
from owa.views.flash import flash
from owa.views.security import actor_of

CONFLICT, FAILED = 409, 500


@view_defaults(route_name="module_page", permission=Capability.VIEW_SITE_LIST, http_cache=0)
class ModulePage:
    """Which everybody who is logged in may ask for. Each page says itself who may see it."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._installation = request.registry["owa"].installation
        self._module = request.matchdict["module"]
        self._page = self._find()

    @view_config(request_method="GET")
    def show(self) -> Response:
        return self._shown()

    @view_config(request_method="POST")
    def act(self) -> Response:
        if self._page.act is None:
            raise HTTPMethodNotAllowed(f"The page {self._page.title} takes no forms.")
        fields = {name: value for name, value in self._request.POST.items() if isinstance(value, str)}
        try:
            told = self._isolated(_sentence, self._page.act, self._context(), fields)
        except UsageError as error:
            return self._shown(str(error))
        except DatabaseUnavailable:
            raise
        except OwaError as error:
            return self._failed(error)
        flash(self._request, told)
        return HTTPSeeOther(self._request.path)

    def _shown(self, problem: str = "") -> Response:
        try:
            html = self._isolated(self._render, self._context(), problem)
        except DatabaseUnavailable:
            raise
        except OwaError as error:
            return self._failed(error)
        return Response(html, status=CONFLICT if problem else 200)

    def _render(self, context: PageContext, problem: str) -> str:
        content = self._page.render(context)
        if not isinstance(content, PageContent):
            raise TypeError(f"A page returns a PageContent, not {type(content).__name__}.")
        values = {"title": self._page.title, "problem": problem, **content.values}
        path = self._installation.registry.modules[self._module].found.path
        html: str = render(f"{path}:templates/{content.template}", values, self._request)
        return html

    def _failed(self, error: OwaError) -> Response:
        values = {"title": self._page.title, "problem": str(error), "is_bug": isinstance(error, ModuleFailed)}
        response = render_to_response("admin/module_failed.jinja2", values, self._request)
        response.status_int = FAILED
        return response

    def _isolated(self, call: Callable[..., str], *arguments: Any) -> str:
        what = f"page {self._page.slug}"
        told: str = self._installation.isolation.run(self._module, what, call, *arguments)
        return told

    def _context(self) -> PageContext:
        given = self._installation.contexts.module()
        user = self._request.identity.user
        actor, now = actor_of(self._request), self._installation.clock.now()

        def note(connection: Any, action: str, subject: str, before: Any = None, after: Any = None) -> None:
            audit.record(connection, actor, now, action, f"{self._module}: {subject}", before, after)

        return PageContext(
            given.settings,
            given.database,
            given.clock,
            given.folder,
            given.generation,
            user_id=user.user_id,
            query=dict(self._request.GET),
            sees=user.sees,
            note=note,
        )

    def _find(self) -> AdminPage:
        slug = self._request.matchdict["slug"]
        for module, page in self._installation.registry.pages:
            if (module, page.slug) == (self._module, slug):
                if not self._request.identity.may(page.permission):
                    raise HTTPForbidden(f"{self._request.identity.user.user_id} may not see this page.")
                found: AdminPage = page
                return found
        raise HTTPNotFound


def _sentence(act: Callable[..., str], context: PageContext, fields: dict[str, str]) -> str:
    told = act(context, fields)
    if not isinstance(told, str):
        raise TypeError(f"A page's form ends with a sentence, not {type(told).__name__}.")
    return told
