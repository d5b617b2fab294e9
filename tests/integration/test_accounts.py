"""Accounts, logins, the throttle and the audit trail, on both databases."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from sqlalchemy import Connection, func, insert, select

from owa.accounts import audit, changes, logins, passwords, throttle
from owa.accounts.audit import COMMAND_LINE, Actor
from owa.accounts.authentication import Gate, LoginRefused, Visitor
from owa.accounts.logins import IDLE, LONGEST
from owa.accounts.tables import AUDIT, LOGIN, LOGIN_FAILURE
from owa.accounts.users import User, all_users, existing_user, find_user, password_hash, store_password
from owa.clock import MICROSECONDS, FixedClock
from owa.db.configuration import add_site, site_id_of
from owa.db.engine import Database
from owa.db.migrate import upgrade
from owa.errors import UsageError
from tests.page_views import NOON
from tests.postgresql import NewUrl

HOME = Visitor("198.51.100.7", "Firefox")
PASSWORD = "correct horse"
ADA = Actor("ada", "198.51.100.7")


@dataclass
class Accounts:
    """A database with an admin (ada), a viewer (vic) and a site, all with one password."""

    database: Database
    clock: FixedClock
    gate: Gate

    def log_in(self, user_id: str = "ada", password: str = PASSWORD, visitor: Visitor = HOME) -> str:
        return self.gate.log_in(visitor, user_id, password)

    def refusal(self, user_id: str = "ada", password: str = "wrong", visitor: Visitor = HOME) -> LoginRefused:
        with pytest.raises(LoginRefused) as refused:
            self.gate.log_in(visitor, user_id, password)
        return refused.value

    def user_of(self, token: str) -> str | None:
        with self.database.reading() as connection:
            login = logins.find(connection, token, self.clock.now())
        return login.user_id if login else None

    def user(self, user_id: str) -> User:
        with self.database.reading() as connection:
            return existing_user(connection, user_id)

    def trail(self) -> list[audit.Change]:
        """The last one first."""
        with self.database.reading() as connection:
            return audit.latest(connection, 1_000)


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cheapest parameters that argon2 has: nothing here depends on how long a hash takes, and hundreds are made."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher.from_parameters(CHEAPEST))
    monkeypatch.setattr(passwords, "_nobodys", cache(passwords._nobodys.__wrapped__))


@pytest.fixture
def accounts(new_url: NewUrl) -> Iterator[Accounts]:
    database, clock = Database(new_url()), FixedClock(NOON)
    upgrade(database)
    with database.writing() as connection:
        add_site(connection, "http://shop.example")
        for user in (User("ada", "admin"), User("vic", "viewer")):
            changes.add(connection, COMMAND_LINE, user, PASSWORD, clock.now())
    yield Accounts(database, clock, Gate(database, clock))
    database.close()


# Logins


def test_a_login_is_found_by_its_token_only(accounts: Accounts) -> None:
    token = accounts.log_in()
    assert accounts.user_of(token) == "ada"
    with accounts.database.reading() as connection:
        (row,) = connection.execute(select(LOGIN)).mappings()
    assert token not in row.values()
    assert accounts.user_of(row["token_hash"]) is None
    assert accounts.user_of("") is None


def test_a_login_ends_when_it_is_not_used_and_after_two_weeks_anyhow(accounts: Accounts) -> None:
    token = accounts.log_in()
    for _ in range(LONGEST // IDLE):
        assert accounts.user_of(token)
        with accounts.database.writing() as connection:
            login = logins.find(connection, token, accounts.clock.now())
            assert login is not None
            logins.note_use(connection, login, accounts.clock.now())
        accounts.clock.move(IDLE)
    accounts.clock.move(1)
    assert accounts.user_of(token) is None
    other = accounts.log_in()
    accounts.clock.move(IDLE + 1)
    assert accounts.user_of(other) is None
    with accounts.database.writing() as connection:
        assert logins.forget(connection, accounts.clock.now()) == 2


def test_a_second_login_ends_the_one_that_it_replaces(accounts: Accounts) -> None:
    first = accounts.log_in()
    with accounts.database.reading() as connection:
        (login,) = logins.of_user(connection, "ada", NOON)
    accounts.gate.log_in(HOME, "ada", PASSWORD, login.key)
    assert accounts.user_of(first) is None


def test_the_last_login_is_remembered(accounts: Accounts) -> None:
    assert accounts.user("ada").last_login is None
    accounts.clock.move(5)
    accounts.log_in()
    assert accounts.user("ada").last_login == NOON + 5 * MICROSECONDS


def test_a_browser_that_says_odd_things_can_log_in(accounts: Accounts) -> None:
    assert accounts.log_in(visitor=Visitor("", "a\0b\xff" * 400))


# Passwords


def test_a_password_is_hashed_anew_when_the_parameters_have_changed(accounts: Accounts) -> None:
    with accounts.database.writing() as connection:
        store_password(connection, "ada", PasswordHasher(time_cost=1, memory_cost=8_192).hash(PASSWORD))
    token = accounts.log_in()
    with accounts.database.reading() as connection:
        stored = password_hash(connection, "ada")
    assert stored
    assert stored.startswith("$argon2id$")
    assert "m=8192" not in stored
    assert accounts.user_of(token) == "ada"
    assert accounts.log_in()
    with accounts.database.reading() as connection:
        assert password_hash(connection, "ada") == stored


def test_passwords_of_any_letters_count_whole(accounts: Accounts) -> None:
    for password in ("пароль 🐎 " * 3, "x" * 1_000, "a\0bcdefgh"):
        with accounts.database.writing() as connection:
            changes.set_password(connection, ADA, "vic", password, NOON)
        assert accounts.log_in("vic", password)
        assert not accounts.refusal("vic", password[:-1]).wait
        assert not accounts.refusal("vic", password + "x").wait
        accounts.clock.move(throttle.MEMORY + 1)


@pytest.mark.parametrize("password", ["", "seven 7", "x" * 1_001])
def test_a_new_password_must_have_a_length(accounts: Accounts, password: str) -> None:
    with pytest.raises(UsageError, match="8 to 1000"), accounts.database.writing() as connection:
        changes.set_password(connection, ADA, "vic", password, NOON)
    assert accounts.log_in("vic")


def test_a_user_without_a_usable_password_cannot_log_in(accounts: Accounts) -> None:
    for stored in ("", "plain", "$argon2id$broken"):
        with accounts.database.writing() as connection:
            store_password(connection, "vic", stored)
        assert str(accounts.refusal("vic", stored)) == "Name and password do not belong together."


# The throttle


def test_names_that_nobody_has_are_treated_like_others(accounts: Accounts) -> None:
    known = [str(accounts.refusal("ada", visitor=Visitor(f"192.0.2.{n}"))) for n in range(8)]
    unknown = [str(accounts.refusal("nobody", visitor=Visitor(f"203.0.113.{n}"))) for n in range(8)]
    assert known == unknown
    assert len(set(known)) == 2


def test_failures_make_the_name_wait_even_with_the_right_password(accounts: Accounts) -> None:
    for number in range(throttle.FREE):
        assert not accounts.refusal(visitor=Visitor(f"192.0.2.{number}")).wait
    elsewhere = Visitor("203.0.113.9")
    assert accounts.refusal("ada", PASSWORD, elsewhere).wait == 2
    accounts.clock.move(2)
    assert accounts.refusal(visitor=elsewhere).wait == 0
    assert accounts.refusal(visitor=elsewhere).wait == 4
    accounts.clock.move(4)
    assert accounts.log_in(visitor=elsewhere)
    assert not accounts.refusal(visitor=elsewhere).wait  # the right password has freed the name


def test_an_attacked_name_waits_for_a_minute_at_most_an_address_longer(accounts: Accounts) -> None:
    name, address = throttle.name_subject("ada"), throttle.address_subject("192.0.2.1")
    for subject, longest in ((name, 60), (address, 900)):
        for _ in range(30):
            with accounts.database.writing() as connection:
                accounts.clock.move(throttle.attempt(connection, [subject], accounts.clock.now()))
                throttle.attempt(connection, [subject], accounts.clock.now())
                wait = throttle.attempt(connection, [subject], accounts.clock.now())
        assert wait == longest


def test_an_address_waits_whatever_names_it_tries_and_ipv6_by_its_network(accounts: Accounts) -> None:
    for number in range(throttle.FREE):
        assert not accounts.refusal(f"user {number}", visitor=Visitor(f"2001:db8::{number}")).wait
    assert accounts.refusal("another", visitor=Visitor("2001:db8::ffff")).wait
    assert not accounts.refusal("another", visitor=Visitor("2001:db8:0:1::")).wait


def test_logging_in_oneself_does_not_free_the_address_to_guess_at_others(accounts: Accounts) -> None:
    for number in range(throttle.FREE):
        accounts.refusal(f"user {number}")
        if number < throttle.FREE - 1:
            accounts.log_in("vic")
    assert accounts.refusal("another").wait


def test_failures_are_forgotten_after_a_day(accounts: Accounts) -> None:
    for _ in range(throttle.FREE):
        accounts.refusal()
    assert accounts.refusal().wait
    accounts.clock.move(throttle.MEMORY + 1)
    assert accounts.log_in()


def test_a_clock_that_goes_back_makes_nobody_wait_longer(accounts: Accounts) -> None:
    for _ in range(throttle.FREE):
        accounts.refusal()
    accounts.clock.move(-86_400)
    assert accounts.refusal().wait == 2


def test_attempts_at_once_are_as_many_as_one_after_the_other(accounts: Accounts) -> None:
    together = threading.Barrier(12)

    def guess(number: int) -> int:
        together.wait()
        return accounts.refusal("ada", f"guess {number}").wait

    with ThreadPoolExecutor(12) as pool:
        waits = list(pool.map(guess, range(12)))
    assert waits.count(0) == throttle.FREE


def test_who_tries_a_million_names_fills_no_table(accounts: Accounts) -> None:
    """As many as the table may hold are there already."""
    old = [{"subject": f"user {n}", "failures": 1, "last_at": NOON + n} for n in range(throttle.MOST + 500)]
    with accounts.database.writing() as connection:
        connection.execute(insert(LOGIN_FAILURE), old)
    accounts.clock.move(1)
    accounts.refusal("newest")
    with accounts.database.reading() as connection:
        kept = set(connection.execute(select(LOGIN_FAILURE.c.subject)).scalars())
    assert len(kept) <= throttle.MOST + 2
    assert "user newest" in kept
    assert "user 499" not in kept  # the oldest went
    assert f"user {throttle.MOST + 499}" in kept


def test_names_that_nobody_has_are_not_in_the_trail(accounts: Accounts) -> None:
    """They may be passwords, typed into the wrong field."""
    before = len(accounts.trail())
    accounts.refusal("my secret password")
    assert len(accounts.trail()) == before
    accounts.refusal("ada")
    assert (accounts.trail()[0].action, accounts.trail()[0].actor.ip_address) == ("fail to log in", HOME.address)


class Interrupting(FixedClock):
    """A clock that does something when it is asked for the second time."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__(NOON)
        self._then = then
        self._asked = 0

    def now(self) -> int:
        self._asked += 1
        if self._asked == 2:
            self._then()
        return super().now()


def test_a_password_that_changes_while_it_is_tried_lets_nobody_in(accounts: Accounts) -> None:
    """Else a login with the old password would begin after all logins were ended."""

    def change() -> None:
        with accounts.database.writing() as connection:
            changes.set_password(connection, COMMAND_LINE, "ada", "another horse", NOON)

    with pytest.raises(LoginRefused, match="at this moment"):
        Gate(accounts.database, Interrupting(change)).log_in(HOME, "ada", PASSWORD)
    with accounts.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(LOGIN)).scalar_one() == 0


# Changes


def test_an_account_is_added_changed_and_removed_with_its_trail(accounts: Accounts) -> None:
    site = site_id_of("http://shop.example")
    new = User("bob", "viewer", "Bob", "bob@example.org", frozenset((site,)))
    with accounts.database.writing() as connection:
        changes.add(connection, ADA, new, "password of bob", NOON)
        assert find_user(connection, "bob") == new
        changes.change(connection, ADA, replace(new, role="analyst", sites=frozenset()), NOON)
        changes.set_password(connection, ADA, "bob", "another of bob", NOON)
        changes.remove(connection, ADA, "bob", NOON)
        assert find_user(connection, "bob") is None
    removed, password, changed, added = accounts.trail()[:4]
    assert {change.actor for change in (removed, password, changed, added)} == {ADA}
    assert (added.action, added.before) == ("add user", {})
    assert added.after == {
        "role": "viewer",
        "real name": "Bob",
        "e-mail address": "bob@example.org",
        "sites": [site],
    }
    assert (changed.before, changed.after) == ({"role": "viewer", "sites": [site]}, {"role": "analyst", "sites": []})
    assert (password.action, password.before, password.after) == ("change password", {}, {})
    assert (removed.action, removed.after) == ("remove user", {})
    with accounts.database.reading() as connection:
        everything = str(connection.execute(select(AUDIT)).all())
    assert "of bob" not in everything
    assert "argon2" not in everything


def test_a_change_of_nothing_leaves_no_trace(accounts: Accounts) -> None:
    before = len(accounts.trail())
    with accounts.database.writing() as connection:
        changes.change(connection, ADA, accounts.user("vic"), NOON)
    assert len(accounts.trail()) == before


@pytest.mark.parametrize("change", ["role", "password", "removal", "end"])
def test_a_change_ends_the_logins_of_the_user_only(accounts: Accounts, change: str) -> None:
    his, hers = accounts.log_in("vic"), accounts.log_in("ada")
    with accounts.database.writing() as connection:
        match change:
            case "role":
                changes.change(connection, ADA, User("vic", "admin"), NOON)
            case "password":
                changes.set_password(connection, ADA, "vic", "another password", NOON)
            case "removal":
                changes.remove(connection, ADA, "vic", NOON)
            case "end":
                assert changes.end_logins(connection, ADA, "vic", NOON) == 1
    assert accounts.user_of(his) is None
    assert accounts.user_of(hers) == "ada"


def test_another_name_or_address_ends_no_login(accounts: Accounts) -> None:
    token = accounts.log_in("vic")
    with accounts.database.writing() as connection:
        changes.change(connection, ADA, User("vic", "viewer", "Victor", "vic@example.org"), NOON)
    assert accounts.user_of(token) == "vic"


def test_a_new_password_frees_a_name_that_is_attacked(accounts: Accounts) -> None:
    for number in range(throttle.FREE):
        accounts.refusal(visitor=Visitor(f"192.0.2.{number}"))
    with accounts.database.writing() as connection:
        changes.set_password(connection, COMMAND_LINE, "ada", "another horse", NOON)
    assert accounts.log_in("ada", "another horse")


def test_the_last_admin_stays_and_nobody_removes_himself(accounts: Accounts) -> None:
    attempts: tuple[Callable[[Connection], object], ...] = (
        lambda connection: changes.change(connection, ADA, User("ada", "viewer"), NOON),
        lambda connection: changes.remove(connection, Actor("vic"), "ada", NOON),
    )
    for attempt in attempts:
        with pytest.raises(UsageError, match="only admin"), accounts.database.writing() as connection:
            attempt(connection)
    with accounts.database.writing() as connection:
        changes.change(connection, ADA, User("vic", "admin"), NOON)
    with pytest.raises(UsageError, match="yourself"), accounts.database.writing() as connection:
        changes.remove(connection, ADA, "ada", NOON)
    with accounts.database.writing() as connection:
        changes.remove(connection, Actor("vic"), "ada", NOON)
    assert accounts.user_of(accounts.log_in("vic")) == "vic"


@pytest.mark.parametrize(
    "user",
    [
        User("", "viewer"),
        User(" bob", "viewer"),
        User("bob\n", "viewer"),
        User("bob\u202egnp", "viewer"),
        User("b" * 256, "viewer"),
        User("command line", "viewer"),
        User("ada", "viewer"),
        User("bob", "root"),
        User("bob", ""),
        User("bob", "viewer", real_name="B\0b"),
        User("bob", "viewer", email_address="b" * 256),
    ],
    ids=str,
)
def test_an_account_that_will_not_do_is_refused(accounts: Accounts, user: User) -> None:
    with pytest.raises(UsageError), accounts.database.writing() as connection:
        changes.add(connection, ADA, user, PASSWORD, NOON)
    with accounts.database.reading() as connection:
        assert [user.user_id for user in all_users(connection)] == ["ada", "vic"]


def test_who_is_not_there_cannot_be_changed(accounts: Accounts) -> None:
    attempts: tuple[Callable[[Connection], object], ...] = (
        lambda connection: changes.change(connection, ADA, User("vicc", "viewer"), NOON),
        lambda connection: changes.set_password(connection, ADA, "vicc", "a password", NOON),
        lambda connection: changes.end_logins(connection, ADA, "vicc", NOON),
        lambda connection: changes.remove(connection, ADA, "vicc", NOON),
    )
    for attempt in attempts:
        with (
            pytest.raises(UsageError, match=r"no user vicc; did you mean vic\?"),
            accounts.database.writing() as connection,
        ):
            attempt(connection)
    assert {change.action for change in accounts.trail()} == {"add user"}


def test_who_is_no_admin_sees_the_sites_that_he_is_given(accounts: Accounts) -> None:
    site = site_id_of("http://shop.example")
    assert accounts.user("ada").sees(site)
    assert not accounts.user("vic").sees(site)
    with accounts.database.writing() as connection:
        changes.change(connection, ADA, replace(accounts.user("vic"), sites=frozenset((site, "unknown"))), NOON)
    assert accounts.user("vic").sees(site)
    assert not accounts.user("vic").sees("unknown")


# The trail


def test_the_trail_is_read_page_by_page(accounts: Accounts) -> None:
    with accounts.database.writing() as connection:
        for number in range(7):
            audit.record(connection, ADA, NOON + number, "change setting", f"setting {number}")
    with accounts.database.reading() as connection:
        first = audit.latest(connection, 4)
        second = audit.latest(connection, 4, before=first[-1].number)
    assert [change.subject for change in first + second][:7] == [f"setting {6 - number}" for number in range(7)]


def test_of_before_and_after_what_is_the_same_is_left_out(accounts: Accounts) -> None:
    with accounts.database.writing() as connection:
        audit.record(connection, ADA, NOON, "change setting", "x", {"a": 1, "b": 2, "c": None}, {"a": 1, "b": 3})
    (change,) = accounts.trail()[:1]
    assert (change.before, change.after) == ({"b": 2, "c": None}, {"b": 3})
