"""Counting what was added gives what counting all gives, wherever the file ended in between."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from owa.queues.files.counting import Counts
from owa.queues.files.peek import count_events
from owa.queues.records import EVENT_START

PARTS = [EVENT_START + b'1,"x":"\xc3\xa4"}\n', b'\x1e{"refused":1}\n', b"rubbish\n", EVENT_START[:5], EVENT_START]


@given(
    st.lists(st.tuples(st.lists(st.sampled_from(PARTS), max_size=4), st.integers(0, 200), st.booleans()), max_size=8)
)
def test_counting_goes_on_where_it_ended(steps: list[tuple[list[bytes], int, bool]]) -> None:
    with TemporaryDirectory() as folder:
        path, counts, start = Path(folder, "events.txt"), Counts(), 0
        path.touch()
        for parts, cut, is_drained in steps:
            data = b"".join(parts)
            for piece in (data[: cut % (len(data) + 1)], data[cut % (len(data) + 1) :]):
                with path.open("ab") as file:
                    file.write(piece)
                assert counts.total([(path, start)]) == count_events(path, start)
            if is_drained:
                start = path.read_bytes().rfind(b"\n") + 1
        segment = path.rename(path.with_name("segment.txt"))
        path.write_bytes(PARTS[0])
        files = [(segment, start), (path, 0)]
        assert counts.total(files) == sum(count_events(*one) for one in files)
        path.write_bytes(PARTS[0] * 2)
        segment.unlink()
        assert counts.total([(path, 0), (segment, 0)]) == 2
