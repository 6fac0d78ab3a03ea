#!/usr/bin/env python3
"""Many connections: limits, descriptors exhausted and freed again, thousands of idle ones."""
import resource
import select

from harness import *

PING = request('ping')
PONG = b'{"success":true,"response":"pong"}\r\n'


class Limits(KarmaTest):
    def test_max_clients(self):
        """--max-clients: one more is told so and closed, those inside are served, a free place is given again"""
        server = self.start('--max-clients=10')
        clients = [self.client() for _ in range(10)]
        for client in clients:
            self.assertEqual(client.ask(PING), PONG)
        for _ in range(3):
            extra = self.client()
            extra.send(PING * 100)
            self.assertFalse(extra.reply()[0])
            extra.end()
        for client in clients:
            self.assertEqual(client.ask(PING), PONG)
        clients.pop().close()

        def served():
            client = self.client()
            try:
                return client.ask(PING) == PONG
            except (Closed, OSError):
                return False
        wait_until(served, 'a free place is given again')

    def test_max_clients_storm(self):
        """hundreds of clients too many at once harm neither those inside nor the descriptors"""
        server = self.start('--max-clients=5')
        inside = [self.client() for _ in range(4)]
        for client in inside:
            client.call('ping')
        before = server.descriptors_at_rest()
        last = self.client()
        last.call('ping')
        extra = [self.client() for _ in range(300)]
        for client in inside + [last]:
            self.assertEqual(client.ask(PING), PONG)
        for client in extra:
            client.close()
        wait_until(lambda: server.descriptors() <= before + 1, 'descriptors of the refused come back')
        self.assertEqual(last.ask(PING), PONG)

    def test_descriptors_exhausted(self):
        """without free descriptors accepting pauses and serving goes on; freed, those who waited are served"""
        limit = 64

        def few():
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        server = self.start(preexec=few)
        first = self.client()
        first.call('increment', 'a', key=1)
        for round_ in range(3):
            clients = [self.client() for _ in range(100)]
            for client in clients:
                client.send(PING)
            readable = lambda: select.select([c.sock for c in clients], [], [], 0)[0]
            wait_until(lambda: server.descriptors() >= limit - 4, 'the descriptors are used up')
            wait_until(readable, 'some are served')
            for _ in range(20):
                self.assertEqual(first.call('increment', 'a', key=1), 1)
            self.assertLess(len(readable()), 100, 'not all fit')
            self.assertTrue(server.running())
            # A dump needs a descriptor: it fails with a text, or works, but never harms.
            first.send(request('dump', 'a'))
            parse_reply(first.line())
            # One after the other leaves; everyone gets an answer.
            waiting = list(clients)
            while waiting:
                ready = select.select([c.sock for c in waiting], [], [], 30 * SLOW)[0]
                self.assertTrue(ready, '%d of 100 are never served' % len(waiting))
                for client in [c for c in waiting if c.sock in ready]:
                    self.assertEqual(client.line(), PONG)
                    client.close()
                    waiting.remove(client)
            wait_until(lambda: server.descriptors() < limit - 20, 'descriptors come back')
        self.assertEqual(first.call('dump', 'a'), 'Tree "a" saved')
        self.assertEqual(self.client().call('sum', 'a', key=1), 61)

    def test_soft_limit_is_raised(self):
        """a soft descriptor limit of 64 does not keep out 200 clients when the hard one allows them"""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard < 1000:
            self.skipTest('the hard limit is only %d' % hard)
        self.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard)))
        clients = [self.client() for _ in range(200)]
        for client in clients:
            self.assertEqual(client.ask(PING), PONG)


class Idle(KarmaTest):
    def test_thousands_idle(self):
        """10,000 idle connections cost at most 2 KiB resident each, and the server serves on among them"""
        hard = raise_descriptor_limit()
        count = 1000 if SANITIZED else 10000
        if hard < count + 500:
            count = hard - 500
        server = self.start('--max-clients=20000')
        other = self.client()
        other.call('increment', 'a', key=1)
        idle = []

        def grow(to):
            while len(idle) < to:
                fresh = [self.client() for _ in range(min(200, to - len(idle)))]
                for client in fresh:
                    client.send(PING)
                for client in fresh:
                    self.assertEqual(client.line(), PONG)
                idle.extend(fresh)
        first = count // 10
        grow(first)
        before = server.status('RssAnon')
        grow(count)
        after = server.status('RssAnon')
        each = (after - before) * 1024 / (count - first)
        print('   %d idle connections: %.0f bytes resident each (RssAnon %d -> %d KiB)' % (count, each, before, after))
        if not SANITIZED:
            self.assertLessEqual(each, 2048)
        # Idle ones wake up and are served, in any order; so are new ones.
        for client in idle[::97]:
            self.assertEqual(client.call('increment', 'a', key=1), 1)
        self.assertEqual(self.client().call('sum', 'a', key=1), 1 + len(idle[::97]))
        descriptors = server.descriptors_at_rest()
        for client in idle:
            client.close()
        wait_until(lambda: server.descriptors() <= descriptors - count, 'descriptors of all come back')
        self.assertEqual(other.call('ping'), 'pong')

    def test_half_lines_held(self):
        """thousands of connections with half a line each are held, bounded by their bytes, and finished later"""
        raise_descriptor_limit()
        server = self.start()
        other = self.client()
        other.call('ping')
        before = server.status('RssAnon')
        count = scaled(2000)
        clients = [self.client() for _ in range(count)]
        line = request('increment', 'a', key=1)
        for client in clients:
            client.send(line[:20])
        self.assertEqual(other.call('ping'), 'pong')
        for client in clients:
            client.send(line[20:])
        for client in clients:
            self.assertEqual(client.reply(), (True, 1))
        self.assertEqual(other.call('sum', 'a', key=1), count)
        if not SANITIZED:
            self.assertLess(server.status('RssAnon') - before, 16 * 1024)


if __name__ == '__main__':
    main()
