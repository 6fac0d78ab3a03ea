#!/usr/bin/env python3
"""The main job: create trees, count, read, dump, restart, find the counts; and what each signal does."""
import os
import re
import signal

from harness import *


class MainJob(KarmaTest):
    def test_counts_survive_a_restart(self):
        """what a client counted is found again after SIGTERM and a new start"""
        server = self.start()
        self.assertRegex(server.out().decode(), r'\AKarma v\.\d+\.\d+\.\d+ is on %d\.\n\Z' % server.port)
        client = self.client()
        for tree in ('articles', 'page_views'):
            self.assertEqual(client.call('create', tree), 'OK')
        for key, count in ((12345, 7), (67890, 2), (U64_MAX, 1)):
            for _ in range(count):
                self.assertEqual(client.call('increment', 'articles', key=key), 1)
        client.call('increment', 'page_views', key=12345)
        today = int(utc_today())
        expected = {12345: {today: 7}, 67890: {today: 2}, U64_MAX: {today: 1}}
        self.assertEqual(client.find('articles'), expected)
        self.assertEqual(client.call('dump', 'articles'), 'Tree "articles" saved')
        client.call('increment', 'articles', key=67890)
        expected[67890] = {today: 3}
        server.stop()
        self.assertEqual(client.rest(), b'', 'the connection ends with the server')
        self.assertIn(b'Karma v.%s is off.' % server.version.encode(), server.out().splitlines())

        server = self.start()
        client = self.client()
        self.assertEqual(client.call('trees'), ['articles', 'page_views'])
        self.assertEqual(client.find('articles'), expected)
        self.assertEqual(client.call('sum', 'articles', key=12345), 7)
        self.assertEqual(client.call('sum', 'articles', key=67890, **EVER), 3)
        self.assertEqual(client.call('sum', 'page_views', key=12345), 1)
        client.call('increment', 'articles', key=12345)
        self.assertEqual(client.call('sum', 'articles', key=12345), 8)

    def test_many_generations(self):
        """counts add up over several restarts, each ended by a signal or killed, right after a dump or without one"""
        for generation in range(1, 7):
            server = self.start()
            client = self.client()
            client.call('increment', 'a', key=1)
            self.assertEqual(client.call('sum', 'a', key=1), generation)
            self.assertEqual(sum(client.find('a', 1).values()), generation)
            if generation % 3 == 1:
                client.call('dump', 'a')
            if generation % 3:
                server.kill()
            else:
                server.stop()

    def counted_and_killed(self, *options):
        """Counts, dumps one tree, counts on, and kills: a connection to the next start."""
        server = self.start(*options)
        client = self.client()
        for key in (1, 2, 2):
            client.call('increment', 'a', key=key)
        client.call('dump', 'a')
        client.call('increment', 'a', key=1)
        client.call('increment', 'b', key=1)
        server.kill()
        self.start(*options)
        return self.client()

    def test_kill_loses_nothing(self):
        """after kill -9 every acknowledged write is there, also of a tree that was never dumped"""
        client = self.counted_and_killed()
        today = int(utc_today())
        self.assertEqual(client.call('trees'), ['a', 'b'])
        self.assertEqual(client.find('a'), {1: {today: 2}, 2: {today: 2}})
        self.assertEqual(client.find('b'), {1: {today: 1}})

    def test_kill_without_a_log_comes_back_at_the_last_dump(self):
        """after kill -9 with --wal=false a tree has the counts of its last dump, a tree never dumped may be gone"""
        client = self.counted_and_killed('--wal=false')
        today = int(utc_today())
        self.assertEqual(client.find('a'), {1: {today: 1}, 2: {today: 2}})
        self.assertIn(client.call('trees'), (['a'], ['a', 'b']))

    def test_order_of_trees(self):
        """trees stay in order of creation over restarts, and a re-created tree goes last"""
        names = ['m', 'z', 'a', 'ü', 'b_c', 'k', '0', 'B']
        self.start()
        client = self.client()
        for name in names:
            client.call('create', name)
        self.assertEqual(client.call('trees'), names)
        self.servers[-1].stop()
        self.start()
        client = self.client()
        self.assertEqual(client.call('trees'), names)
        client.call('drop', 'z')
        client.call('create', 'z')
        client.call('create', 'new')
        names = [name for name in names if name != 'z'] + ['z', 'new']
        self.assertEqual(client.call('trees'), names)
        self.servers[-1].stop()
        self.start()
        self.assertEqual(self.client().call('trees'), names)

    def test_dropped_tree_stays_dropped(self):
        """a dropped tree does not come back at the next start, though its dump files are still there"""
        server = self.start()
        client = self.client()
        for tree in ('a', 'b'):
            client.call('increment', tree, key=1)
            client.call('dump', tree)
        client.call('drop', 'a')
        server.stop()
        self.assertTrue(server.files('a'), 'dump files of a dropped tree stay')
        server = self.start()
        client = self.client()
        self.assertEqual(client.call('trees'), ['b'])
        self.assertIn(server.files('a')[0], server.log(), 'files that belong to no live tree are named in a warning')
        self.assertEqual(client.call('load', server.files('a')[0]), 'Tree "a" loaded')
        self.assertEqual(client.call('sum', 'a', key=1), 1)

    def test_dropped_tree_stays_dropped_after_kill(self):
        """a drop is final: kill -9 right after it, or with --wal=false some seconds later, does not bring the tree back"""
        server = self.start()
        client = self.client()
        for tree in ('a', 'b'):
            client.call('increment', tree, key=1)
            client.call('dump', tree)
        client.call('drop', 'a')
        server.kill()
        self.start()
        self.assertEqual(self.client().call('trees'), ['b'])
        server = self.start('--wal=false', directory=self.fresh())
        client = self.client()
        for tree in ('a', 'b'):
            client.call('increment', tree, key=1)
        server.send_signal(signal.SIGUSR1)
        wait_until(lambda: server.files('b') and server.files('a'), 'dump of both trees')
        client.call('dump', 'a')
        before = server.read('karma.manifest')
        client.call('drop', 'a')
        wait_until(lambda: server.read('karma.manifest') != before, 'a manifest without the dropped tree')
        server.kill()
        self.start('--wal=false', directory=server.directory)
        self.assertEqual(self.client().call('trees'), ['b'])

    def test_recreated_tree_does_not_inherit(self):
        """a tree dropped and created again starts empty, also after a restart beside its old dumps"""
        server = self.start()
        client = self.client()
        client.call('increment', 'a', key=1)
        client.call('dump', 'a')
        client.call('drop', 'a')
        client.call('create', 'a')
        self.assertEqual(client.find('a'), {})
        server.stop()
        self.start()
        client = self.client()
        self.assertEqual(client.call('trees'), ['a'])
        self.assertEqual(client.find('a'), {})


class Signals(KarmaTest):
    def test_sigusr1_dumps_and_goes_on(self):
        """SIGUSR1 dumps every tree and serves on"""
        server = self.start()
        client = self.client()
        for tree in ('a', 'b'):
            client.call('increment', tree, key=5)
        self.assertEqual(server.files(), [])
        server.send_signal(signal.SIGUSR1)
        wait_until(lambda: server.files('a') and server.files('b'), 'a dump file of each tree')
        today = int(utc_today())
        self.assertEqual(server.newest('a'), {5: ({today: 1}, 1)})
        self.assertEqual(server.newest('b'), {5: ({today: 1}, 1)})
        self.assertEqual(client.call('increment', 'a', key=5), 1)
        # The manifest, which names the trees, comes last.
        wait_until(lambda: 'full dump done' in server.log(), 'the end of the dump')
        server.kill()
        self.start()
        self.assertEqual(self.client().call('trees'), ['a', 'b'])

    def test_many_sigusr1(self):
        """a storm of SIGUSR1 during requests harms nothing"""
        server = self.start()
        client = self.client()
        for _ in range(50):
            server.send_signal(signal.SIGUSR1)
            client.call('increment', 'a', key=1)
        server.stop()
        self.start()
        self.assertEqual(self.client().call('sum', 'a', key=1), 50)

    def test_sigint(self):
        """SIGINT dumps, prints the off line and exits 0"""
        server = self.start()
        self.client().call('increment', 'a', key=1)
        server.stop(signal.SIGINT)
        self.assertIn(b'Karma v.%s is off.' % server.version.encode(), server.out().splitlines())
        self.assertEqual(len(server.files('a')), 1)
        self.assertEqual(list(server.newest('a')), [1])

    def test_harmless_signals(self):
        """SIGHUP, SIGPIPE and SIGCHLD change nothing"""
        server = self.start()
        client = self.client()
        client.call('increment', 'a', key=1)
        for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGCHLD, signal.SIGHUP):
            server.send_signal(number)
            self.assertEqual(client.call('ping'), 'pong')
        self.assertEqual(client.call('sum', 'a', key=1), 1)
        self.assertTrue(server.running())

    def test_stop_with_idle_and_half_sent(self):
        """idle connections and unfinished lines do not hold up the end; they see it close"""
        server = self.start()
        clients = [self.client() for _ in range(20)]
        for client in clients[::2]:
            client.send(b'{"command":"incre')
        for client in clients[1::2]:
            client.call('ping')
        server.stop()
        for client in clients:
            client.rest()

    def test_stop_answers_what_was_read(self):
        """at SIGTERM every request that was executed gets its reply, and every reply given is in the final dump"""
        server = self.start()
        count = scaled(20000)
        client = self.client()
        client.send(request('increment', 'a', key=1) * count)
        first = client.line()
        server.send_signal(signal.SIGTERM)
        replies = (first + client.rest()).split(b'\r\n')
        self.assertEqual(server.wait(), 0)
        self.assertEqual(replies.pop(), b'', 'the last reply is whole')
        self.assertEqual(set(replies), {b'{"success":true,"response":1}'})
        self.start()
        self.assertEqual(self.client().call('sum', 'a', key=1), len(replies))

    def test_second_signal_exits_at_once(self):
        """a second signal while a client holds up the end exits with 1"""
        server = self.start('--shutdown-timeout=3600', '--write-timeout=3600')
        client = self.client()
        line = request('increment', 'a', key=1)
        client.send(b''.join(request('increment', 'a', key=1 << 63 | key) for key in range(2000)))
        client.lines(2000)
        # Replies of some 100 KB each that nobody reads: more than the sockets hold.
        slow = self.client(receive_buffer=4096)
        slow.send(request('find', 'a', **EVER) * 300)
        client.ask(line)
        server.send_signal(signal.SIGTERM)

        def refused():
            try:
                server.client().close()
                return False
            except OSError:
                return True
        wait_until(refused, 'no new connections are accepted')
        self.assertTrue(server.running(), 'the first signal waits for the client')
        server.send_signal(signal.SIGINT)
        self.assertEqual(server.wait(), 1)

    def test_shutdown_timeout(self):
        """a client that does not read cannot keep the server alive beyond --shutdown-timeout, and the dump is made"""
        server = self.start('--shutdown-timeout=1', '--write-timeout=3600')
        client = self.client()
        client.send(b''.join(request('increment', 'a', key=1 << 63 | key) for key in range(2000)))
        client.lines(2000)
        slow = self.client(receive_buffer=4096)
        slow.send(request('find', 'a', **EVER) * 300)
        client.call('ping')
        server.stop()
        self.assertEqual(len(server.newest('a')), 2000)

    def test_signals_at_the_start(self):
        """SIGTERM sent right after the process was started ends it without a crash"""
        for _ in range(5):
            server = self.spawn()
            server.send_signal(signal.SIGTERM)
            # Before the handler is in place the signal's default ends it; later it must be a clean end.
            self.assertIn(server.wait(), (0, -signal.SIGTERM))
            self.servers.remove(server)


if __name__ == '__main__':
    main()
