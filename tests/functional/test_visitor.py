"""The tests' own client of the admin's pages."""

from tests.admin import Visitor, add_user
from tests.html_forms import form_of
from tests.servers import SITE_ID, Installation

PAGE = """<form><input name=csrf_token value=t><button name=end value=x>End</button></form>
<form><input name=a value="&lt;1&gt;"><input type=checkbox name=b value=on><input type=checkbox name=c value=on checked>
<select name=d><option value=1>1<option value=2 selected>2</select><select name=e><option value=1>1</select>
<textarea name=f>
x &amp; y</textarea><input name=g value=no disabled></form>"""


def test_a_form_sends_what_a_browser_sends() -> None:
    assert form_of(PAGE, "a") == {"a": "<1>", "c": "on", "d": "2", "e": "1", "f": "x & y"}
    assert form_of(PAGE, "b") == form_of(PAGE, "a")
    assert form_of(PAGE, "end") == {"csrf_token": "t"}


def test_users_log_in_and_out(queueing: Installation) -> None:
    add_user(queueing, "vera", "viewer", [SITE_ID])
    with queueing.serve() as server:
        admin, vera = Visitor(server).log_in(), Visitor(server).log_in("vera")
        assert ">vera</a>" in vera.page("/admin/account")
        assert admin.get("/admin/audit").status == 200
        assert vera.get("/admin/audit").status == 403
        assert "Log in" in admin.send("/logout", {})
        assert admin.get("/admin/audit").status == 303
