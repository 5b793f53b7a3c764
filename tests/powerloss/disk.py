"""What a disk may hold after the power failed.

Files. A sync makes durable what was written to the file before it began. Of what was written since,
each sector of 512 bytes shows, by itself, the state of any moment up to the cut; so does the size.
Nothing else of a file is harmed by a write (https://sqlite.org/psow.html). That is a page cache
whose pages reach the disk in any order, torn between sectors. The mode `fragments` is harsher: of
several writes to one sector each is there or not, and in any order; sectors that a file grew by and
that never reached the disk hold garbage. Files that were mapped (SQLite's -shm) hold anything.

Directory entries. There are two models:

ext4    One log of all metadata operations, of which a cut leaves a prefix. A sync of a file or of a
        directory makes the log durable up to the last operation on that inode: so a new file's
        first sync makes its own entry durable, and all that came before it.
posix   Nothing but a sync of the directory makes an entry in it durable. Until then each name, by
        itself, is as it was at any moment since; the two names of a rename go together.
"""

import enum
import itertools
from bisect import bisect_left
from dataclasses import dataclass, field

from journal import Kind

SECTOR = 512
DIRECTORY = -1  # Instead of an inode.


class Model(enum.Enum):
    EXT4 = "ext4"
    POSIX = "posix"


class Keep(enum.Enum):
    """What is left of that which no sync made durable."""
    ALL = "all"
    NONE = "none"
    SECTORS = "sectors"
    FRAGMENTS = "fragments"
    MIXED = "mixed"  # One of the others for each file.


@dataclass
class Image:
    """What is on the disk: by name an inode, and by inode the content."""
    names: dict = field(default_factory=dict)
    contents: dict = field(default_factory=dict)

    def key(self):
        """The same of images that are the same."""
        return tuple(sorted(self.names.items())), tuple(sorted(self.contents.items()))


def parent(name):
    return name.rpartition("/")[0]


class File:
    def __init__(self, content=b""):
        self.durable = bytearray(content)
        self.pending = []  # (position, offset, bytes), or (position, new size, None).
        self.size = len(content)  # Now.
        self.changes = []  # Where the metadata changed: an entry, or the size.
        self.is_mapped = False

    def write(self, position, offset, data):
        self.pending.append((position, offset, data))
        if offset + len(data) > self.size:
            self.size = offset + len(data)
            self.changes.append(position)

    def resize(self, position, size):
        if size == self.size:
            return
        self.pending.append((position, size, None))
        self.size = size
        self.changes.append(position)

    def sync(self, begin):
        for position, number, data in self.pending:
            if position < begin:
                apply(self.durable, number, data)
        self.pending = [change for change in self.pending if change[0] >= begin]

    def after_cut(self, keep, random, stale=()):
        if keep == Keep.MIXED:
            keep = random.choice([Keep.ALL, Keep.NONE, Keep.SECTORS, Keep.FRAGMENTS])
        if self.is_mapped:
            return self._anything(keep, random, stale)
        if keep == Keep.NONE or not self.pending:
            return bytes(self.durable)
        content = bytearray(self.durable)
        if keep == Keep.ALL:
            for _, number, data in self.pending:
                apply(content, number, data)
            return bytes(content)
        sizes, sectors = self._by_sector()
        content.extend(bytes(max(sizes) - len(content)))
        for sector, fragments in sorted(sectors.items()):
            kept = choose(fragments, keep, random)
            if keep == Keep.FRAGMENTS and not kept and sector * SECTOR >= len(self.durable):
                kept = [(sector * SECTOR, random.randbytes(SECTOR))]
            for offset, data in kept:
                end = min(offset + len(data), len(content))
                content[offset:end] = data[:end - offset]
        del content[random.choice(sizes):]
        return bytes(content)

    def _by_sector(self):
        """The sizes that the file had since the last sync, and what was done to each sector."""
        size = len(self.durable)
        sizes = [size]
        sectors = {}
        for _, number, data in self.pending:
            if data is None:
                offset, data = number, bytes(max(0, size - number))
                size = number
            else:
                offset = number
                size = max(size, offset + len(data))
            sizes.append(size)
            for sector, at, fragment in fragments_of(offset, data):
                sectors.setdefault(sector, []).append((at, fragment))
        return sizes, sectors

    def _anything(self, keep, random, stale):
        if keep == Keep.NONE:
            return b""
        return random.choice([b"", bytes(self.size), random.randbytes(self.size), *stale])


def last_before(limit, positions):
    """Of positions in order; -1 where there is none."""
    index = bisect_left(positions, limit)
    return positions[index - 1] if index else -1


def apply(content, number, data):
    if data is None:
        if number < len(content):
            del content[number:]
        else:
            content.extend(bytes(number - len(content)))
        return
    if len(content) < number:
        content.extend(bytes(number - len(content)))
    content[number:number + len(data)] = data


def fragments_of(offset, data):
    """(sector, offset, bytes) of a write, cut at the sectors' borders."""
    begin = 0
    while begin < len(data):
        at = offset + begin
        size = min(SECTOR - at % SECTOR, len(data) - begin)
        yield at // SECTOR, at, data[begin:begin + size]
        begin += size


def choose(fragments, keep, random):
    if keep == Keep.SECTORS:
        return fragments[:random.randint(0, len(fragments))]
    kept = [fragment for fragment in fragments if random.random() < 0.5]
    random.shuffle(kept)
    return kept


class Disk:
    """Takes records in order; tells at any time what a cut may leave."""

    def __init__(self, model, image=None, stale=(), ignores_sync_of=lambda name: False):
        """`image`: what is there at first, all durable. `stale`: contents that a mapped file may
        have after a cut, among others. `ignores_sync_of(name)`: a disk that lies, for the test of the test."""
        image = image or Image()
        self.model = model
        self.files = {inode: File(content) for inode, content in image.contents.items()}
        self.names = dict(image.names)  # Now.
        self._durable_names = dict(image.names)
        self._changes = []  # (position, name, inode or None), not known to be durable.
        self._changes_in = {}  # Of each directory's entries: the positions.
        self._stale = stale
        self._ignores_sync_of = ignores_sync_of

    def apply(self, record):
        getattr(self, f"_{record.kind.name.lower()}")(record)

    def after_cut(self, keep, random):
        names = self._names_after_cut(keep, random)
        names = {name: inode for name, inode in names.items() if self._is_reachable(name, names)}
        inodes = sorted({inode for inode in names.values() if inode != DIRECTORY})
        return Image(names,
                     {inode: self.files[inode].after_cut(keep, random, self._stale)
                      for inode in inodes})

    # ---- Files

    def _file(self, record):
        assert record.inode in self.files, f"{record.kind.name} of a file that nobody was seen to make"
        return self.files[record.inode]

    def _create(self, record):
        self.files[record.inode] = File()
        self._enter(record.position, record.name, record.inode)

    def _write(self, record):
        self._file(record).write(record.position, record.number, record.data)

    def _resize(self, record):
        self._file(record).resize(record.position, record.number)

    def _mapped(self, record):
        names = [name for name, inode in self.names.items() if inode == record.inode]
        assert names and all(name.endswith("-shm") for name in names), (
            f"{names} is written through a memory map, which the recorder does not see")
        self._file(record).is_mapped = True

    def _sync(self, record):
        names = [name for name, inode in self.names.items() if inode == record.inode]
        if any(map(self._ignores_sync_of, names)):
            return
        file = self._file(record)
        if self.model == Model.EXT4:
            last = last_before(record.number, file.changes)
            self._commit(lambda position, _: position <= last)
        file.sync(record.number)

    # ---- Directory entries

    def _make_dir(self, record):
        self._enter(record.position, record.name, DIRECTORY)

    def _unlink(self, record):
        self._enter(record.position, record.name, None)

    _remove_dir = _unlink

    def _rename(self, record):
        inode = self.names[record.name]
        assert inode != DIRECTORY, "renamed directories are not modelled"
        self._enter(record.position, record.name, None)
        self._enter(record.position, record.new_name, inode)

    def _link(self, record):
        self._enter(record.position, record.new_name, self.names[record.name])

    def _sync_dir(self, record):
        if self._ignores_sync_of(record.name):
            return
        if self.model == Model.POSIX:
            self._commit(lambda position, name: parent(name) == record.name
                         and position < record.number)
        else:
            last = last_before(record.number, self._changes_in.get(record.name, []))
            self._commit(lambda position, _: position <= last)

    def _enter(self, position, name, inode):
        for touched in (inode, self.names.get(name)):
            if touched in self.files:
                self.files[touched].changes.append(position)
        self._changes_in.setdefault(parent(name), []).append(position)
        set_name(self.names, name, inode)
        self._changes.append((position, name, inode))

    def _commit(self, is_durable):
        rest = []
        for change in self._changes:
            position, name, inode = change
            if is_durable(position, name):
                set_name(self._durable_names, name, inode)
            else:
                rest.append(change)
        self._changes = rest

    def _names_after_cut(self, keep, random):
        if keep == Keep.ALL:
            return dict(self.names)
        names = dict(self._durable_names)
        if keep == Keep.NONE:
            return names
        for group in self._groups():
            last = random.choice([-1, *(position for position, _, _ in group)])
            for position, name, inode in group:
                if position <= last:
                    set_name(names, name, inode)
        return names

    def _groups(self):
        """Changes of which a prefix is left."""
        if self.model == Model.EXT4:
            return [self._changes]
        groups = []  # (names, changes)
        for _, at_once in itertools.groupby(self._changes, key=lambda change: change[0]):
            at_once = list(at_once)
            touched = {name for _, name, _ in at_once}
            joined = [group for group in groups if group[0] & touched]
            groups = [group for group in groups if not group[0] & touched]
            groups.append((touched.union(*(names for names, _ in joined)),
                           sorted(sum((changes for _, changes in joined), at_once),
                                  key=lambda change: change[0])))
        return [changes for _, changes in groups]

    @staticmethod
    def _is_reachable(name, names):
        above = parent(name)
        return not above or (names.get(above) == DIRECTORY
                             and Disk._is_reachable(above, names))

    def _unmodelled(self, record):
        raise AssertionError(f"{record.name}: disk.py does not know what that does to a disk")


def set_name(names, name, inode):
    if inode is None:
        names.pop(name, None)
    else:
        names[name] = inode
