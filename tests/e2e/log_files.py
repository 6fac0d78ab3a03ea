"""The write-ahead log seen from outside: what stands in its segments, and faults of its files on command."""
import mmap
import os
import struct

from harness import *

HEADER_BYTES = 128
BLOCK_HEADER = struct.Struct('<8s16sQQQQIIQ')
DISK_FULL = 'Disk is full, writes are refused'


class Block:
    """One block of a segment, by its header; `begin` and `end` are offsets in the file."""

    def __init__(self, begin, end, epoch, synced):
        self.begin, self.end, self.epoch, self.synced = begin, end, epoch, synced


def blocks(data):
    """The blocks of a segment as far as each names the checksum of the one before it (which is not computed here)."""
    found = []
    if data[:8] != b'KRMWALS1':
        raise Damaged('no header of a segment')
    identity, sequence = data[8:24], struct.unpack_from('<Q', data, 24)[0]
    before, at = struct.unpack_from('<Q', data, 120)[0], HEADER_BYTES
    while at + BLOCK_HEADER.size <= len(data):
        magic, of, number, epoch, synced, link, size, _, checksum = BLOCK_HEADER.unpack_from(data, at)
        if (magic, of, number, link) != (b'KRMWALB1', identity, sequence, before):
            break
        end = at + BLOCK_HEADER.size + (size + 7) // 8 * 8
        found.append(Block(at, end, epoch, synced))
        before, at = checksum, end
    return found


class Faults:
    """Commands fault_shim.c; one per server."""
    FIELDS = ('let_pass', 'error', 'bytes', 'stall', 'calls', 'met', 'waiting')
    CALLS = ('write', 'sync', 'allocate')

    def __init__(self, scratch, shim):
        self.shim = shim
        self.path = tempfile.mktemp(prefix='faults-', dir=scratch)
        with open(self.path, 'w+b') as f:
            f.truncate(64 * len(self.CALLS))
            self.map = mmap.mmap(f.fileno(), 64 * len(self.CALLS))

    def environment(self, direct=False):
        """direct: the log may be written around the cache."""
        more = {'KARMA_FAULTS_DIRECT': '1'} if direct else {}
        return {'LD_PRELOAD': self.shim, 'KARMA_FAULTS': self.path, **more}

    def at(self, call, field):
        return 64 * self.CALLS.index(call) + 8 * self.FIELDS.index(field)

    def get(self, call, field):
        return struct.unpack_from('<Q', self.map, self.at(call, field))[0]

    def put(self, call, field, value):
        struct.pack_into('<Q', self.map, self.at(call, field), value)

    def set(self, call, error=0, bytes=0, stall=False, let_pass=0):
        """From now on, behind let_pass calls more."""
        self.put(call, 'met', 0)
        self.put(call, 'let_pass', let_pass)
        for field, value in (('bytes', bytes), ('stall', int(stall)), ('error', error)):
            self.put(call, field, value)

    def clear(self):
        for call in self.CALLS:
            for field in ('error', 'bytes', 'stall', 'let_pass'):
                self.put(call, field, 0)

    def met(self, call):
        return self.get(call, 'met')
