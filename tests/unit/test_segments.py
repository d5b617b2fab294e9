"""Whatever stands in a queue file: each record is found, and all else is quarantined with its place."""

import tempfile
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from owa.queues import segments
from owa.queues.contract import Quarantined
from owa.queues.records import LONGEST, SEPARATOR, Record, encode
from owa.queues.segments import Block, read_block
from tests.factories import make_event

RECORDS = [Record(make_event(guid=number), "w", number) for number in range(1, 11)]
LINES = [encode(record) for record in RECORDS]
A, B, C = LINES[:3]


def read(data: bytes, limit: int = 1_000) -> Block:
    """All blocks of a file that holds `data`, as one."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        whole = Block([], [], 0)
        while (block := read_block(file, "segment", whole.end, limit)).end > whole.end:
            assert len(block.records) + len(block.quarantined) <= 2 * limit
            whole = Block(whole.records + block.records, whole.quarantined + block.quarantined, block.end)
    assert whole.end == len(data)
    return whole


def places(parts: Sequence[Quarantined]) -> list[tuple[int, int]]:
    return [(part.offset, part.length) for part in parts]


def test_an_empty_file() -> None:
    assert read(b"") == Block([], [], 0)


@pytest.mark.parametrize("limit", [1, 2, 3, 9, 10, 11])
def test_records_come_in_order_whatever_the_limit(limit: int) -> None:
    block = read(b"".join(LINES), limit)
    assert block.records == RECORDS
    assert block.quarantined == []


def test_a_block_has_at_most_as_many_records_as_asked_for() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"".join(LINES))
        file.flush()
        block = read_block(file, "segment", 0, 3)
        assert block == Block(RECORDS[:3], [], len(A + B + C))
        assert read_block(file, "segment", block.end, 100).records == RECORDS[3:]


def test_a_record_after_each_possible_fragment_is_found() -> None:
    for length in range(1, len(A) - 1):
        block = read(A[:length] + B)
        assert block.records == [RECORDS[1]], length
        assert places(block.quarantined) == [(0, length)]


def test_a_record_that_lacks_only_its_newline_is_whole() -> None:
    block = read(A[:-1] + B)
    assert block.records == RECORDS[:2]
    assert block.quarantined == []


def test_a_last_line_without_newline() -> None:
    assert read(A + B[:-1]).records == RECORDS[:2]
    block = read(A + B[:-2])
    assert block.records == RECORDS[:1]
    assert places(block.quarantined) == [(len(A), len(B) - 2)]


def test_several_fragments_on_one_line() -> None:
    block = read(A[:10] + B[:20] + C)
    assert block.records == [RECORDS[2]]
    assert places(block.quarantined) == [(0, 10), (10, 20)]


def test_blank_lines_are_nothing() -> None:
    block = read(b"\n\n" + A + b"\n" + B + b"\n\n")
    assert block.records == RECORDS[:2]
    assert block.quarantined == []


@pytest.mark.parametrize(
    ("foreign", "reason"),
    [
        (b"GET / HTTP/1.1", "does not start"),
        (b'{"v":1}', "does not start"),
        (b"\x00" * 4_096, "does not start"),
        (b"\xff\xfe\x80", "does not start"),
        (b"  ", "does not start"),
        (SEPARATOR, "not JSON"),
        (SEPARATOR + b'{"v":1,"guid":', "not JSON"),
        (SEPARATOR + b"\x00" * 100, "not JSON"),
        (SEPARATOR + b'{"v":1,"site":"\xff"}', "not JSON"),
        (SEPARATOR + b"[]", "not an object"),
        (SEPARATOR + b'{"v":1}', "writer"),
        (A[:-1].replace(b'{"v":1', b'{"v":2'), "version '2'"),
        (A[:-1].replace(b'"server":0', b'"server":1000'), "'server'"),
        (A[:-1].replace(b'"guid":"1"', b'"guid":1'), "'guid'"),
    ],
    ids=range(14),
)
def test_foreign_lines_are_quarantined_with_reason_and_excerpt(foreign: bytes, reason: str) -> None:
    block = read(A + foreign + b"\n" + B)
    assert block.records == RECORDS[:2]
    (part,) = block.quarantined
    assert (part.segment, part.offset, part.length) == ("segment", len(A), len(foreign))
    assert reason in part.reason
    assert part.excerpt == foreign[:120].decode("utf-8", "replace").replace("\0", "\ufffd")


@pytest.mark.parametrize("start", [b"x", SEPARATOR], ids=["foreign", "record"])
@pytest.mark.parametrize("end", [b"", b"\n"], ids=["no newline", "newline"])
def test_ten_megabytes_on_one_line(start: bytes, end: bytes) -> None:
    giant = start + b"x" * 10_000_000 + end
    block = read(A + giant + B)
    assert block.records == RECORDS[:2]
    assert sum(part.length for part in block.quarantined) in (len(giant), len(giant.rstrip()))
    assert block.quarantined[0].offset == len(A)
    assert all(len(part.excerpt) <= 120 for part in block.quarantined)


def test_ten_megabytes_at_the_end() -> None:
    block = read(A + b"x" * 10_000_000)
    assert block.records == RECORDS[:1]
    assert places(block.quarantined) == [(len(A), 10_000_000)]


def titled(title: str) -> Record:
    return Record(make_event(properties={"page_title": title}), "writer", 1)


def test_the_longest_record() -> None:
    filled = len(encode(titled("")))
    title = "t" * (LONGEST + 1 - filled)
    longest = titled(title)
    assert read(encode(longest) + B).records == [longest, RECORDS[1]]
    block = read(encode(titled(title + "t")) + B)
    assert block.records == [RECORDS[1]]
    assert "longer" in block.quarantined[0].reason


Piece = int | bytes
"""The number of a record, or garbage."""

PIECES = st.lists(
    st.one_of(
        st.integers(0, len(LINES) - 1),
        st.binary(max_size=30).map(lambda data: data.replace(SEPARATOR, b"")),
        st.sampled_from([b"\n", b"\n\n", b"x" * 700, b"y" * 1_500 + b"\n", b"z" * 5_000, b'{"v":1}\n', b"\0\0"]),
    ),
    max_size=30,
)


@given(PIECES, st.integers(1, 12))
@example([b"x" * 700, 0, b"x" * 999, 1, b"x" * 1_000, 2, b"x" * 1_001], 5)
def test_any_mix_of_records_and_garbage(pieces: list[Piece], limit: int) -> None:
    """Each record is found once, in order; what is quarantined, the records and newlines cover the bytes."""
    texts = [LINES[piece] if isinstance(piece, int) else piece for piece in pieces]
    with pytest.MonkeyPatch.context() as patch:  # so that small files have many blocks
        patch.setattr(segments, "LONGEST", 500)
        patch.setattr(segments, "BLOCK", 1_000)
        block = read(b"".join(texts), limit)
    assert block.records == [RECORDS[piece] for piece in pieces if isinstance(piece, int)]

    left = bytearray()
    for piece, text in zip(pieces, texts, strict=True):
        left += b"\n" * len(text) if isinstance(piece, int) else text
    for part in block.quarantined:
        covered = left[part.offset : part.offset + part.length]
        assert len(covered) == part.length > 0
        left[part.offset : part.offset + part.length] = b"\x1e" * part.length  # twice would show below
        assert b"\x1e" not in covered
    offset = 0
    for piece, text in zip(pieces, texts, strict=True):
        if isinstance(piece, int):
            assert left[offset : offset + len(text)] == b"\n" * len(text), "a record's bytes were quarantined"
        offset += len(text)
    assert not left.translate(None, b"\x1e\n"), "bytes that are neither record, newline nor quarantined"
