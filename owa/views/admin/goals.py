"""The goals of one site: a list, a form to add or change one, and a field to try which ones a page reaches."""

from dataclasses import replace
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.request import Request
from pyramid.response import Response
from pyramid.view import view_config, view_defaults
from sqlalchemy import Connection

from owa.accounts import audit
from owa.accounts.roles import Capability
from owa.analytics.goal_patterns import page_uri
from owa.analytics.goals import MOST, SETTING, Goal, dump, is_damaged, parse, reached
from owa.analytics.settings import QUERY_STRING_FILTERS
from owa.contributions import Site
from owa.db import configuration as stored
from owa.db.configuration import StoredSite
from owa.views.admin.goal_fields import (
    PATTERN,
    amount,
    checked,
    fingerprint,
    goal_form,
    goal_of,
    in_words,
    match_in_words,
    touched,
)
from owa.views.admin.site import seen_site
from owa.views.flash import flash
from owa.views.forms.form import Form
from owa.views.security import actor_of

CHANGED_MEANWHILE = (
    "Nothing was saved: somebody else has changed this in the meantime. The page shows it as it is now, with what you "
    "typed in the form. Look at it, then save again."
)


@view_defaults(route_name="goals", renderer="admin/goals.jinja2", http_cache=0)
class Goals:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._installation = request.registry["owa"].installation
        self._ignored: tuple[str, ...] = self._installation.configuration.current().settings[QUERY_STRING_FILTERS]

    @view_config(request_method="GET", permission=Capability.VIEW_SITE_LIST)
    def show(self) -> dict[str, Any]:
        with self._installation.database.reading() as connection:
            site = seen_site(self._request, connection)
        return self._page(site, goal_form(self._chosen(_goals(site))))

    @view_config(request_method="POST", permission=Capability.EDIT_SITES)
    def save(self) -> dict[str, Any] | Response:
        with self._installation.database.writing() as connection:
            site = seen_site(self._request, connection)
            goals = _goals(site)
            old = self._chosen(goals)
            sent = self._request.POST.items()
            form = goal_form(old).filled(touched(sent) if old else sent)
            form = checked(form, _bare(site), self._ignored)
            if problem := self._problem(goals, old):
                return self._refused(site, form, problem, 409)
            if form.problems:
                return self._refused(site, form, "", 400)
            new = goal_of(form, old.number if old else _free_number(goals), _bare(site), self._ignored)
            if new != old:
                self._store(connection, site, old, new)
        return self._done(_saved(old, new, form.texts[PATTERN.name]))

    @view_config(request_method="POST", request_param="act=remove", permission=Capability.EDIT_SITES)
    def remove(self) -> dict[str, Any] | Response:
        with self._installation.database.writing() as connection:
            site = seen_site(self._request, connection)
            goals = _goals(site)
            old = self._chosen(goals)
            if problem := self._problem(goals, old):
                return self._refused(site, goal_form(old), problem, 409)
            if old:
                self._store(connection, site, old, None)
        return self._done(f"Goal {old.number} was removed." if old else "There is no such goal.")

    def _chosen(self, goals: tuple[Goal, ...]) -> Goal | None:
        """The goal that the address of the page names."""
        number = self._request.GET.get("goal", "")
        return next((goal for goal in goals if str(goal.number) == number), None)

    def _problem(self, goals: tuple[Goal, ...], old: Goal | None) -> str:
        """Why what was sent cannot be done, other than by its fields: mostly since it was made from an older page."""
        shown = self._request.POST.get("shown", "")
        if shown != fingerprint((old,) if old else goals) or (old is None and self._request.GET.get("goal")):
            return CHANGED_MEANWHILE
        return f"All {MOST} goals are taken: change or remove one." if not old and len(goals) == MOST else ""

    def _store(self, connection: Connection, site: StoredSite, old: Goal | None, new: Goal | None) -> None:
        text = dump([*(goal for goal in _goals(site) if goal != old), *([new] if new else [])])
        kept = {name: value for name, value in site.settings.items() if name != SETTING}
        stored.change_site(connection, replace(site, settings=kept | ({SETTING: text} if text else {})))
        goal = new or old
        name = f"goal {goal.number}" if goal else ""
        before, after = ({name: in_words(old)} if old else {}), ({name: in_words(new)} if new else {})
        now = self._installation.clock.now()
        audit.record(connection, actor_of(self._request), now, "change goals", site.domain, before, after)

    def _done(self, message: str) -> Response:
        self._installation.configuration.signal_change()
        flash(self._request, message)
        # Without an anchor of its own, the browser would go to that of the form.
        path = self._request.route_path("goals", site_id=self._request.matchdict["site_id"], _anchor="main")
        return HTTPSeeOther(path)

    def _refused(self, site: StoredSite, form: Form, problem: str, status: int) -> dict[str, Any]:
        self._request.response.status_int = status
        return self._page(site, form, problem)

    def _page(self, site: StoredSite, form: Form, problem: str = "") -> dict[str, Any]:
        goals = _goals(site)
        chosen = self._chosen(goals)
        return {
            "site": site,
            "goals": [(goal, match_in_words(goal), amount(goal.value), fingerprint((goal,))) for goal in goals],
            "is_damaged": is_damaged(site.settings.get(SETTING, "")),
            "most": MOST,
            "chosen": chosen,
            "form": form,
            "shown": fingerprint((chosen,) if chosen else goals),
            "problem": problem,
            "may_edit": self._request.identity.user.may(Capability.EDIT_SITES),
            **self._trial(site, goals),
        }

    def _trial(self, site: StoredSite, goals: tuple[Goal, ...]) -> dict[str, Any]:
        """What the field "Try an address" tells: which goals a page reaches, and how its address is compared."""
        typed = self._request.GET.get("address", "").strip()
        if not typed:
            return {"typed": "", "uri": "", "reached": [], "trial_problem": ""}
        try:
            uri = page_uri(typed, _bare(site), self._ignored)
        except ValueError as error:
            return {"typed": typed, "uri": "", "reached": [], "trial_problem": str(error)}
        mask = reached(goals, uri)
        found = [goal for goal in goals if mask >> goal.number - 1 & 1]
        return {"typed": typed, "uri": uri, "reached": found, "trial_problem": ""}


def _goals(site: StoredSite) -> tuple[Goal, ...]:
    return parse(site.settings.get(SETTING, ""))


def _bare(site: StoredSite) -> Site:
    """As processing knows it."""
    return Site(site.site_id, site.domain, site.settings)


def _free_number(goals: tuple[Goal, ...]) -> int:
    taken = {goal.number for goal in goals}
    return next(number for number in range(1, MOST + 1) if number not in taken)


def _saved(old: Goal | None, new: Goal, typed: str) -> str:
    if new == old:
        return "Nothing was changed."
    kept = f" Its pattern is kept as {new.pattern}" if new.pattern != typed else ""
    return f"Goal {new.number} is saved, and counts from the next event on.{kept}"
