"""The users page, one's account, the audit trail and `cmd=change-password`, over HTTP."""

import json
import re
from urllib.parse import urlencode

import pytest

from tests.admin import Visitor
from tests.servers import DOMAIN, PASSWORD, SITE_ID, Install, Installation, Server

USERS = "/admin/settings/users"


@pytest.fixture
def installation(install: Install) -> Installation:
    return install(OWA_SCHEDULER="0")


def edit(user_id: str) -> str:
    return f"{USERS}/edit?" + urlencode({"user_id": user_id})


def test_a_user_is_added_changed_and_removed(admin: Visitor, server: Server) -> None:
    bob = {"user_id": "bob", "role": "viewer", "real_name": "Bob", "email_address": "bob@example.org", "site": SITE_ID}
    assert admin.post(USERS, bob | {"password": PASSWORD}).status == 303
    page = admin.text(USERS)
    for shown in ("bob was added.", ">bob</a>", "Bob", "bob@example.org", DOMAIN, "never"):
        assert shown in page
    browser = Visitor(server).log_in("bob")
    assert browser.get(USERS).status == 403
    assert browser.get("/admin").headers["Location"].endswith("/admin/queues")
    assert "never" not in admin.text(USERS)

    assert f'value="{SITE_ID}" checked' in admin.text(edit("bob"))
    change = {"action": "change", "role": "viewer", "real_name": "Robert", "email_address": ""}
    assert admin.post(edit("bob"), change).status == 303
    assert f'value="{SITE_ID}" checked' not in admin.text(edit("bob"))
    assert browser.get("/admin/account").status == 200, "his role is the same"
    assert admin.post(edit("bob"), change | {"role": "admin"}).status == 303
    assert browser.get("/admin/account").status == 303, "his login has ended"

    browser.log_in("bob")
    assert browser.get(USERS).status == 200
    assert admin.post(edit("bob"), {"action": "remove"}).status == 303
    assert browser.get(USERS).status == 303
    assert browser.send_login("bob").status == 403
    assert admin.get(edit("bob")).status == 404

    trail = admin.text("/admin/audit")
    for shown in ("add user: bob", "change user: bob", "remove user: bob", "real name: Robert", "role: admin"):
        assert shown in trail
    assert PASSWORD not in trail


def test_a_random_password_is_shown_once(admin: Visitor, server: Server) -> None:
    answers = [admin.post(USERS, {"user_id": "bob", "role": "viewer"})]
    answers += [admin.post(edit("bob"), {"action": "password"})]
    for answer in answers:
        assert answer.status == 200
        found = re.search(r"<code>([\w-]{16})</code>", answer.body.decode())
        assert found
        assert found[1] not in str(admin.cookies) + admin.text(USERS) + admin.text("/admin/audit")
        password = found[1]
    Visitor(server).log_in("bob", password)


def test_a_new_password_or_an_order_ends_the_logins_of_the_user(admin: Visitor, server: Server) -> None:
    admin.post(USERS, {"user_id": "bob", "role": "viewer", "password": PASSWORD})
    browser = Visitor(server)
    for form in ({"action": "password", "password": "another horse"}, {"action": "end"}):
        browser.log_in("bob")
        assert browser.get("/admin/account").status == 200
        assert admin.post(edit("bob"), form).status == 303
        assert browser.get("/admin/account").status == 303
        admin.post(edit("bob"), {"action": "password", "password": PASSWORD})


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"user_id": ""}, "A user needs a name"),
        ({"user_id": "admin"}, "There is a user admin already."),
        ({"user_id": "command line"}, "audit trail"),
        ({"user_id": "a\nb"}, "visible characters"),
        ({"role": "root"}, "There is no role root"),
        ({"password": "short"}, "8 to 1000 characters"),
        ({"real_name": "x" * 256}, "255 characters"),
    ],
)
def test_what_will_not_do_is_told_and_the_form_keeps_what_was_typed(
    admin: Visitor, form: dict[str, str], problem: str
) -> None:
    answer = admin.post(USERS, {"user_id": "bob", "role": "analyst", "email_address": "b@example.org"} | form)
    assert answer.status == 400
    assert problem in answer.body.decode()
    assert b'value="b@example.org"' in answer.body
    assert form.get("password", "nothing") not in answer.body.decode()


def test_the_last_admin_stays_and_nobody_removes_himself(admin: Visitor) -> None:
    refused = admin.post(edit("admin"), {"action": "change", "role": "viewer"})
    assert (refused.status, b"only admin" in refused.body) == (400, True)
    removed = admin.post(edit("admin"), {"action": "remove"})
    assert (removed.status, b"cannot remove yourself" in removed.body) == (400, True)
    assert admin.get(USERS).status == 200


def test_ones_own_password_is_not_set_without_the_old_one(admin: Visitor, server: Server) -> None:
    """Who finds an open browser must not take over the account."""
    answer = admin.post(edit("admin"), {"action": "password", "password": "another horse"})
    assert answer.headers["Location"].endswith("/admin/account")
    assert Visitor(server).send_login(password="another horse").status == 403


def test_a_long_name_in_any_script_can_be_worked_with(admin: Visitor, server: Server) -> None:
    name = "Ünï/код?&=#🐎" * 19
    assert admin.post(USERS, {"user_id": name, "role": "viewer", "password": PASSWORD}).status == 303
    assert name in admin.text(USERS)
    assert admin.post(edit(name), {"action": "end"}).status == 303
    Visitor(server).log_in(name)


def test_the_audit_trail_is_read_page_by_page(admin: Visitor) -> None:
    for _ in range(60):
        assert admin.post("/admin/account", {"action": "end"}).status == 303
    first = admin.text("/admin/audit")
    older = re.search(r'href="(/admin/audit\?before=\d+)"', first)
    assert older
    second = admin.text(older[1])
    assert (first.count("end logins: admin"), "add user: admin" in first) == (50, False)
    assert "add user: admin" in second
    assert "Older changes" not in second


# Commands


def test_change_password(installation: Installation, admin: Visitor, server: Server) -> None:
    changed = installation.cli("cmd=change-password", "user_id=admin")
    assert (changed.status, changed.err) == (0, "")
    found = re.search(r"password (\S+) \(shown only this once\)", changed.out)
    assert found
    assert admin.get(USERS).status == 303
    assert admin.send_login().status == 403
    admin.log_in(password=found[1])
    assert "command line" in admin.text("/admin/audit")
    assert "change password: admin" in admin.text("/admin/audit")
    in_json = installation.cli("cmd=change-password", "user_id=admin", "format=json").json
    admin.log_in(password=in_json["password"])


def test_change_password_to_a_given_one_is_silent(installation: Installation) -> None:
    words = ("cmd=change-password", "user_id=admin", "password=another horse")
    assert installation.cli(*words).out == ""
    assert "new password" in installation.cli(*words, "verbose=1").out
    assert installation.cli(*words, "format=json").json == {"user_id": "admin"}


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("", "user_id=admin"),
        ("user_id=admn", "did you mean admin?"),
        ("user_id=admin password=short", "8 to 1000 characters"),
    ],
)
def test_change_password_used_wrongly(installation: Installation, words: str, hint: str) -> None:
    wrong = installation.cli("cmd=change-password", *words.split())
    assert (wrong.status, wrong.out) == (2, "")
    assert hint in wrong.err


def test_commands_that_change_the_configuration_are_in_the_trail(installation: Installation) -> None:
    for _ in range(2):  # the second time nothing changes
        installation.cli("cmd=add-site", "domain=https://example.org", "name=Example")
        installation.cli("cmd=install")
    installation.cli("cmd=generate-traffic", "events=3")
    found = [
        (row["action"], row["subject"], json.loads(row["before"]), json.loads(row["after"]))
        for row in installation.rows("owa_audit")
        if row["user_id"] == "command line"
    ]
    admin = {"role": "admin", "real name": "admin", "e-mail address": "", "sites": []}
    assert found == [
        ("add user", "admin", {}, admin),
        ("change setting", "base.queue_events", {}, {"value": "true"}),
        ("add site", SITE_ID, {}, {"domain": DOMAIN, "name": DOMAIN}),
        ("add site", "5564fd6a95028f02e52b38bb1743c816", {}, {"domain": "https://example.org", "name": "Example"}),
    ]
