#!/usr/bin/env python3
"""Clients that misbehave: the others are served, memory stays bounded, and the answer to each limit is clear."""
import random
import select
import socket
import threading

from harness import *

PONG = b'{"success":true,"response":"pong"}\r\n'
ONE = b'{"success":true,"response":1}\r\n'
PING = request('ping')


class Pieces(KarmaTest):
    def setUp(self):
        super().setUp()
        self.start()
        self.c = self.client()

    def test_one_byte_at_a_time(self):
        """requests that arrive byte by byte are answered like any other"""
        for byte in PING + request('increment', 'ü', key=1) + b'\r\n' + PING:
            self.c.send(bytes([byte]))
        self.assertEqual(self.c.line(), PONG)
        self.assertEqual(self.c.line(), ONE)
        self.assertFalse(self.c.reply()[0], 'an empty line gets an error')
        self.assertEqual(self.c.line(), PONG)

    def test_split_at_each_byte(self):
        """two requests cut in two packets at each place give the same two replies"""
        data = request('increment', 'ü\\', key=1)[:-1] + b'\r\n' + PING
        for at in range(1, len(data)):
            self.c.send(data[:at])
            if at % 2:
                time.sleep(0.001)  # lets the pieces arrive apart; what is asserted does not depend on it
            self.c.send(data[at:])
            self.assertEqual(self.c.lines(2), [ONE, PONG], 'cut at %d' % at)
        self.assertEqual(self.c.call('sum', 'ü\\', key=1), len(data) - 1)

    def test_pipelining_in_one_go(self):
        """100,000 requests sent in one go get 100,000 replies in order"""
        count = scaled(100000)
        data = b''.join(request('increment', 'a', key=i) if i % 2 else request('sum', 'a', key=i) for i in range(count))
        sender = threading.Thread(target=self.c.send, args=(data,))
        sender.start()
        lines = self.c.lines(count)
        sender.join()
        zero = b'{"success":true,"response":0}\r\n'
        self.same(lines, [ONE if i % 2 else zero for i in range(count)], 'replies')
        self.assertEqual(self.c.call('sum', 'a', key=1), 1)

    def test_order_with_whole_tree_requests(self):
        """replies keep their order though some requests are run by other threads"""
        self.c.call('increment', 'a', key=1)
        lines, expected = [], []
        today = utc_today()
        for i in range(scaled(300)):
            for line, reply in ((request('find', 'a', **EVER), {'1': {today: i + 1}}), (PING, 'pong'),
                                (request('increment', 'a', key=1), 1), (request('dump', 'a') if i % 50 == 0 else PING,
                                                                        'Tree "a" saved' if i % 50 == 0 else 'pong'),
                                (request('sum', 'a', key=1), i + 2),
                                (request('delete', 'a', time_from=0, time_to=1), True)):
                lines.append(line)
                expected.append(reply)
        sender = threading.Thread(target=self.c.send, args=(b''.join(lines),))
        sender.start()
        got = [json.loads(line)['response'] for line in self.c.lines(len(lines))]
        sender.join()
        self.same(got, expected, 'replies')

    def test_half_close(self):
        """the last line needs no LF when the client half-closes; all is answered, then the server closes"""
        cases = ((PING[:-1], [PONG]), (PING + PING[:-1], [PONG, PONG]), (PING, [PONG]), (b'', []),
                 (PING * 5000 + PING[:-1], [PONG] * 5001))
        for data, expected in cases:
            with self.client() as client:
                sender = threading.Thread(target=lambda: (client.send(data), client.half_close()))
                sender.start()
                self.same(client.rest().splitlines(True), expected, 'replies')
                sender.join()
        with self.client() as client:
            client.send(b'{"command":')
            client.half_close()
            self.assertFalse(client.reply()[0])
            client.end()
        with self.client() as client:  # a request run by another thread, and the FIN right behind
            client.send(request('find', 'none', **EVER)[:-1])
            client.half_close()
            self.assertEqual(client.rest(), b'{"success":true,"response":{}}\r\n')

    def test_garbage(self):
        """random bytes get one error reply a line and harm nobody"""
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        for _ in range(scaled(40)):
            lines = [bytes(rng.choice(b'{}[]":,\\ \t\r0123456789abcdefnulltruecommand\x00\x7f\x80\xc3\xff')
                           for _ in range(rng.randrange(200))).replace(b'\n', b'') for _ in range(rng.randint(1, 50))]
            with self.client() as client:
                client.send(b'\n'.join(lines) + b'\n')
                for line in client.lines(len(lines)):
                    self.assertFalse(parse_reply(line)[0], 'seed %d: %r' % (seed, line))
                self.assertEqual(client.call('ping'), 'pong')
        self.assertEqual(self.c.call('trees'), [])

    def test_mutated_requests(self):
        """requests with random changes get exactly one well-formed reply each, and the server lives"""
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        good = [request('increment', 'aü', key=5), request('find', 'a"', key=1, **EVER), request('sum', 'a', key=U64_MAX),
                request('reset', 'a'), request('delete', 'a', **EVER), request('load', '5_x.tree'), request('trees')]
        batch = []
        for _ in range(scaled(5000)):
            line = bytearray(rng.choice(good)[:-1])
            for _ in range(rng.randint(1, 3)):
                at = rng.randrange(len(line))
                kind = rng.randrange(3)
                if kind == 0:
                    line[at] = rng.randrange(256)
                elif kind == 1:
                    del line[at]
                else:
                    line.insert(at, rng.choice(b'{}[]",:\\0-e.\x00\xff\xed'))
            batch.append(bytes(line).replace(b'\n', b' '))
        sender = threading.Thread(target=self.c.send, args=(b'\n'.join(batch) + b'\n',))
        sender.start()
        for sent, line in zip(batch, self.c.lines(len(batch))):
            try:
                parse_reply(line)
            except (AssertionError, ValueError) as e:
                self.fail('seed %d: %r -> %r: %s' % (seed, sent, line, e))
        sender.join()
        self.assertEqual(self.c.call('ping'), 'pong')


class LineLimit(KarmaTest):
    def setUp(self):
        super().setUp()
        self.start('--max-request-bytes=1024')

    def padded(self, size):
        """A ping of this many bytes, LF not counted."""
        line = b'{"command":"ping","x":""}'
        return line[:-2] + b'y' * (size - len(line)) + b'"}\n'

    def cut(self, data):
        """The client gets the error of a line too long, and then the end."""
        client = self.client()
        client.send(data)
        success, text = client.reply()
        self.assertFalse(success)
        self.assertIn('1024', text)
        client.end()
        client.close()

    def test_at_the_limit(self):
        """a line of exactly the limit passes, one more byte gets an error reply and the connection is closed"""
        client = self.client()
        for size in (1023, 1024, 1024):
            self.assertEqual(len(self.padded(size)), size + 1)
            self.assertEqual(client.ask(self.padded(size)), PONG)
        client.send(self.padded(1024)[:-1])
        client.half_close()
        self.assertEqual(client.rest(), PONG)
        self.cut(self.padded(1025))
        self.cut(self.padded(1025)[:-1])
        self.cut(self.padded(1024)[:-1] + b'\r\n')
        self.cut(b'{' * 1025)

    def test_error_is_not_lost(self):
        """the client that goes on sending behind an over-long line gets the error and a clean end, not a reset"""
        for size in (5000, 100000, 2000000):
            self.cut(self.padded(size))
            self.cut(self.padded(1025) + PING * (size // len(PING)))

    def test_pieces_of_a_long_line(self):
        """the limit holds for a line that arrives in pieces, and blanks count"""
        for piece in (b' ', b'x' * 100):
            client = self.client()
            try:
                for _ in range(3000 // len(piece)):
                    client.send(piece)
            except ConnectionError:
                pass
            success, text = client.reply()
            self.assertFalse(success)
            client.close()

    def test_replies_before_a_long_line(self):
        """requests before the over-long line are executed and answered first, those behind are not"""
        client = self.client()
        client.send(request('increment', 'a', key=1) * 10 + self.padded(5000) + request('increment', 'a', key=1) * 10)
        self.assertEqual(client.lines(10), [ONE] * 10)
        self.assertFalse(client.reply()[0])
        client.end()
        self.assertEqual(self.client().call('sum', 'a', key=1), 10)

    def test_a_line_without_end(self):
        """megabytes without a line end get the error, while they are still being sent, and no memory"""
        server = self.servers[0]
        self.client().call('ping')
        before = server.status('RssAnon')
        clients = [self.client() for _ in range(20)]
        for client in clients:
            def send(client=client):
                try:
                    for _ in range(64):
                        client.send(b'x' * 65536)
                except OSError:
                    pass
            threading.Thread(target=send, daemon=True).start()
        for client in clients:
            self.assertFalse(client.reply()[0])
        if not SANITIZED:
            self.assertLess(server.status('RssAnon') - before, 32 * 1024)
        for client in clients:
            client.reset()
        self.assertEqual(self.client().call('ping'), 'pong')

    def test_default_limit(self):
        """64 KiB by default: a line of 65536 bytes passes, one of 65537 does not"""
        self.start(directory=self.fresh())
        client = self.client()
        self.assertEqual(client.ask(self.padded(65536)), PONG)
        client.send(self.padded(65537))
        success, text = client.reply()
        self.assertFalse(success)
        self.assertIn('65536', text)
        self.assertEqual(client.rest(), b'')


class SlowReaders(KarmaTest):
    def flood(self, client, line, seconds=20):
        """Sends requests and reads nothing until the server takes no more. Returns the bytes sent, or None if it closed."""
        client.sock.setblocking(False)
        data, sent, end, still = line * 500, 0, deadline(seconds), None
        at = 0
        while time.monotonic() < end:
            try:
                n = client.sock.send(data[at:])
                sent += n
                at = (at + n) % len(data)
                still = None
                if sent > 256 << 20:
                    self.fail('the server takes requests without end: %d bytes' % sent)
            except BlockingIOError:
                still = still or time.monotonic()
                if time.monotonic() - still > 0.2:  # only ends the flood; nothing is asserted about it
                    break
                time.sleep(0.01)
            except ConnectionError:
                return None
        return sent

    def test_memory_and_others(self):
        """clients that send and never read cost bounded memory, and the others are served"""
        server = self.start('--write-timeout=0')
        other = self.client()
        for key in range(2000):
            other.send(request('increment', 'a', key=key))
        other.lines(2000)
        other.find('a')
        base = server.status('RssAnon')
        for line, count in ((PING, 4), (request('find', 'a', **EVER), 8), (request('sum', 'a', key=1), 4)):
            clients = [self.client(receive_buffer=4096) for _ in range(count)]
            for client in clients:
                self.flood(client, line)
                other.call('increment', 'b', key=1)
            if not SANITIZED:
                # At most 256 KiB of replies, one reply more, 64 KiB of input and its buffers for each.
                self.assertLess(server.status('RssAnon') - base, 24 * 1024 + 24 * 1024)
            for client in clients:
                client.reset()
        self.assertEqual(other.call('ping'), 'pong')

    def test_resumes(self):
        """a client that reads late gets every reply, in order"""
        server = self.start('--write-timeout=0')
        client = self.client(receive_buffer=4096)
        sent = self.flood(client, request('increment', 'a', key=1))
        client.sock.setblocking(True)
        client.sock.settimeout(60 * SLOW)
        client.half_close()
        line = len(request('increment', 'a', key=1))
        data = client.rest()
        whole = (sent + 1) // line  # a last line that lacks its LF only counts
        self.assertTrue(data.startswith(ONE * whole), '%d replies' % data.count(b'\n'))
        self.assertLessEqual(data[len(ONE) * whole:].count(b'\n'), 1, 'at most the error of a cut last line')
        self.assertEqual(self.client().call('sum', 'a', key=1), whole)

    def test_write_timeout(self):
        """--write-timeout drops a client that does not read, says so, and its descriptor comes back"""
        server = self.start('--write-timeout=1')
        other = self.client()
        other.call('ping')
        before = server.descriptors_at_rest()
        slow = self.client(receive_buffer=4096)
        self.flood(slow, PING)
        wait_until(lambda: server.descriptors() <= before, 'the slow client is dropped')
        wait_until(lambda: 'client dropped' in server.log(), 'a line of the log about it')
        self.assertEqual(other.call('ping'), 'pong')

    def test_reader_slower_than_the_timeout_but_alive(self):
        """a client that reads all the time, if slowly, is not dropped"""
        server = self.start('--write-timeout=%d' % (2 * SLOW))  # long enough for it to be always in time
        client = self.client(receive_buffer=4096)
        for key in range(3000):
            client.send(request('increment', 'a', key=key))
        client.lines(3000)
        client.send(request('find', 'a', **EVER) * 100)
        got, end = 0, time.monotonic() + 3 * SLOW
        while got < 100:
            select.select([client.sock], [], [], 60 * SLOW)
            data = client.sock.recv(32768)
            self.assertTrue(data, 'dropped after %d replies' % got)
            got += data.count(b'\n')
            if time.monotonic() < end:
                time.sleep(0.02)
        self.assertNotIn('client dropped', server.log())

    def test_idle_timeout(self):
        """--idle-timeout closes what sends nothing, not what is active"""
        self.start('--idle-timeout=%d' % (3 * SLOW))  # long enough for the busy one to be always in time
        idle = self.client()
        idle.call('ping')
        half = self.client()
        half.send(b'{"comm')
        busy = self.client()
        done = threading.Event()

        def work():
            while not done.is_set():
                busy.call('ping')
                time.sleep(0.05)
        worker = threading.Thread(target=work)
        worker.start()
        self.assertEqual(idle.rest(), b'')
        self.assertEqual(half.rest(), b'')
        done.set()
        worker.join()
        self.assertEqual(busy.call('ping'), 'pong')


class Leaving(KarmaTest):
    def settled(self, server, count):
        wait_until(lambda: server.descriptors() <= count, 'descriptors back at %d' % count)

    def test_reset_in_mid_request(self):
        """RST in the middle of a line, of a pipeline and with replies unread leaves nothing behind"""
        server = self.start()
        other = self.client()
        other.call('increment', 'a', key=1)
        before = server.descriptors_at_rest()
        for i in range(scaled(200)):
            client = self.client()
            client.send((b'{"command":"incr', PING * 100 + b'{"comm', request('find', 'a', **EVER) * 50,
                         request('dump', 'a') if i % 40 == 3 else PING)[i % 4])
            if i % 3 == 0:
                client.sock.recv(10) if i % 4 else None
            client.reset()
            self.assertEqual(other.call('ping'), 'pong')
        self.settled(server, before)

    def test_churn(self):
        """thousands of short connections: descriptors and memory come back"""
        server = self.start()
        other = self.client()
        other.call('ping')
        before = server.descriptors_at_rest()

        def churn(count):
            for i in range(count):
                client = self.servers[0].client()
                if i % 4:
                    self.assertEqual(client.ask(PING), PONG)
                if i % 3 == 0:
                    client.half_close()
                client.close() if i % 2 else client.reset()
        churn(scaled(500))
        self.settled(server, before)
        memory = server.status('RssAnon')
        threads = [threading.Thread(target=churn, args=(scaled(800),)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.settled(server, before)
        if not SANITIZED:
            self.assertLess(server.status('RssAnon') - memory, 4 * 1024)
        self.assertEqual(other.call('ping'), 'pong')

    def test_connect_and_leave(self):
        """connections closed before a byte was sent, many at a time"""
        server = self.start()
        other = self.client()
        other.call('ping')
        before = server.descriptors_at_rest()
        for _ in range(10):
            clients = [server.client() for _ in range(50)]
            for i, client in enumerate(clients):
                client.close() if i % 2 else client.reset()
        self.settled(server, before)
        self.assertEqual(other.call('ping'), 'pong')


class Together(KarmaTest):
    def test_everything_at_once(self):
        """all kinds of bad clients at once, dumps and whole-tree requests beside: counts of the good ones are exact"""
        server = self.start('--max-request-bytes=4096', '--write-timeout=1', '--idle-timeout=60', '--max-clients=60')
        seed = random.randrange(1 << 32)
        finds = request('find', 'a', **EVER)

        def bad(rng):
            for _ in range(scaled(400)):
                try:
                    client = server.client(receive_buffer=rng.choice((None, 2304)))
                except OSError:
                    continue
                try:
                    kind = rng.randrange(9)
                    if kind == 0:
                        client.send(finds * rng.randint(1, 400))
                    elif kind == 1:
                        client.send(rng.randbytes(rng.randint(1, 20000)))
                    elif kind == 2:
                        client.send(b' ' * 5000)
                    elif kind == 3:
                        client.send(PING * 1000 + PING[:rng.randrange(len(PING))])
                        client.half_close()
                        client.rest()
                    elif kind == 4:
                        client.send(request('dump', 'a') + request('delete', 'b', **EVER) * 20 + request('reset', 'b'))
                    elif kind == 5:
                        client.send(b''.join(request('increment', 'b', key=i) for i in range(200)) + request('drop', 'b'))
                        client.line()
                    elif kind == 6:
                        client.send(finds * 3)
                        client.line()
                    elif kind == 7:
                        client.send(request('load', 'nothing') + request('dumps') + request('trees'))
                        client.line()
                    if rng.randrange(3):
                        client.reset()
                except (Closed, OSError):
                    pass  # too many clients, too slow, too long
                client.close()

        count = scaled(600)

        def good(client):
            for _ in range(count):
                client.send(request('increment', 'a', key=1) * 20)
                self.same(client.lines(20), [ONE] * 20)
            done.append(client)

        # Inside before the bad ones, who fill all places.
        client = self.client()
        for key in range(500):
            client.call('increment', 'a', key=1000 + key)
        done = []
        goods = [self.client() for _ in range(2)]
        for client in goods:
            client.call('ping')
        threads = [threading.Thread(target=good, args=(client,)) for client in goods]
        threads += [threading.Thread(target=bad, args=(random.Random(seed + i),)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(done), 2, 'seed %d' % seed)
        wait_until(lambda: server.descriptors() < 40, 'descriptors come back')
        self.assertEqual(self.client().call('sum', 'a', key=1), 40 * count)
        server.stop()
        self.assertEqual(server.newest('a')[1][1], 40 * count)


if __name__ == '__main__':
    main()
