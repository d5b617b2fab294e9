"""Counting the events of queue files anew costs what has come since."""

from pathlib import Path

import pytest

from owa.queues.files.counting import Counts
from owa.queues.files.peek import count_events
from owa.queues.records import EVENT_START


def record(number: int) -> bytes:
    return EVENT_START + b'"%019d","text":"%s"}\n' % (number, b"x" * 300)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.txt"


def test_counts_follow_the_file_and_its_reader(path: Path) -> None:
    counts, size = Counts(), len(record(1))
    path.write_bytes(b"".join(map(record, range(5))))
    assert counts.total([(path, 0)]) == 5
    with path.open("ab") as file:
        file.write(record(5))
    assert counts.total([(path, 2 * size)]) == 4
    renamed = path.rename(path.with_name("segment.txt"))
    path.write_bytes(record(6))
    assert counts.total([(renamed, 3 * size), (path, 0)]) == 4
    assert counts.total([(renamed, 6 * size), (path, 0)]) == 1


def test_what_was_counted_is_not_read_again(path: Path) -> None:
    counts = Counts()
    path.write_bytes(b"".join(map(record, range(5))))
    counts.total([(path, 0)])
    data = bytearray(path.read_bytes())
    data[2 * len(record(1))] = 0  # nobody does that: here it shows what is read
    path.write_bytes(data)
    assert (counts.total([(path, 0)]), count_events(path, 0)) == (5, 4)


@pytest.mark.parametrize("cut", range(len(EVENT_START) + 2))
def test_a_record_that_is_being_written_counts_once(path: Path, cut: int) -> None:
    counts = Counts()
    path.write_bytes(record(0) + record(1) + record(2)[:cut])
    before = counts.total([(path, 0)])
    path.write_bytes(record(0) + record(1) + record(2) + record(3))
    assert before == 2 + (cut >= len(EVENT_START))
    assert counts.total([(path, 0)]) == 4
    assert counts.total([(path, len(record(0)))]) == 3


def test_another_file_of_that_name_is_counted_anew(path: Path) -> None:
    counts = Counts()
    path.write_bytes(record(0) + record(1))
    counts.total([(path, 0)])
    path.write_bytes(record(7) + record(8) + record(9))  # the same inode
    assert counts.total([(path, 0)]) == 3


def test_a_reader_that_goes_back_is_believed(path: Path) -> None:
    counts = Counts()
    path.write_bytes(record(0) + record(1))
    assert counts.total([(path, len(record(0)))]) == 1
    assert counts.total([(path, 0)]) == 2


def test_no_file_holds_nothing(path: Path) -> None:
    assert Counts().total([(path, 0)]) == 0
