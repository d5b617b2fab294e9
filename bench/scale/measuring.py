"""Times the same pages of two installations by turns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from pyramid.request import Request
from pyramid.response import Response
from pyramid.router import Router

from bench.scale.pages import Page
from bench.scale.small import ADMIN
from owa.accounts import logins
from owa.app import Installation
from owa.views.security import LOGIN_COOKIE

HERE = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:80"}
MOST = 1.5
FLOOR = 0.005
"""Seconds that are noise, however short a page takes."""

Times = list[float]


@dataclass(frozen=True, slots=True)
class Measured:
    """One page on both."""

    name: str
    small: Times
    great: Times
    problem: str = ""
    floor: float = FLOOR
    """Seconds that it may take longer in any case."""

    @property
    def ratio(self) -> float:
        return median(self.great) / median(self.small)

    @property
    def is_too_slow(self) -> bool:
        return self.ratio > MOST and median(self.great) - median(self.small) > self.floor


class Browser:
    """Logged in, in this process."""

    def __init__(self, router: Router, installation: Installation) -> None:
        self._router = router
        with installation.database.writing() as connection:
            began = logins.begin(connection, ADMIN, installation.clock.now(), "127.0.0.1", "a benchmark")
        request, response = Request.blank("/", HERE), Response()
        router.registry["owa"].cookies.set(request, LOGIN_COOKIE, began)
        request._process_response_callbacks(response)
        self._cookie = response.headers["Set-Cookie"].partition(";")[0]

    def get(self, page: Page) -> str:
        """Returns what is wrong with the answer; empty: nothing."""
        request = Request.blank(page.path, HERE, headers={"Cookie": self._cookie})
        answer = request.get_response(self._router)
        if answer.status_int != page.status:
            return f"answers {answer.status}"
        return "" if page.says in answer.text else f"does not say {page.says!r}"


def compare(
    name: str, do: Sequence[Callable[[], str]], rounds: int, clock: Callable[[], float], floor: float
) -> Measured:
    """The small one's and the great one's: each once before it counts, then by turns. They return what is wrong."""
    small, great = do
    problem = small() or great()
    times: tuple[Times, Times] = [], []
    for _ in range(rounds):
        for ask, kept in zip((small, great), times, strict=True):
            began = clock()
            problem = ask() or problem
            kept.append(clock() - began)
    return Measured(name, *times, problem, floor)
