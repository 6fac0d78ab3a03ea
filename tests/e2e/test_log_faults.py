#!/usr/bin/env python3
"""A disk that is full, fails, or does not answer: what is refused, what goes on, and that nothing acknowledged is lost.

    test_log_faults.py KARMA [fault_shim.so] [test …]

The faults come from fault_shim.c, which is preloaded into the server; one test also fills a real file system.
"""
import errno
import select
import signal
import subprocess
import threading

from harness import *
from log_files import *

SHIM = ''
KEY = 1 << 60
ONE = b'{"success":true,"response":1}\r\n'
UNKNOWN = 'outcome is unknown'
READ_ONLY = 'read-only'
# Every kind of write; tree a and key 1 are there.
WRITES = [('increment', 'a', {'key': 1}), ('increment', 'new', {'key': 1}), ('decrement', 'a', {'key': 1}),
          ('reset', 'a', {'key': 1}), ('reset', 'a', {}), ('delete', 'a', dict(EVER, key=1)), ('delete', 'a', EVER),
          ('create', 'new', {}), ('drop', 'a', {}), ('load', '5_l.tree', {})]


def quartile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class FaultTest(KarmaTest):
    SMALL = ('--wal-segment-bytes=64KiB',)

    def setUp(self):
        super().setUp()
        self.faults = Faults(self.scratch, SHIM)

    def begin(self, *options, direct=False, **how):
        """A server whose log can be made to fail, with 1 in key 1 of tree a."""
        server = self.start(*options, env=self.faults.environment(direct), **how)
        client = self.client()
        client.call('increment', 'a', key=1)
        self.assertGreater(self.faults.get('write', 'calls') + self.faults.get('sync', 'calls'), 0,
                           'the library is in the way')
        return server, client

    def kill_and_look(self, least, most=None, directory=None):
        """After kill -9 an ordinary start has from least to most in KEY of tree a; returns a connection."""
        self.servers[-1].kill()
        self.faults.clear()
        self.start(directory=directory or self.directory)
        client = self.client()
        found = client.call('sum', 'a', key=KEY)
        self.assertTrue(least <= found <= (least if most is None else most), '%d, should be %s to %s' % (found, least, most))
        self.assertEqual(sum(client.find('a', KEY).values()), found)
        return client

    def fill(self, client, text, step=2000, most=4000000):
        """Counts up KEY until it is refused with the text; returns how many were done. Each is either done or refused."""
        done = refused = 0
        while not refused:
            client.send(apart(request('increment', 'a', key=KEY), step))
            for line in client.lines_apart(step):
                if line == ONE:
                    done += 1
                else:
                    self.assertIn(text, parse_reply(line)[1])
                    refused += 1
            self.assertLess(done, most, 'writes are never refused')
        return done

    def all_writes_refused(self, client, text):
        self.put('5_l.tree', original_file({1: ({20230701: 1}, 1)}))
        trees = client.call('trees')
        for command, tree, fields in WRITES:
            self.assertIn(text, client.fault(command, tree, **fields), command)
        self.assertEqual(client.call('trees'), trees)
        self.assertEqual(client.call('sum', 'a', key=1), 1)
        self.assertEqual(sum(client.find('a')[1].values()), 1)
        self.assertEqual(client.call('ping'), 'pong')


class DiskFull(FaultTest):
    def test_no_space(self):
        """without space for a next segment every write is refused unchanged, reads go on, and it ends by itself"""
        server, client = self.begin(*self.SMALL)
        done = 0
        for round_ in range(3):
            self.faults.set('allocate', error=errno.ENOSPC)
            done += self.fill(client, DISK_FULL)
            self.all_writes_refused(client, DISK_FULL)
            self.assertEqual(client.call('sum', 'a', key=KEY), done)
            self.assertTrue(self.faults.met('allocate'))
            self.assertRegex(server.log(), r'(?i) (error|warn ) .*(full|space)')
            if round_ == 0:
                wait_until(lambda: server.ticks_in(2) <= 10, 'waiting for space takes next to no CPU')
            if round_ == 1:
                self.kill_and_look(done).close()
                self.servers[-1].stop()
                server = self.start(*self.SMALL, env=self.faults.environment())
                client = self.client()
                continue
            self.faults.clear()
            wait_until(lambda: parse_reply(client.ask(request('increment', 'a', key=KEY)))[0], 'writes are taken again')
            done += 1
        for command, tree, fields in WRITES[:4]:
            client.call(command, tree, **fields)
        self.assertEqual(client.call('sum', 'a', key=KEY), done)
        self.kill_and_look(done)

    def test_no_space_under_load(self):
        """space that comes and goes under load of several connections loses nothing and leaves nobody without a reply"""
        server, client = self.begin(*self.SMALL)
        clients = [self.client() for _ in range(4)]
        done = [0] * 4

        def batch():
            """Counts on every connection; returns how many were refused."""
            refused = 0
            for i, c in enumerate(clients):
                c.send(apart(request('increment', 'a', key=10 + i), 2000))
            for i, c in enumerate(clients):
                for line in c.lines_apart(2000):
                    done[i] += line == ONE
                    refused += line != ONE
                    self.assertTrue(line == ONE or DISK_FULL in parse_reply(line)[1], line)
            self.assertEqual([client.call('sum', 'a', key=10 + i) for i in range(4)], done)
            return refused
        for round_ in range(3):
            self.faults.set('allocate', error=errno.ENOSPC, let_pass=round_)
            wait_until(batch, 'writes are refused')
            self.faults.clear()
            wait_until(lambda: batch() == 0, 'writes are taken again')
        client = self.kill_and_look(0)
        self.assertEqual([client.call('sum', 'a', key=10 + i) for i in range(4)], done)

    def test_real_file_system(self):
        """the same on a real file system that is full: writes are refused, and taken again when there is space"""
        if not shutil.which('mount'):
            self.skipTest('no mount here')
        directory = self.fresh()
        mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', directory], capture_output=True)
        if mounted.returncode != 0:
            self.skipTest('no file system can be mounted here: %s' % mounted.stderr.decode().strip())
        self.addCleanup(subprocess.run, ['umount', '-l', directory])
        self.addCleanup(self.end_servers)
        server = self.start('--wal-segment-bytes=64KiB', directory=directory)
        ballast = os.path.join(directory, 'ballast')
        with open(ballast, 'wb') as f:
            f.write(bytes(3 << 20))
        client = self.client()
        client.call('increment', 'a', key=1)
        done = self.fill(client, DISK_FULL)
        self.all_writes_refused(client, DISK_FULL)
        self.assertEqual(client.call('sum', 'a', key=KEY), done)
        os.remove(ballast)
        wait_until(lambda: parse_reply(client.ask(request('increment', 'a', key=KEY)))[0], 'writes are taken again')
        done += 1 + self.fill(client, DISK_FULL)
        server.kill()
        # A start needs a segment of its own: it says so, and can be repeated.
        for _ in range(2):
            log = self.refused_start('--wal-segment-bytes=64KiB', directory=directory)
            self.assertRegex(log, r'ERROR: .*No space left')
        subprocess.run(['mount', '-o', 'remount,size=20m', directory], check=True)
        self.start('--wal-segment-bytes=64KiB', directory=directory)
        client = self.client()
        self.assertEqual(client.call('sum', 'a', key=KEY), done)
        self.assertEqual(client.call('sum', 'a', key=1), 1)

    def test_no_space_at_the_start(self):
        """a start that cannot make its first segment ends with 1 and a clear line, and harms nothing"""
        server, client = self.begin()
        server.kill()
        for call, error, words in (('allocate', errno.ENOSPC, 'No space left'), ('write', errno.EIO, 'Input/output error'),
                                   ('sync', errno.EIO, 'Input/output error')):
            self.faults.set(call, error=error)
            self.assertRegex(self.refused_start(env=self.faults.environment()), 'ERROR: .*' + words)
            self.faults.clear()
        self.start()
        self.assertEqual(self.client().call('sum', 'a', key=1), 1)


class Failing(FaultTest):
    def fails(self, call, mode='true', direct=False, **fault):
        """The log fails under pipelined writes of two connections; everything that has to follow."""
        what = '%s, %s, %s' % (call, mode, fault)
        directory = self.fresh()
        server, client = self.begin('--wal-fsync=' + mode, direct=direct, directory=directory)
        client.send(request('increment', 'a', key=KEY) * 100)
        self.assertEqual(client.lines(100), [ONE] * 100)
        client.call('dump', 'a')
        before = sorted(server.files())
        self.faults.set(call, **fault)
        done, open_ = 100, 0
        others = [client, self.client()]
        # In the modes that hold no reply it takes a moment until the fault shows.
        end = deadline()
        while not self.faults.met(call) or not open_:
            for c in others:
                c.send(request('increment', 'a', key=KEY) * 20)
            for c in others:
                for line in c.lines(20):
                    success, text = parse_reply(line)
                    done += success
                    open_ += not success
                    self.assertTrue(success or UNKNOWN in text or READ_ONLY in text, line)
            self.assertLess(time.monotonic(), end, what)
        self.read_only(server, client, before)
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 1, what)
        self.assertEqual(sorted(server.files()), before, 'no dump is written: ' + what)
        self.faults.clear()
        self.start(directory=directory)
        found = self.client().call('sum', 'a', key=KEY)
        least = done if mode == 'true' else 100
        self.assertTrue(least <= found <= done + open_, '%d, should be %d to %d: %s' % (found, least, done + open_, what))
        self.client().call('increment', 'a', key=KEY)
        self.servers[-1].stop()

    def read_only(self, server, client, before):
        """Says so on every write and in the log, reads go on, dumps are refused."""
        self.all_writes_refused(client, READ_ONLY)
        self.all_writes_refused(self.client(), READ_ONLY)
        self.assertRegex(server.log(), r' error .*log')
        for line in (request('dump', 'a'), request('dump_all')):
            client.send(line)
            success, text = client.reply()
            self.assertTrue(not success or b'dump_all' in line, text)
        server.send_signal(signal.SIGUSR1)
        client.call('ping')
        for _ in range(3):
            self.client().call('find', 'a', **EVER)
        wait_until(lambda: server.ticks_in(1) <= 1, 'a server that has failed uses no CPU')
        self.assertEqual(sorted(server.files()), before, 'no dump is written')

    def test_write_fails(self):
        """a failed write of the log: outcome unknown for who waits, read-only from then on, nothing acknowledged lost"""
        self.fails('write', error=errno.EIO)
        self.fails('write', error=errno.EIO, bytes=60, let_pass=2)

    def test_sync_fails(self):
        """the same for a failed sync, which is never tried again"""
        self.fails('sync', error=errno.EIO)
        self.fails('sync', error=errno.EIO, let_pass=3)

    def test_direct_writes_fail(self):
        """the same around the cache, where a write syncs: no sync is made, none is tried again"""
        self.fails('write', direct=True, error=errno.EIO)
        self.fails('write', direct=True, error=errno.EIO, bytes=4096, let_pass=2)
        self.assertEqual(self.faults.met('sync'), 0)

    def test_other_modes_fail(self):
        """the same without waiting for the disk: writes are refused from then on"""
        self.fails('write', mode='false', error=errno.EIO)
        self.fails('write', mode='everysec', error=errno.ENOSPC)
        self.fails('sync', mode='everysec', error=errno.EIO)

    def no_second_try(self, call, direct):
        server, client = self.begin(direct=direct)
        self.faults.set(call, error=errno.EIO)
        self.assertIn(UNKNOWN, client.fault('increment', 'a', key=KEY))
        self.faults.clear()
        calls = [self.faults.get(call, 'calls') for call in ('write', 'sync')]
        for _ in range(5):
            self.assertIn(READ_ONLY, client.fault('increment', 'a', key=KEY))
            self.assertIn(READ_ONLY, self.client().fault('create', 'b'))
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 1)
        self.assertEqual([self.faults.get(call, 'calls') for call in ('write', 'sync')], calls)

    def test_no_second_try(self):
        """after a failed sync no sync and no write follows: what the page cache forgot must not become durable"""
        self.no_second_try('sync', direct=False)

    def test_no_second_try_direct(self):
        """the same after a failed write around the cache"""
        self.no_second_try('write', direct=True)

    def test_replies_keep_their_order(self):
        """when the log fails, a pipeline of reads and writes still gets every reply in its place"""
        server, client = self.begin()
        self.faults.set('sync', stall=True)
        line = request('ping') + request('increment', 'a', key=KEY) + request('trees') + request('sum', 'a', key=1)
        client.send(line * 50)
        wait_until(lambda: self.faults.get('sync', 'waiting'), 'a sync that stalls')
        self.faults.put('sync', 'error', errno.EIO)
        self.faults.put('sync', 'stall', 0)
        for _ in range(50):
            # A read that is held together with writes whose outcome is unknown may be answered, or be told the same.
            for right in ('pong', None, ['a'], 1):
                success, text = client.reply()
                if right is None:
                    self.assertTrue(not success and (UNKNOWN in text or READ_ONLY in text), text)
                else:
                    self.assertTrue(text == right if success else UNKNOWN in text, text)
        self.assertIn(READ_ONLY, client.fault('increment', 'a', key=KEY))


class Stalling(FaultTest):
    def readers(self):
        return [self.client() for _ in range(6)]  # on both workers

    def read_beside(self, readers, count=100):
        """Reads on other connections; each must be answered. Returns how long each took, in ms."""
        took = []
        for _ in range(count):
            for reader in readers:
                begun = time.monotonic()
                reader.call('sum', 'a', key=1)
                took.append((time.monotonic() - begun) * 1000)
        return took

    def stalls(self, call, *options, direct=False):
        server, client = self.begin(*options, direct=direct)
        readers = self.readers()
        self.read_beside(readers, 20)
        usual = self.read_beside(readers)
        writers = [self.client() for _ in range(4)]
        memory = server.status('RssAnon')
        self.faults.set(call, stall=True)
        sent = self.send_until_stuck(writers)
        wait_until(lambda: self.faults.get(call, 'waiting'), 'the log stalls')
        took = self.read_beside(readers)
        print('   %s stalls: %d requests were taken; reads beside: p50 %.2f, p99 %.2f ms; without %.2f, %.2f ms' % (
            call, sum(sent), quartile(took, .5), quartile(took, .99), quartile(usual, .5), quartile(usual, .99)))
        self.assertEqual(select.select([w.sock for w in writers], [], [], 0.2)[0], [], 'nobody is answered')
        if not SANITIZED:
            self.assertLess(server.status('RssAnon') - memory, 128 * 1024, 'KiB more while the log stalls')
        wait_until(lambda: server.ticks_in(2) <= 6, 'waiting for the disk takes next to no CPU')
        self.assertEqual(readers[0].call('sum', 'a', key=1), 1)
        return server, writers, sent

    def send_until_stuck(self, writers):
        """Pipelines of an increment and a sum of a key of each connection's own, until the server reads no more."""
        sent = []
        for i, writer in enumerate(writers):
            writer.sock.settimeout(0.5 * SLOW)
            pair = request('increment', 'a', key=KEY + i) + request('sum', 'a', key=KEY + i)
            data, total = pair * 1000, 0
            try:
                while total < 64 << 20:
                    at = total % len(pair)
                    total += writer.sock.send(data[at:])
                self.fail('the server reads on without end')
            except socket.timeout:
                pass
            writer.sock.settimeout(60 * SLOW)
            writer.rest_of_pair = pair[total % len(pair):] if total % len(pair) else b''
            sent.append((total + len(pair) - 1) // len(pair))
        return sent

    def all_answered(self, writers, sent, server):
        """Every reply comes, in order: each sum is what the connection has counted so far."""
        for i, writer in enumerate(writers):
            got, want = 0, 2 * sent[i]
            rest = writer.rest_of_pair
            while got < want:
                if rest and select.select([], [writer.sock], [], 0)[1]:
                    rest = rest[writer.sock.send(rest):]
                count = min(want - got - (2 if rest else 0), 20000)
                lines = writer.lines(count) if count else []
                for at, line in enumerate(lines, got):
                    right = 1 if at % 2 == 0 else at // 2 + 1
                    if line != b'{"success":true,"response":%d}\r\n' % right:
                        self.fail('reply %d of connection %d: %r instead of %d' % (at, i, line, right))
                got += len(lines)
        client = self.client(server)
        self.assertEqual([client.call('sum', 'a', key=KEY + i) for i in range(len(writers))], sent)

    def test_sync_stalls(self):
        """while a sync stalls, reads go on, memory is bounded, pipelines stop; then all is answered, in order, and kept"""
        server, writers, sent = self.stalls('sync')
        self.faults.clear()
        self.all_answered(writers, sent, server)
        self.kill_and_look(sent[0])

    def test_direct_write_stalls(self):
        """the same around the cache, where a write syncs"""
        server, writers, sent = self.stalls('write', direct=True)
        self.faults.clear()
        self.all_answered(writers, sent, server)
        self.kill_and_look(sent[0])

    def test_write_stalls_and_buffers_are_full(self):
        """the same with buffers so small that they are full, so that requests wait for room"""
        server, writers, sent = self.stalls('write', '--wal-segment-bytes=64KiB')
        self.faults.clear()
        self.all_answered(writers, sent, server)
        self.kill_and_look(sent[0])

    def test_preparing_stalls(self):
        """while the next segment takes its time reads go on, and writes wait; then all are done, and kept"""
        server, client = self.begin(*self.SMALL)
        reader = self.client()
        self.faults.set('allocate', stall=True)
        count = 200000
        sender = threading.Thread(target=client.send, args=(apart(request('increment', 'a', key=KEY), count),))
        sender.start()
        self.addCleanup(sender.join)
        wait_until(lambda: self.faults.get('allocate', 'waiting'), 'the next segment takes its time')
        self.read_beside([reader], 50)
        self.assertEqual(client.lines_apart(20000), [ONE] * 20000)
        self.faults.clear()
        self.assertEqual(client.lines_apart(count - 20000), [ONE] * (count - 20000))
        self.kill_and_look(count)

    def test_read_while_a_writer_waits(self):
        """a read is answered while a writer waits; one behind a write on the same connection comes after it"""
        server, client = self.begin()
        self.faults.set('sync', stall=True)
        client.send(request('increment', 'a', key=KEY) + request('sum', 'a', key=KEY))
        wait_until(lambda: self.faults.get('sync', 'waiting'), 'a sync that stalls')
        other = self.client()
        self.assertEqual(other.call('sum', 'a', key=KEY), 1, 'done, though not acknowledged yet')
        self.assertEqual(select.select([client.sock], [], [], 0.3)[0], [])
        self.faults.clear()
        self.assertEqual(client.lines(2), [ONE, ONE])

    def test_whole_trees_while_it_stalls(self):
        """deletes, resets, creates, drops and dumps wait for a stalled log, too, each on its own connection"""
        server, client = self.begin()
        for tree in 'bcdef':
            client.call('increment', tree, key=1)
        self.put('5_l.tree', original_file({1: ({20230701: 1}, 1)}))
        self.faults.set('sync', stall=True)
        lines = [request('delete', 'b', **EVER), request('reset', 'c'), request('create', 'new'), request('drop', 'd'),
                 request('create', 'e'), request('dump', 'f'), request('load', '5_l.tree'), request('drop', 'no')]
        clients = [self.client() for _ in lines]
        for c, line in zip(clients, lines):
            c.send(line)
        wait_until(lambda: self.faults.get('sync', 'waiting'), 'a sync that stalls')
        self.assertEqual(select.select([c.sock for c in clients[:-1]], [], [], 0.3)[0], [])
        client.call('sum', 'a', key=1)
        self.faults.clear()
        for c, line in zip(clients[:-1], lines):
            self.assertTrue(c.reply()[0], line)
        self.assertFalse(clients[-1].reply()[0])
        client = self.kill_and_look(0)
        self.assertEqual(client.call('trees'), ['a', 'b', 'c', 'e', 'f', 'new', 'l'])
        self.assertEqual([client.find(tree) for tree in 'bc'], [{1: {}}, {}])

    def test_kill_while_it_stalls(self):
        """kill -9 while the log stalls: what was acknowledged before is there, at most the unacknowledged is open"""
        server, client = self.begin()
        client.send(request('increment', 'a', key=KEY) * 100)
        client.lines(100)
        for call in ('sync', 'write'):
            self.faults.set(call, stall=True)
            client.send(request('increment', 'a', key=KEY) * 50)
            wait_until(lambda: self.faults.get(call, 'waiting'), 'the log stalls')
            client = self.kill_and_look(100, 150)
            self.faults.clear()
            self.servers[-1].stop()
            self.start(env=self.faults.environment())
            client = self.client()
            client.call('reset', 'a', key=KEY)
            client.send(request('increment', 'a', key=KEY) * 100)
            client.lines(100)

    def test_end_while_it_stalls(self):
        """a server whose log stalls ends with 1 at the second SIGTERM, whatever the first waits for"""
        server, client = self.begin('--shutdown-timeout=1')
        self.faults.set('sync', stall=True)
        client.send(request('increment', 'a', key=KEY))
        wait_until(lambda: self.faults.get('sync', 'waiting'), 'a sync that stalls')
        server.send_signal(signal.SIGTERM)
        wait_until(lambda: 'stopping' in server.log(), 'the server begins to stop')
        time.sleep(1.5)
        self.assertTrue(server.running())
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 1)

    def test_disconnected_while_it_stalls(self):
        """connections that go while their replies are held harm nobody, and what they wrote is kept"""
        server, client = self.begin()
        self.faults.set('sync', stall=True)
        leaving = [self.client() for _ in range(20)]
        for i, c in enumerate(leaving):
            c.send(request('increment', 'a', key=KEY) * 10)
        reader = self.client()
        wait_until(lambda: reader.call('sum', 'a', key=KEY) == 200, 'all are done')
        for i, c in enumerate(leaving):
            c.reset() if i % 2 else c.close()
        self.read_beside([reader], 50)
        self.faults.clear()
        client.send(request('increment', 'a', key=KEY) * 10)
        self.assertEqual(client.lines(10), [ONE] * 10)
        self.kill_and_look(210)

    def test_half_closed_while_it_stalls(self):
        """a connection that has said all gets its held replies before the end"""
        server, client = self.begin()
        self.faults.set('sync', stall=True)
        client.send(request('increment', 'a', key=KEY) * 10)
        client.half_close()
        wait_until(lambda: self.faults.get('sync', 'waiting'), 'a sync that stalls')
        self.faults.clear()
        self.assertEqual(client.rest(), ONE * 10)


class ShortWrites(FaultTest):
    def test_short_writes(self):
        """writes that do less than asked for are gone on with: nothing is lost, and the log is sound"""
        for size in (1, 7, 72, 100, 4096):
            server, client = self.begin(directory=self.fresh())
            self.faults.set('write', bytes=size)
            count = 2000 if size > 50 else 50
            client.send(request('increment', 'a', key=KEY) * count)
            self.assertEqual(client.lines(count), [ONE] * count)
            self.assertTrue(self.faults.met('write'))
            self.kill_and_look(count, directory=server.directory)


class TooLarge(FaultTest):
    def test_too_large_for_the_log(self):
        """a request whose effects are too many for the log's buffer is done or refused whole, and not in a loop"""
        server, client = self.begin('--wal-segment-bytes=64KiB')
        days = {20000000 + day: 1 for day in range(20000)}
        self.put('5_l.tree', original_file({1: (days, len(days))}))
        client.call('load', '5_l.tree')
        client.send(request('reset', 'l', key=1) + request('sum', 'l', key=1) + request('increment', 'a', key=KEY))
        success, text = client.reply()
        self.assertEqual(client.reply(), (True, 0 if success else len(days)))
        self.assertTrue(success or 'too large' in text, text)
        self.assertEqual(client.reply(), (True, 1))
        client = self.kill_and_look(1)
        self.assertEqual(client.call('sum', 'l', key=1), 0 if success else len(days))
        client.call('reset', 'l', key=1)
        self.assertEqual(client.call('sum', 'l', key=1), 0, 'with the ordinary size it fits')


if __name__ == '__main__':
    SHIM = os.path.join(os.path.dirname(os.path.abspath(sys.argv[1])), 'tests', 'e2e', 'fault_shim.so')
    if len(sys.argv) > 2 and sys.argv[2].endswith('.so'):
        SHIM = os.path.abspath(sys.argv.pop(2))
    if not os.path.exists(SHIM):
        skip('no %s: builds with a sanitizer have none' % SHIM)
    main()
