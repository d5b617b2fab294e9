"""A bug in a page gives a page that says so; what went wrong is in the log alone."""

import logging
import re

import pytest

from owa.assembly import Assembly
from owa.views.admin.modules import Modules
from owa.views.security import SecurityPolicy
from tests.web import Web

SECRET = "a secret <b>of the code</b>"


def fail(*_arguments: object) -> None:
    raise ZeroDivisionError(SECRET)


@pytest.mark.parametrize(
    ("holder", "name"),
    [(Assembly, "held"), (Modules, "_page"), (SecurityPolicy, "identity"), (SecurityPolicy, "permits")],
)
def test_the_page_has_the_number_of_the_log(
    web: Web, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, holder: type, name: str
) -> None:
    visitor = web.visitor("admin")
    monkeypatch.setattr(holder, name, fail)
    with caplog.at_level(logging.ERROR):
        answer = visitor.get("/admin/settings/modules", status=500)
    (number,) = re.findall(r"under the number ([0-9a-f]{8})", answer.text)
    (record,) = [record for record in caplog.records if number in record.getMessage()]
    assert "ZeroDivisionError" in record.getMessage()
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "Content-Security-Policy" in answer.headers


def test_what_is_expected_is_no_error(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        web.visitor("admin").get("/nothing", status=404)
        web.visitor().get("/admin/settings/modules", status=303)
        web.visitor("viewer").get("/admin/settings/modules", status=403)
    assert not caplog.records
