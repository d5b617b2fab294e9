import os
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from owa.clock import FixedClock
from owa.errors import OwaError
from owa.queues.testing import killed_at_the_end
from owa.tracking.guids import PER_SECOND, SLOTS, Guids
from tests.factories import NOON
from tests.unit.test_append import largest_file

SECOND = NOON // 1_000_000


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "slots"


@pytest.fixture
def guids(folder: Path, clock: FixedClock) -> Iterator[Guids]:
    guids = Guids(folder, 42, clock)
    yield guids
    guids.close()


def second(guid: int) -> int:
    return guid // 10**9


def test_a_guid_tells_second_server_slot_and_sequence(guids: Guids) -> None:
    assert [guids.next(), guids.next()] == [int(f"{SECOND}042000000"), int(f"{SECOND}042000001")]


@pytest.mark.parametrize("server", [0, 999])
def test_a_guid_has_19_digits_and_fits_64_bits(folder: Path, server: int) -> None:
    guid = Guids(folder, server, FixedClock(NOON)).next()
    assert len(str(guid)) == 19
    assert guid < 2**63


def test_guids_rise_with_time(guids: Guids, clock: FixedClock) -> None:
    made = []
    for _ in range(5):
        made += [guids.next() for _ in range(3)]
        clock.move(1.5)
    assert made == sorted(set(made))
    assert second(made[-1]) == SECOND + 6


def test_a_clock_that_goes_back_makes_no_guid_twice(guids: Guids, clock: FixedClock) -> None:
    made = [guids.next() for _ in range(3)]
    clock.move(-3_600)
    made += [guids.next() for _ in range(3)]
    clock.move(3_600)
    made += [guids.next() for _ in range(3)]
    assert made == sorted(set(made))
    assert {second(guid) for guid in made} == {SECOND}


def test_a_full_second_borrows_from_the_next(guids: Guids, clock: FixedClock) -> None:
    made = [guids.next() for _ in range(PER_SECOND + 1)]
    assert [second(made[-2]), second(made[-1])] == [SECOND, SECOND + 1]
    clock.move(1)  # into the second that was borrowed from
    made += [guids.next() for _ in range(PER_SECOND)]
    assert made == sorted(set(made))
    assert second(made[-1]) == SECOND + 2


def test_a_process_that_starts_again_in_the_same_second_starts_behind_it(folder: Path, clock: FixedClock) -> None:
    made = []
    for _ in range(3):
        guids = Guids(folder, 42, clock)
        made += [guids.next(), guids.next()]
        assert guids.slot() == 0
        guids.close()
    assert made == sorted(set(made))
    clock.move(-100)
    guids = Guids(folder, 42, clock)
    assert guids.next() > made[-1]
    guids.close()


def test_a_process_that_borrowed_leaves_that_to_its_successor(folder: Path, clock: FixedClock) -> None:
    guids = Guids(folder, 42, clock)
    last = max(guids.next() for _ in range(2 * PER_SECOND + 1))
    guids.close()
    successor = Guids(folder, 42, clock)
    assert successor.next() > last
    successor.close()


def test_threads_never_get_the_same(guids: Guids, clock: FixedClock) -> None:
    made: list[list[int]] = [[] for _ in range(8)]

    def make(mine: list[int]) -> None:
        for number in range(4_000):
            mine.append(guids.next())
            if number % 500 == 0:
                clock.move(0.1)

    threads = [Thread(target=make, args=(mine,)) for mine in made]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len({guid for mine in made for guid in mine}) == 8 * 4_000


def test_two_at_a_time_have_slots_of_their_own(guids: Guids, folder: Path, clock: FixedClock) -> None:
    other = Guids(folder, 42, clock)
    made = {maker.next() for maker in (guids, other) for _ in range(100)}
    assert len(made) == 200
    assert guids.slot() != other.slot()
    other.close()


def test_the_slot_of_a_process_that_was_killed_is_used_again(folder: Path, clock: FixedClock, tmp_path: Path) -> None:
    def make_one() -> None:
        (tmp_path / "theirs").write_text(str(Guids(folder, 42, clock).next()))

    ours = Guids(folder, 42, clock)
    with killed_at_the_end(make_one):
        theirs = int((tmp_path / "theirs").read_text())
        while_it_lives = ours.next()
    ours.close()
    assert theirs // PER_SECOND % SLOTS == 0
    assert while_it_lives // PER_SECOND % SLOTS == 1
    after = Guids(folder, 42, clock)
    assert after.slot() == 0
    assert after.next() > theirs
    after.close()


def test_a_forked_child_takes_a_slot_of_its_own(guids: Guids, tmp_path: Path) -> None:
    ours = [guids.next()]

    def make_some() -> None:
        (tmp_path / "theirs").write_text(f"{guids.next()} {guids.next()} {guids.slot()}")

    with killed_at_the_end(make_some):
        ours += [guids.next(), guids.next()]
    *theirs, slot = map(int, (tmp_path / "theirs").read_text().split())
    assert not set(ours) & set(theirs)
    assert slot != guids.slot() == 0


def test_no_free_slot_is_an_error_that_names_the_remedy(folder: Path, clock: FixedClock) -> None:
    makers = [Guids(folder, 42, clock) for _ in range(SLOTS)]
    assert len({maker.next() for maker in makers}) == SLOTS
    late = Guids(folder, 42, clock)
    with pytest.raises(OwaError, match=f"at most {SLOTS} processes"):
        late.next()
    makers[17].close()
    assert late.slot() == 17
    for maker in (*makers, late):
        maker.close()


def test_a_second_that_cannot_be_noted_is_not_used(guids: Guids, clock: FixedClock, folder: Path) -> None:
    before = guids.next()
    clock.move(1)
    for _ in range(2):
        with largest_file(0), pytest.raises(OSError, match="too large"):
            guids.next()
    assert (folder / "00").read_text().strip() == str(SECOND)
    assert guids.next() > before
    assert (folder / "00").read_text().strip() == str(SECOND + 1)


@pytest.mark.parametrize("text", ["", "garbage", "\0" * 10])
def test_a_damaged_slot_file_is_written_anew(folder: Path, clock: FixedClock, text: str) -> None:
    folder.mkdir()
    (folder / "00").write_text(text)
    guids = Guids(folder, 42, clock)
    assert second(guids.next()) == SECOND
    guids.close()


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path, clock: FixedClock) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=os.fspath(tmp_path)):
        Guids(tmp_path / "file" / "slots", 42, clock).next()
