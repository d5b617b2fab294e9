"""Sites: who sees which, adding and changing one, and its tag."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from typing import Any

import pytest

from owa.db.configuration import site_id_of
from tests.admin import Visitor, add_user
from tests.servers import DOMAIN, SITE_ID, Install, Installation, Server, page_view

PAGE = "/admin/settings/sites"
SITE = f"{PAGE}/{SITE_ID}"
XSS = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def installation(install: Install) -> Installation:
    return install(OWA_QUEUE_EVENTS="0", OWA_SCHEDULER="0")


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[Server]:
    with installation.serve() as server:
        yield server


def site(installation: Installation, domain: str) -> dict[str, Any]:
    (row,) = installation.query("SELECT * FROM owa_site WHERE domain = ?", domain)
    return row


def change(admin: Visitor, **fields: str) -> str:
    return admin.send(SITE, admin.form(SITE, "site.name") | {f"site.{name}": text for name, text in fields.items()})


def test_a_new_site_is_taken_at_once_and_shows_its_tag(
    admin: Visitor, server: Server, installation: Installation
) -> None:
    domain = "https://New.example.org/shop"
    fields = admin.form(PAGE, "site.domain") | {"site.domain": f" {domain} ", "site.name": "The shop"}
    page = unescape(admin.send(PAGE, fields))
    assert "The shop" in page
    assert f'var owa_baseUrl = "http://127.0.0.1:{server.port}/";' in page
    assert f"['setSiteId', \"{site_id_of(domain)}\"]" in page
    server.track(event := page_view(site_id=site_id_of(domain)))
    assert installation.request_of(event) is not None
    assert site(installation, domain)["name"] == "The shop"
    assert installation.rows("owa_audit")[-1]["action"] == "add site"
    assert f"{PAGE}/{site_id_of(domain)}" in admin.page(PAGE)


@pytest.mark.parametrize(
    ("domain", "wanted"),
    [
        ("", "wants the address of a site"),
        ("example.org", "wants the address of a site"),
        ("ftp://example.org", "wants the address of a site"),
        ("javascript:alert(1)", "wants the address of a site"),
        ("https://", "wants the address of a site"),
        ("https://a b", "wants the address of a site"),
        ("https://me:secret@example.org", "wants the address of a site"),
        ("https://example.org:99999", "wants the address of a site"),
        ("https://[::1", "wants the address of a site"),
        (f"https://{XSS}", "wants the address of a site"),
        ("https://" + "x" * 300, "wants the address of a site"),
        (DOMAIN, "is registered already"),
    ],
)
def test_a_bad_domain_is_refused_at_its_field(
    admin: Visitor, installation: Installation, domain: str, wanted: str
) -> None:
    before = installation.rows("owa_site")
    fields = admin.form(PAGE, "site.domain") | {"site.domain": domain, "site.description": "kept"}
    answer = admin.post(PAGE, fields)
    page = answer.body.decode()
    assert answer.status == 400
    assert wanted in page.split('id="site.domain-problem"')[1].split("</p>")[0]
    assert XSS not in page
    assert unescape(page).count(f'value="{domain}"') >= 1
    assert 'value="kept"' in page
    assert installation.rows("owa_site") == before


def test_a_change_is_stored_noted_and_counts(admin: Visitor, server: Server, installation: Installation) -> None:
    page = change(admin, name="Mine", query_string_filters="sid\r\ntoken", default_page="index.html", description="My")
    assert "Mine" in page
    row = site(installation, DOMAIN)
    assert (row["name"], row["description"]) == ("Mine", "My")
    assert json.loads(row["settings"]) == {
        "query_string_filters": "sid,token",
        "default_page": "index.html",
    }
    change_made = installation.rows("owa_audit")[-1]
    assert (change_made["action"], change_made["subject"]) == ("change site", DOMAIN)
    assert json.loads(change_made["after"])["site.name"] == "Mine"
    server.track(event := page_view(page_url="http://example.org/a/index.html?sid=1&b=2&token=3"))
    document = installation.request_of(event)
    assert document is not None
    (found,) = installation.query("SELECT url FROM owa_document WHERE id = ?", document["document_id"])
    assert found["url"] == "http://example.org/a/?b=2"
    assert admin.form(SITE, "site.name")["site.query_string_filters"] == "sid\ntoken"
    assert "Nothing was changed." in change(admin)
    change(admin, name="", query_string_filters="", default_page="")
    row = site(installation, DOMAIN)
    assert (row["name"], row["settings"]) == (DOMAIN, b"{}")


def test_the_domain_does_not_change(admin: Visitor, installation: Installation) -> None:
    change(admin, domain="https://other.example.org", name="Same")
    assert site(installation, DOMAIN)["name"] == "Same"


def test_others_see_their_own_sites_and_change_none(admin: Visitor, server: Server, installation: Installation) -> None:
    admin.send(PAGE, {"site.domain": "https://theirs.example.org"})
    add_user(installation, "vera", "viewer", [SITE_ID])
    vera = Visitor(server).log_in("vera")
    page = vera.page(PAGE)
    assert SITE_ID in page
    assert "theirs" not in page
    assert "Add a site" not in page
    assert "setSiteId" in vera.page(SITE)
    assert 'name="site.name"' not in vera.page(SITE)
    assert vera.get(f"{PAGE}/{site_id_of('https://theirs.example.org')}").status == 404
    for path in (PAGE, SITE):
        assert vera.post(path, {"site.domain": "https://hers.example.org", "site.name": "Hers"}).status == 403
    assert "hers.example.org" not in admin.page(PAGE)


def test_who_was_given_no_site_is_told_what_to_do(server: Server, installation: Installation) -> None:
    add_user(installation, "nemo", "analyst")
    assert "given no site" in Visitor(server).log_in("nemo").page(PAGE)


@pytest.mark.parametrize("site_id", ["0" * 32, "..%2f..%2fetc", "%00", "%ff", "'%20OR%201=1"])
def test_an_unknown_site_is_not_found(admin: Visitor, site_id: str) -> None:
    assert admin.get(f"{PAGE}/{site_id}").status in (400, 404)


def test_stored_text_is_escaped(admin: Visitor, installation: Installation) -> None:
    change(admin, name=XSS, description=XSS, query_string_filters=XSS, default_page=XSS)
    installation.cli("cmd=add-site", f"domain=https://{XSS}")
    for path in (PAGE, SITE, f"{PAGE}/{site_id_of(f'https://{XSS}')}", "/admin/audit"):
        page = admin.page(path)
        assert XSS not in page
        assert "&lt;script&gt;" in page


def test_without_a_site_the_page_says_what_to_do(install: Install) -> None:
    installation = install()
    with closing(sqlite3.connect(installation.database)) as connection, connection:
        connection.execute("DELETE FROM owa_site")
    with installation.serve() as server:
        assert "Add the first one below." in Visitor(server).log_in().page(PAGE)
