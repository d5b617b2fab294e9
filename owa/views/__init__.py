"""The web application: the tracking endpoint, and the admin's window on everything."""

import logging
import os
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pyramid.config import Configurator
from pyramid.events import NewResponse
from pyramid.exceptions import URLDecodeError
from pyramid.httpexceptions import HTTPBadRequest, HTTPError, HTTPInternalServerError
from pyramid.renderers import render_to_response
from pyramid.response import Response
from pyramid.router import Router

from owa.accounts.authentication import Gate
from owa.accounts.roles import Capability
from owa.delivery.deliveries import Deliveries
from owa.diagnosis import Scene, diagnose
from owa.diagnosis.watch import Watch
from owa.exchange.settings import SERVER_NUMBER
from owa.monitoring.metrics import Metrics
from owa.presence import Presence
from owa.processing.act_on_all import ActOnAll
from owa.processing.settings import DRAIN_INTERVAL, SCHEDULER
from owa.processors import PIN_WORKERS, pin_to_processor, unpin
from owa.scheduler import leaderships, schedule
from owa.scheduler.at_work import AtWork
from owa.scheduler.contributed import contributed_jobs
from owa.scheduler.jobs import Job, Jobs
from owa.scheduler.leadership import Leadership
from owa.scheduler.now import RunNow
from owa.scheduler.once import DrainOnce, VerifyOnce
from owa.scheduler.scheduler import Scheduler
from owa.scheduler.wishing import Wishing
from owa.settings import Network, Settings
from owa.tracking.collector import Collector
from owa.tracking.guids import Guids
from owa.tracking.receiver import Receiver
from owa.tracking.refine import Refinement
from owa.tracking.settings import TRUSTED_PROXIES
from owa.views import tracker
from owa.views.address import believe_proxy
from owa.views.errors import log_unexpected
from owa.views.filters import FILTERS, time_zones
from owa.views.flash import take_flash
from owa.views.headers import TRACKING_PATH, secure, secure_answer
from owa.views.limits import refusal
from owa.views.security import Cookies, FormTokens, SecurityPolicy

if TYPE_CHECKING:
    from owa.app import Installation

logger = logging.getLogger(__name__)

Environ = dict[str, Any]

RECEIVING_PATH = "/queue.php"

SETTINGS: dict[str, Any] = {
    "pyramid.default_locale_name": "en",
    "jinja2.filters": FILTERS,
    "jinja2.globals": {"time_zones": time_zones},
}


def make_wsgi_app(installation: "Installation") -> Router:
    """The application, its background threads running. The router's registry holds both under `owa`."""
    application = Application(installation)
    with Configurator(settings=SETTINGS) as config:
        config.registry["owa"] = application
        config.include("pyramid_jinja2")
        config.add_jinja2_search_path("owa:templates")
        config.add_static_view("static", "owa:static", cache_max_age=3600)
        config.add_route("blank", "/blank.php")
        config.add_route("tracker", tracker.PATHS[0])
        config.add_route("old_tracker", tracker.PATHS[1])
        config.add_route("start", "/")
        config.add_route("login", "/login")
        config.add_route("logout", "/logout")
        config.add_route("metrics", "/metrics")
        config.add_route("health", "/health")
        config.add_route("health_live", "/health/live")
        config.add_route("health_ready", "/health/ready")
        config.include("owa.views.admin")
        config.set_security_policy(SecurityPolicy(installation, application.cookies))
        config.set_default_permission(Capability.EDIT_SETTINGS)  # a page that says nothing is for admins
        config.set_default_csrf_options(require_csrf=True)
        config.set_csrf_storage_policy(FormTokens(application.cookies))
        config.add_request_method(take_flash, "take_flash")
        config.add_route("log", TRACKING_PATH)
        config.set_execution_policy(EventsFirst(application).answer)
        config.add_subscriber(secure_answer, NewResponse)
        config.scan("owa.views")
        application.start()
        return config.make_wsgi_app()


class Application:
    """One process's part of an installation: its collector and its background threads."""

    def __init__(self, installation: "Installation") -> None:
        configuration = installation.configuration
        settings = configuration.current().settings
        self.installation = installation
        self.started_at = installation.clock.now()
        self.cookies = Cookies(installation)
        self.gate = Gate(installation.database, installation.clock)
        self.guids = Guids(installation.data_dir / "slots", settings[SERVER_NUMBER], installation.clock)
        self.collector = Collector(
            installation.configuration.current,
            installation.configuration.find_site,
            installation.handlers.event_types,
            installation.incoming,
            installation.processor.store_now,
            self.guids,
            installation.clock,
            Refinement(
                lambda: configuration.registry, lambda: configuration.current().settings, installation.isolation
            ).refined,
        )
        self.receiver = Receiver(
            installation.configuration.current,
            installation.configuration.find_site,
            installation.handlers.event_types,
            installation.incoming,
            self.guids,
            installation.database,
            installation.clock,
        )
        self.drain_once = DrainOnce(lambda: self._jobs("dashboard"))
        self.watch = Watch(lambda: diagnose(self.scene()))
        self.metrics = Metrics(installation)
        self.verify_once = VerifyOnce(lambda: self._jobs("dashboard"))
        self.act_on_all = ActOnAll(installation.database, installation.retries, installation.clock)
        self._deliveries = Deliveries(installation)
        self._scheduler: Scheduler | None = None
        self._at_work = AtWork()
        self.run_now = RunNow(
            self.all_jobs, self._leadership, lambda: self._scheduler.at_work if self._scheduler else self._at_work
        )
        self.wishing = Wishing(installation.database, installation.clock, settings[SERVER_NUMBER], self.run_now)
        self._is_started = False
        presence = Presence(
            installation.database, installation.clock, settings[SERVER_NUMBER], installation.configuration
        )
        installation.configuration.subscribe(self._follow_jobs)
        installation.configuration.every_second(presence.note)
        installation.configuration.every_second(presence.remember)
        installation.configuration.every_second(self._tell_failures)
        installation.configuration.every_second(self._grant_wishes)
        os.register_at_fork(after_in_child=self._start_in_child)

    def trusted_proxies(self) -> tuple[Network, ...]:
        return self.installation.configuration.current().settings[TRUSTED_PROXIES]

    def scene(self, **asked: Any) -> Scene:
        """For a diagnosis by this process, now."""
        return self.installation.scene(self.guids.next, **asked)

    def start(self) -> None:
        """Start the threads that refresh the configuration and drain the queues."""
        installation = self.installation
        settings = installation.configuration.current().settings
        for notice in settings.notices:
            logger.warning("%s", notice)
        installation.configuration.start()
        self._is_started = True
        if settings[PIN_WORKERS]:
            pin_to_processor(self.guids.slot())
        if settings[SCHEDULER]:
            self._scheduler = self._schedule(settings)
            self._scheduler.start()
            self._follow_jobs()

    def all_jobs(self) -> list[Job]:
        """OWA's own, and those of modules that are on, as an admin runs them."""
        opened = self.installation
        interval = opened.configuration.current().settings[DRAIN_INTERVAL]
        runs = opened.runs("dashboard")
        theirs = contributed_jobs(opened.registry, opened.isolation, runs, opened.contexts.module)
        return [*self._jobs("dashboard").all(interval), *theirs]

    def _leadership(self, job: Job) -> tuple[Leadership, bool]:
        """That of this process's scheduler, if it has one; else a new one, to be given up."""
        own = self._scheduler.leadership_of(job) if self._scheduler else None
        opened = self.installation
        return (own, False) if own else (leaderships(opened.queue_dir, opened.database, opened.clock)(job), True)

    def _schedule(self, settings: Settings) -> Scheduler:
        opened = self.installation
        jobs = self._jobs("scheduler").all(settings[DRAIN_INTERVAL])
        return schedule(jobs, opened.queue_dir, opened.database, opened.clock)

    def _follow_jobs(self) -> None:
        opened = self.installation
        if self._scheduler:
            jobs = contributed_jobs(opened.registry, opened.isolation, opened.runs("scheduler"), opened.contexts.module)
            self._scheduler.follow(jobs)

    def _jobs(self, caller: str) -> Jobs:
        opened = self.installation
        return Jobs(
            opened.incoming,
            opened.retries,
            opened.processor,
            opened.database,
            opened.runs(caller),
            lambda: opened.configuration.current().settings,
            self._deliveries,
            opened.clock,
        )

    def _tell_failures(self) -> None:
        if self.installation.isolation.tell():
            self.installation.configuration.signal_change()

    def _grant_wishes(self) -> None:
        if self._scheduler:
            self.wishing.grant()

    def stop(self) -> None:
        """End the threads, and let go of the slot, files and connections."""
        self._is_started = False
        if self._scheduler:
            self._scheduler.stop()
        self._scheduler = None
        self.drain_once.stop()
        self.run_now.stop()
        self.verify_once.stop()
        self.act_on_all.stop()
        self._deliveries.stop()
        unpin()
        self.guids.close()
        self.installation.close()

    def _start_in_child(self) -> None:
        """Threads do not survive a fork: a server that forks after loading gets new ones in each child."""
        if self._is_started:
            self._deliveries = Deliveries(self.installation)
            self.start()


class EventsFirst:
    """A Pyramid execution policy that answers requests which bring events before a request object is made."""

    def __init__(self, application: Application) -> None:
        self._track = application.collector.quick
        self._receive = application.receiver
        self._proxies = application.trusted_proxies

    def answer(self, environ: Environ, router: Router) -> Any:
        """A WSGI application that gives it."""
        path = environ.get("PATH_INFO", "")
        if path == TRACKING_PATH:
            answer = self._track(environ)
            return answer.respond if answer else _invoked(environ, router)
        if path == RECEIVING_PATH:
            return self._receive(environ).respond
        believe_proxy(environ, self._proxies())
        refused = refusal(environ)
        return _styled(refused, environ, router) if refused else _invoked(environ, router)


def _invoked(environ: Environ, router: Router) -> Any:
    """The answer of the view."""
    try:
        with router.request_context(environ) as request:
            return router.invoke_request(request)
    except URLDecodeError:
        return _styled(HTTPBadRequest("The address is not UTF-8."), environ, router)
    except Exception as error:  # not even the page that says so could be made
        told = log_unexpected(error, f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '')}")
        return _secured(HTTPInternalServerError(told), environ)


def _styled(error: HTTPError, environ: Environ, router: Router) -> Response:
    """A page like all others on a request that is not looked at: nothing of it is used for that."""
    plain = {name: environ[name] for name in _SURROUNDING if name in environ}
    plain |= {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": "", "wsgi.input": BytesIO()}
    try:
        with router.request_context(plain) as request:
            values = {"title": error.title, "text": error.detail}
            response = render_to_response("owa:templates/error.jinja2", values, request)
    except Exception:
        logger.exception("There is no page for %s", error.status)
        return _secured(error, environ)
    response.status_int = error.status_int
    secure(response, "/")
    return response


_SURROUNDING = (
    *("SCRIPT_NAME", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "HTTP_HOST", "REMOTE_ADDR"),
    *("wsgi.version", "wsgi.url_scheme", "wsgi.errors", "wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"),
)
"""What a page needs to know: where it is served."""


def _secured(error: HTTPError, environ: Environ) -> HTTPError:
    secure(error, environ.get("PATH_INFO", ""))
    return error
