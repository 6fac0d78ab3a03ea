#!/usr/bin/env python3
"""What the write-ahead log keeps, one thing at a time; logs that were cut, damaged, set aside."""
import contextlib
import random
import resource
import signal

from harness import *
from ledger import Trees, WIDE, observe
from log_files import *

KEY = 1 << 60  # long in the log
LONG = request('increment', 'a', key=KEY)


class LogTest(KarmaTest):
    def spawn(self, *options, **how):
        """With small segments, which are quick to copy; the last of repeated options wins."""
        return super().spawn('--wal-segment-bytes=64KiB', *options, **how)

    def restart(self, *options, **how):
        """Ends the newest server with kill -9 and starts another on its directory; returns a connection."""
        self.servers[-1].kill()
        self.start(*options, **how)
        return self.client()

    def copy(self):
        directory = self.fresh()
        shutil.copytree(self.directory, directory, dirs_exist_ok=True)
        return directory

    def contents(self, directory):
        """Every file of the directory but the lock, as bytes."""
        found = {}
        for name in os.listdir(directory):
            if name != 'karma.lock' and os.path.isfile(os.path.join(directory, name)):
                with open(os.path.join(directory, name), 'rb') as f:
                    found[name] = f.read()
        return found

    def aside(self, server):
        """What stands in the only set-aside-… of the server's directory."""
        found = [name for name in os.listdir(server.directory) if name.startswith('set-aside-')]
        self.assertEqual(len(found), 1, found)
        return sorted(os.listdir(os.path.join(server.directory, found[0])))

    def many(self, client, count):
        """Counts up KEY of tree a, a long record each time."""
        client.send(apart(LONG, count))
        self.assertEqual(client.lines_apart(count), [b'{"success":true,"response":1}\r\n'] * count)

    def many_segments(self, client, server):
        """Counts until the log has gone through three segments more; returns how often."""
        first, count = server.segments()[-1], 0
        while len([name for name in server.segments() if name > first]) < 3:
            self.many(client, 5000)
            count += 5000
            self.assertLess(count, 10000000, 'the log does not go on in a new segment')
        return count


class Survives(LogTest):
    def test_each_kind_of_write(self):
        """each kind of write, acknowledged and followed at once by kill -9, is there after the next start"""
        self.start()
        client = self.client()
        today = int(utc_today())
        self.put('5_a.tree', original_file({key: tuple(counter) for key, counter in WIDE.items()}))
        trees = Trees(today)
        key = next(iter(WIDE))
        for op in (('create', 'b', None), ('increment', 'a', 1), ('increment', 'a', key), ('increment', 'a', key),
                   ('decrement', 'a', key), ('decrement', 'a', 1), ('increment', 'b', 5), ('reset', 'a', key),
                   ('increment', 'a', key), ('delete', 'a', key), ('load', 'a', None), ('decrement', 'a', key),
                   ('increment', 'a', key), ('delete', 'a', key), ('delete', 'a', None), ('increment', 'a', key),
                   ('reset', 'a', None), ('increment', 'a', key), ('drop', 'b', None), ('create', 'b', None),
                   ('increment', 'b', U64_MAX), ('drop', 'a', None), ('load', 'a', None), ('drop', 'b', None)):
            kind, tree, key_ = op
            fields = dict({} if key_ is None else {'key': key_}, **(EVER if kind == 'delete' else {}))
            name = '5_a.tree' if kind == 'load' else tree
            self.assertEqual(client.ask(request(kind, name, **fields)), trees.apply(op), op)
            client = self.restart()
            found = observe(client)
            self.assertEqual(found, trees.trees, op)
            self.assertEqual(list(found), list(trees.trees), op)

    def test_nothing_twice(self):
        """counts do not grow by starting again: after kills, after dumps, after kills right after a start"""
        server = self.start()
        client = self.client()
        count = 0
        for round_ in range(4):
            self.many(client, 100)
            count += 100
            if round_ % 2:
                client.call('dump', 'a')
                self.many(client, 10)
                count += 10
            for _ in range(3):
                client = self.restart()
                self.assertEqual(client.find('a', KEY), {int(utc_today()): count})
                self.assertEqual(client.call('sum', 'a', key=KEY), count)
        client.call('dump_all')
        wait_until(lambda: 'full dump done' in self.servers[-1].log(), 'a full dump')
        client = self.restart()
        self.assertEqual(client.call('sum', 'a', key=KEY), count)

    def test_together(self):
        """increments of one key right behind each other are little in the log, and all of them are there after a kill"""
        server = self.start()
        client = self.client()
        count, read = 0, request('sum', 'a', key=KEY)
        client.call('increment', 'a', key=KEY)
        for length in (1, 2, 63, 64, 65, 1023, 1024, 1025, 3000):
            client.send(LONG * length + read + LONG + read)
            replies = [parse_reply(line)[1] for line in client.lines(length + 3)]
            self.assertEqual(replies, [1] * length + [count + length + 1, 1, count + length + 2])
            count += length + 1
        segments = server.segments()
        self.many(client, 100)
        client.send(LONG * 50000)
        self.assertEqual(client.lines(50000), [b'{"success":true,"response":1}\r\n'] * 50000)
        self.assertEqual(server.segments(), segments, '50000 records do not fit a segment')
        client = self.restart()
        self.assertEqual(client.call('sum', 'a', key=KEY), count + 1 + 100 + 50000)

    def test_over_segments(self):
        """a log of several segments is replayed whole, and goes on in a new one"""
        server = self.start()
        count = self.many_segments(self.client(), server)
        before = server.segments()
        client = self.restart()
        self.assertEqual(client.call('sum', 'a', key=KEY), count)
        self.many(client, 10)
        self.assertGreater(server.segments()[-1], before[-1])
        client = self.restart()
        self.assertEqual(client.call('sum', 'a', key=KEY), count + 10)

    def test_full_dump_shortens_the_log(self):
        """a full dump lets go of the segments before it; what came during and after it is kept"""
        server = self.start()
        client = self.client()
        count = self.many_segments(client, server)
        before = server.segments()
        client.call('dump_all')
        self.many(client, 1000)
        wait_until(lambda: not set(before) & set(server.segments()), 'the segments before the dump are let go')
        client = self.restart()
        self.assertEqual(client.call('sum', 'a', key=KEY), count + 1000)

    def test_max_bytes(self):
        """a log that outgrows --wal-max-bytes is shortened by a full dump that starts by itself"""
        server = self.start('--wal-max-bytes=2MiB')
        client = self.client()
        count = 0
        while len(server.files('a')) < 2:
            self.many(client, 5000)
            count += 5000
            self.assertLess(count, 10000000, 'no dump starts by itself')

        def log_bytes():
            """Of the segments there are; one may go between the list and the look."""
            sizes = 0
            for name in server.segments():
                with contextlib.suppress(FileNotFoundError):
                    sizes += os.path.getsize(os.path.join(self.directory, name))
            return sizes
        wait_until(lambda: log_bytes() < 8 << 20, 'the log is short')
        client = self.restart()
        self.assertEqual(client.call('sum', 'a', key=KEY), count)

    def test_other_modes(self):
        """without syncing each write, a clean stop keeps everything, and a dump what was acknowledged before it"""
        for mode in ('false', 'everysec'):
            server = self.start('--wal-fsync=' + mode, directory=self.fresh())
            client = self.client()
            self.many(client, 1000)
            client.call('create', 'b')
            client.call('dump', 'b')
            server.kill()
            server = self.start('--wal-fsync=' + mode, directory=server.directory)
            client = self.client()
            self.assertEqual(client.call('sum', 'a', key=KEY), 1000, mode)
            self.many(client, 1000)
            server.stop()
            self.start(directory=server.directory)
            self.assertEqual(self.client().call('sum', 'a', key=KEY), 2000, mode)

    def test_second_process(self):
        """a second process on the same directory is refused and harms no log"""
        server = self.start()
        client = self.client()
        self.many(client, 100)
        before = self.contents(self.directory)
        for options in ((), ('--wal=false',), ('--restore=false',), ('--wal-truncate-at-damage=true',)):
            self.assertIn(self.directory, self.refused_start(*options))
            self.same(self.contents(self.directory), before)
        self.many(client, 100)
        server.kill()
        self.start()
        self.assertEqual(self.client().call('sum', 'a', key=KEY), 200)

    def test_file_size_limit(self):
        """a limit to file sizes below a segment's is a clear line at the start; one that comes later is a failed write"""
        below = (100000, resource.RLIM_INFINITY)
        log = self.refused_start(preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, below))
        self.assertRegex(log, 'ERROR: .*File too large')
        server = self.start()
        client = self.client()
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, below)
        count, refused = 0, 0
        while not refused:
            client.send(apart(LONG, 1000))
            for line in client.lines_apart(1000):
                success, text = parse_reply(line)
                count, refused = count + success, refused + (not success)
                self.assertTrue(success or 'The log has failed' in text, text)
            self.assertLess(count, 10000000, 'writes never fail')
        self.assertGreaterEqual(client.call('sum', 'a', key=KEY), count)
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 1)
        self.start()
        self.assertGreaterEqual(self.client().call('sum', 'a', key=KEY), count)

    def test_idle(self):
        """an idle server uses no CPU: at its start, and with clients that have written, in every mode"""
        for mode in ('true', 'everysec', 'false'):
            server = self.start('--wal-fsync=' + mode, directory=self.fresh())
            # What was just done may need a moment more (a second, with everysec); a busy loop never ends.
            idle = lambda: wait_until(lambda: server.ticks_in(2) <= 1, 'no CPU is used, --wal-fsync=' + mode)
            if mode == 'true':
                idle()
            for client in [self.client() for _ in range(4)]:
                self.many(client, 10)
            idle()
            server.stop()


class Aside(LogTest):
    def test_restore_false(self):
        """--restore=false sets log and manifest aside, leaves the dumps, and the old counts never come back"""
        server = self.start()
        client = self.client()
        client.call('increment', 'a', key=1)
        client.call('dump', 'a')
        client.call('increment', 'a', key=1)
        segments, dumps = server.segments(), server.files()
        self.assertTrue(segments)
        client = self.restart('--restore=false')
        self.assertEqual(client.call('trees'), [])
        aside = self.aside(server)
        self.assertEqual([name for name in segments + ['karma.manifest'] if name not in aside], [])
        self.assertEqual(server.files(), dumps)
        client.call('increment', 'b', key=1)
        client = self.restart()
        self.assertEqual(client.call('trees'), ['b'])
        self.assertEqual(client.call('sum', 'b', key=1), 1)
        self.assertEqual(client.call('load', dumps[0]), 'Tree "a" loaded')
        self.assertEqual(client.call('sum', 'a', key=1), 1)

    def test_wal_false(self):
        """--wal=false replays a log it finds, dumps everything, sets the log aside, and then has none"""
        server = self.start()
        client = self.client()
        self.many(client, 50)
        segments = server.segments()
        client = self.restart('--wal=false')
        self.assertEqual(client.call('sum', 'a', key=KEY), 50)
        self.assertEqual(server.newest('a')[KEY][1], 50, 'a full dump before it serves')
        self.assertEqual([name for name in segments if name not in self.aside(server)], [])
        self.assertEqual(server.segments(), [])
        self.many(client, 50)
        client = self.restart('-w', 'false')
        self.assertEqual(client.call('sum', 'a', key=KEY), 50, 'back at the dump')
        self.assertEqual(server.segments(), [])
        self.many(client, 1)
        self.servers[-1].stop()
        self.start()
        client = self.client()
        self.assertEqual(client.call('sum', 'a', key=KEY), 51)
        self.many(client, 9)
        client = self.restart()
        self.assertEqual(client.call('sum', 'a', key=KEY), 60, 'with a log again')


class Damage(LogTest):
    COUNT = 30

    def setUp(self):
        """Leaves a directory whose only segment has a block for each of COUNT increments."""
        super().setUp()
        self.seed = random.randrange(1 << 32)
        self.rng = random.Random(self.seed)
        server = self.start()
        client = self.client()
        client.call('create', 'a')
        for _ in range(self.COUNT):
            client.call('increment', 'a', key=KEY)
        server.kill()
        self.segment = server.segments()[-1]
        self.data = server.read(self.segment)
        self.blocks = blocks(self.data)[-self.COUNT:]
        self.end = self.blocks[-1].end
        self.assertEqual(len(self.blocks), self.COUNT)

    def with_segment(self, data):
        """A copy of the directory with other bytes in the segment."""
        directory = self.copy()
        self.put(self.segment, data, directory)
        return directory

    def count(self, *options, directory):
        """How many increments a start finds, and its log."""
        server = self.start(*options, directory=directory)
        with server.client() as client:
            found = client.call('sum', 'a', key=KEY)
            self.assertEqual(sum(client.find('a', KEY).values()), found)
        server.kill()
        return found, server.log()

    def flip(self, at):
        data = bytearray(self.data)
        data[at] ^= 1 << self.rng.randrange(8)
        return bytes(data)

    def refuses(self, directory, *words):
        """A start stops with words in its only line, and changes nothing."""
        before = self.contents(directory)
        log = self.refused_start(directory=directory)
        line = [line for line in log.splitlines() if line.startswith('ERROR')]
        self.assertEqual(len(line), 1, log)
        for word in words:
            self.assertIn(word, line[0], 'seed %d' % self.seed)
        self.same(self.contents(directory), before, 'the directory of a start that was refused')
        return line[0]

    def test_torn_tail(self):
        """a segment cut anywhere, zeroed or overwritten from anywhere on, gives the whole blocks before that, and says so"""
        places = {self.blocks[0].begin, self.blocks[3].end, self.end - 1, self.end - 8} | {
            self.rng.randrange(self.blocks[0].begin, self.end) for _ in range(scaled(12))}
        for at in sorted(places):
            rest = len(self.data) - at
            for what, tail in (('cut', b''), ('zeros', bytes(rest)), ('noise', self.rng.randbytes(rest))):
                data = self.data[:at] + tail
                # A block ends with up to seven zeros.
                whole = sum(data[:block.end] == self.data[:block.end] for block in self.blocks)
                directory = self.with_segment(data)
                for again in range(2):  # and once more, from what the first recovery left
                    found, log = self.count(directory=directory)
                    self.assertEqual(found, whole, '%s at %d of %d, seed %d' % (what, at, self.end, self.seed))
                    if what == 'noise' and again == 0:
                        self.assertRegex(log, r'(?i) (cut|torn|tail)')
                        self.assertIn(self.segment, log)

    def test_last_block_damaged(self):
        """a bit changed in the last block, which nothing says was synced, is a torn tail: that block is gone, and told"""
        at = self.rng.randrange(self.blocks[-1].begin, self.end)
        found, log = self.count(directory=self.with_segment(self.flip(at)))
        self.assertEqual(found, self.COUNT - 1, 'bit in byte %d, seed %d' % (at, self.seed))
        self.assertIn(self.segment, log)

    def test_damage_below_what_was_synced(self):
        """a bit changed anywhere below what was synced stops the start, naming file and offset; truncating goes on before it"""
        last = self.blocks[-1].synced
        synced = [block for block in self.blocks if block.epoch <= last]
        self.assertGreaterEqual(len(synced), self.COUNT - 1)
        for _ in range(scaled(12)):
            at = self.rng.randrange(synced[0].begin, synced[-1].end)
            whole = sum(block.end <= at for block in self.blocks)
            directory = self.with_segment(self.flip(at))
            text = self.refuses(directory, self.segment)
            offsets = [int(number) for number in re.findall(r'\d+', text.replace(self.segment, ''))]
            self.assertTrue({self.blocks[whole].begin, at} & set(offsets), '%s, bit in byte %d' % (text, at))
        found, log = self.count('--wal-truncate-at-damage=true', directory=directory)
        self.assertEqual(found, whole)
        self.assertIn(self.segment, log)
        self.assertRegex(log, r' warn ')
        found, log = self.count(directory=directory)
        self.assertEqual(found, whole, 'the next ordinary start')

    def test_head_of_the_segment(self):
        """a bit changed in the head of a needed segment stops the start and names the file"""
        for at in (0, 9, 25, 33, 50, 100, 121):
            self.refuses(self.with_segment(self.flip(at)), self.segment)

    def test_missing_segment(self):
        """a needed segment that is gone or empty stops the start and is named"""
        self.refuses(self.with_segment(b''), self.segment)
        directory = self.copy()
        os.remove(os.path.join(directory, self.segment))
        self.refuses(directory, self.segment)


class ManySegments(LogTest):
    def setUp(self):
        """Leaves a directory with several segments."""
        super().setUp()
        self.seed = random.randrange(1 << 32)
        self.rng = random.Random(self.seed)
        server = self.start()
        self.count = self.many_segments(self.client(), server)
        server.kill()
        self.server = server
        self.segments = server.segments()

    def refuses(self, directory, *words):
        log = self.refused_start(directory=directory)
        for word in words:
            self.assertIn(word, log, 'seed %d' % self.seed)

    def test_damage_in_the_middle(self):
        """damage in any segment but at the log's very end stops the start and names the segment; truncating goes on"""
        for name in self.segments:
            data = bytearray(self.server.read(name))
            inside = blocks(bytes(data))[:-1]
            if not inside:
                continue
            for at in (self.rng.randrange(HEADER_BYTES), self.rng.randrange(inside[0].begin, inside[-1].end)):
                directory = self.copy()
                broken = bytearray(data)
                broken[at] ^= 1 << self.rng.randrange(8)
                self.put(name, broken, directory)
                self.refuses(directory, name)
        server = self.start('--wal-truncate-at-damage=true', directory=directory)
        with server.client() as client:
            found = client.call('sum', 'a', key=KEY)
            self.assertLess(found, self.count)
            client.call('increment', 'a', key=KEY)
        server.kill()
        server = self.start(directory=directory)
        self.assertEqual(self.client().call('sum', 'a', key=KEY), found + 1)

    def test_cut_in_the_middle(self):
        """a segment that is cut, though others follow, stops the start and is named"""
        for name in self.segments[:-1]:
            data = self.server.read(name)
            for at in (0, 50, HEADER_BYTES, blocks(data)[-1].begin, blocks(data)[-1].end - 8):
                directory = self.copy()
                self.put(name, data[:at], directory)
                self.refuses(directory, name)

    def test_missing(self):
        """a segment that is gone, though others follow, stops the start and is named"""
        for name in self.segments[:-1]:
            directory = self.copy()
            os.remove(os.path.join(directory, name))
            self.refuses(directory, name)

    def test_names_do_not_matter(self):
        """the order of segments comes from what stands in them"""
        directory = self.copy()
        for index, name in enumerate(self.segments):
            os.rename(os.path.join(directory, name), os.path.join(directory, name + '.x'))
        for name, other in zip(self.segments, reversed(self.segments)):
            os.rename(os.path.join(directory, name + '.x'), os.path.join(directory, other))
        self.start(directory=directory)
        self.assertEqual(self.client().call('sum', 'a', key=KEY), self.count)

    def test_foreign_segments(self):
        """segments of another directory, and files that only look like segments, disturb nothing"""
        foreign = self.start(directory=self.fresh())
        self.many_segments(self.client(foreign), foreign)
        foreign.kill()
        directory = self.copy()
        top = int(self.segments[-1][6:26])
        for shift, name in enumerate(foreign.segments()):
            self.put('karma-%020d.wal' % (top + 10 + shift), foreign.read(name), directory)
        self.put('karma-%020d.wal' % (top + 50), b'', directory)
        self.put('karma-%020d.wal' % (top + 51), self.rng.randbytes(5000), directory)
        self.put('karma-spare-77.wal', self.rng.randbytes(5000), directory)
        self.put('karma-x.wal', b'x', directory)
        self.start(directory=directory)
        client = self.client()
        self.assertEqual(client.call('sum', 'a', key=KEY), self.count)
        self.many(client, 10)
        self.servers[-1].kill()
        self.start(directory=directory)
        self.assertEqual(self.client().call('sum', 'a', key=KEY), self.count + 10)


if __name__ == '__main__':
    main()
