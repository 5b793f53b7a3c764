"""The journal of recorder.cc: what processes did to the files below one directory, in order."""

import contextlib
import enum
import fcntl
import struct
from dataclasses import dataclass

_HEADER = struct.Struct("<IB3xQQII")
_MAGIC = 0x4C50784E


class Kind(enum.IntEnum):
    CREATE = 1
    MAKE_DIR = 2
    WRITE = 3
    RESIZE = 4
    SYNC = 5
    SYNC_DIR = 6
    UNLINK = 7
    REMOVE_DIR = 8
    RENAME = 9
    LINK = 10
    MAPPED = 11
    UNMODELLED = 12


@dataclass(frozen=True)
class Record:
    """`position` is where it begins, `end` where the next one does. Of a sync, `number` is where
    the journal ended when the sync began: what came later it did not wait for."""
    position: int
    end: int
    kind: Kind
    inode: int = 0
    number: int = 0
    name: str = ""
    data: bytes = b""

    @property
    def new_name(self):
        return self.data.decode()


def read(path):
    """All records of a journal."""
    content = path.read_bytes()
    records = []
    position = 0
    while position < len(content):
        magic, kind, inode, number, name_size, data_size = _HEADER.unpack_from(content, position)
        assert magic == _MAGIC, f"{path} has no record at {position}"
        middle = position + _HEADER.size + name_size
        end = middle + data_size
        assert end <= len(content), f"{path} ends within a record"
        name = content[position + _HEADER.size:middle].decode()
        records.append(
            Record(position, end, Kind(kind), inode, number, name, content[middle:end]))
        position = end
    return records


@contextlib.contextmanager
def held(path):
    """No process is between an operation and its record here, so that one can be killed."""
    with path.open("rb") as journal:
        fcntl.flock(journal, fcntl.LOCK_EX)
        yield
