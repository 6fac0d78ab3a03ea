#!/usr/bin/env python3
"""Many clients at once: totals are exact, and every dump taken beside them is a state that could have been."""
import multiprocessing
import signal
import threading
import time

from harness import *

fork = multiprocessing.get_context('fork')
PIPELINE = 50


def run(jobs):
    """Runs functions in processes of their own; each must return without raising."""
    def body(job):
        try:
            job()
        except BaseException as e:
            print('   client failed: %r' % e, flush=True)
            os._exit(1)
        os._exit(0)
    processes = [fork.Process(target=body, args=(job,)) for job in jobs]
    for process in processes:
        process.start()
    return processes


def finish(test, processes):
    for process in processes:
        process.join(120 * SLOW)
        test.assertEqual(process.exitcode, 0, 'a client failed or did not end')


class Totals(KarmaTest):
    def test_exact_totals(self):
        """several processes increment keys of their own and shared ones: every total is exact"""
        server = self.start()
        workers, rounds = 6, scaled(60)

        def count(worker):
            client = server.client()
            own = [request('increment', 'a', key=1000 + worker * 100 + i) for i in range(PIPELINE)]
            shared = [request('increment', 'a', key=i % 10) for i in range(PIPELINE)]
            for _ in range(rounds):
                client.send(b''.join(own + shared))
                for line in client.lines(2 * PIPELINE):
                    assert line == b'{"success":true,"response":1}\r\n', line
        finish(self, run([lambda w=w: count(w) for w in range(workers)]))
        client = self.client()
        found = client.find('a')
        expected = {1000 + w * 100 + i: rounds for w in range(workers) for i in range(PIPELINE)}
        expected.update({key: workers * rounds * PIPELINE // 10 for key in range(10)})
        self.same({key: sum(days.values()) for key, days in found.items()}, expected, 'find')
        for key in range(10):
            self.assertEqual(client.call('sum', 'a', key=key), expected[key])
        server.stop()
        dumped = server.newest('a')
        self.same({key: total for key, (_, total) in dumped.items()}, expected, 'dump')

    def test_takes_beside_adds(self):
        """increments and as many decrements by other connections end at exactly what is left"""
        server = self.start()
        rounds = scaled(100)

        def adds():
            client = server.client()
            for _ in range(rounds):
                client.send(request('increment', 'a', key=1) * PIPELINE)
                client.lines(PIPELINE)

        def takes():
            # Takes only what it added before, so no take ever finds nothing.
            client = server.client()
            for _ in range(rounds):
                client.send(request('increment', 'a', key=1) * PIPELINE + request('decrement', 'a', key=1) * (PIPELINE - 1))
                client.lines(2 * PIPELINE - 1)
        finish(self, run([adds, takes, takes, adds]))
        client = self.client()
        expected = 2 * rounds * PIPELINE + 2 * rounds
        self.assertEqual(client.call('sum', 'a', key=1), expected)
        self.assertEqual(sum(client.find('a', 1).values()), expected)

    def test_trees_come_and_go(self):
        """create, drop, reset and load of one tree under increments of it: nothing crashes, counts stay plausible"""
        server = self.start()
        self.put('5_x.tree', original_file({1: ({20230701: 7}, 7)}))
        rounds = scaled(100)

        def adds():
            client = server.client()
            for _ in range(rounds * 3):
                client.send(b''.join(request('increment', 'x', key=i) for i in range(PIPELINE)))
                for line in client.lines(PIPELINE):
                    assert parse_reply(line) == (True, 1), line

        def changes():
            client = server.client()
            for i in range(rounds):
                client.send(b''.join((request('reset', 'x'), request('find', 'x', **EVER), request('drop', 'x'),
                                      request('create', 'x'), request('load', '5_x.tree'),
                                      request('delete', 'x', **EVER), request('sum', 'x', key=1))))
                for line in client.lines(7):
                    parse_reply(line)
        finish(self, run([adds, adds, changes, changes]))
        client = self.client()
        for key, days in client.find('x').items():
            self.assertLessEqual(sum(days.values()), rounds * 6 + 7)
        server.stop()
        for key, (table, total) in server.newest('x').items():
            self.assertEqual(sum(table.values()), total)


class Dumps(KarmaTest):
    def test_dumps_beside_writers(self):
        """dump, dump_all and SIGUSR1 back to back beside writers: every file is exact, and counts only grow

        Keys below 100 are only incremented, keys from 100 on are also decremented, deleted and reset. Pairs (200+2i,
        201+2i) are incremented one after the other, each after the reply to the one before, on two connections: in any
        state that could have been the first is equal to the second or one ahead.
        """
        server = self.start('--dump-retention-per-tree=0')
        rounds = scaled(250)
        done = threading.Event()
        self.client().call('create', 'other')
        dumps = fork.Value('i', 0)  # that were answered

        def keep_pace(i, of):
            """The writers go on only as dumps come, so that there are enough, and in the middle, on any machine."""
            while dumps.value < i * 12 // of:
                time.sleep(0.001)

        def adds(worker):
            client = server.client()
            lines = b''.join(request('increment', 'a', key=(worker * 37 + i) % 100) for i in range(PIPELINE))
            for i in range(rounds):
                keep_pace(i, rounds)
                client.send(lines)
                client.lines(PIPELINE)

        def mixes(worker):
            client = server.client()
            lines = b''.join(request(command, 'a', key=100 + i % 40, **span) for i in range(PIPELINE // 5)
                             for command, span in (('increment', {}), ('increment', {}), ('decrement', {}),
                                                   ('delete', EVER) if i % 3 == 0 else ('increment', {}),
                                                   ('reset', {}) if i % 4 == 0 else ('decrement', {})))
            for _ in range(rounds):
                client.send(lines)
                client.lines(PIPELINE // 5 * 5)

        def pairs(worker):
            clients = [server.client(), server.client()]
            for i in range(rounds * 4):
                keep_pace(i, rounds * 4)
                for j in (0, 1):
                    assert clients[(i + j) % 2].call('increment', 'a', key=200 + 2 * worker + j) == 1

        processes = run([lambda: adds(0), lambda: adds(1), lambda: mixes(0), lambda: mixes(1), lambda: pairs(0),
                         lambda: pairs(1)])

        def dumper():
            client = server.client()
            turn = 0
            while not done.is_set():
                turn += 1
                if turn % 3 == 0:
                    server.send_signal(signal.SIGUSR1)
                client.call('dump_all' if turn % 3 == 1 else 'dump', *(() if turn % 3 == 1 else ('a',)))
                if turn % 3 == 1:
                    client.call('dump', 'other')
                else:
                    dumps.value += 1
            client.close()
        failed = []

        def guard():
            try:
                dumper()
            except BaseException as e:
                failed.append(e)
                dumps.value = 1000
        thread = threading.Thread(target=guard)
        wait_until(lambda: 'a' in self.client().call('trees'), 'the writers have begun')
        thread.start()
        try:
            finish(self, processes)
        finally:
            done.set()
            thread.join()
        self.assertEqual(failed, [])
        server.stop()
        files = server.files('a')
        self.assertGreater(len(files), 5)
        self.assertEqual(len({name.split('_')[0] for name in files}), len(files), 'each file has a stamp of its own')
        before, partial = {}, 0
        for name in files:
            counters, second = decode_dump(server.read(name))
            self.assertIsNotNone(second)
            for key, (table, total) in counters.items():
                self.assertEqual(sum(table.values()), total, '%s key %d: days and total' % (name, key))
                if key < 100 or key >= 200:
                    self.assertGreaterEqual(total, before.get(key, 0), '%s key %d shrank' % (name, key))
                    before[key] = total
            for worker in (0, 1):
                first = counters.get(200 + 2 * worker, ({}, 0))[1]
                second_ = counters.get(201 + 2 * worker, ({}, 0))[1]
                self.assertIn(first - second_, (0, 1), '%s: a reply came before a change that the file lacks' % name)
                partial += 0 < first < rounds * 4
        self.assertGreater(partial, 0, 'some dumps were taken in the middle')
        expected = {key: 0 for key in range(100)}
        for worker in (0, 1):
            for i in range(PIPELINE):
                expected[(worker * 37 + i) % 100] += rounds
        last = decode_dump(server.read(files[-1]))[0]
        self.assertEqual({key: last.get(key, ({}, 0))[1] for key in expected}, expected)
        self.assertEqual([last[key][1] for key in range(200, 204)], [rounds * 4] * 4)
        print('   %d dumps, %d in the middle of the counting' % (len(files), partial))

    def test_dump_is_the_reply_to_those_before(self):
        """a dump holds every increment that was acknowledged before it was asked for, from whichever connection"""
        server = self.start('--dump-retention-per-tree=0')
        writers = [self.client() for _ in range(4)]
        dumper = self.client()
        for round_ in range(1, scaled(40) + 1):
            for writer in writers:
                self.assertEqual(writer.call('increment', 'a', key=1), 1)
            dumper.call('dump', 'a')
            self.assertEqual(server.newest('a')[1][1], 4 * round_)

    def test_kill_beside_dumps(self):
        """kill -9 in the middle of dumps: the next start is well, with at least the counts of the last finished dump"""
        for round_ in range(3):
            server = self.start()
            self.addCleanup(server.process.wait)
            least = self.client().call('sum', 'a', key=1)

            def adds():
                client = server.client()
                try:
                    while True:
                        client.send(b''.join(request('increment', 'a', key=1 + i) for i in range(PIPELINE)))
                        client.lines(PIPELINE)
                except (Closed, OSError):
                    pass
            writers = run([adds, adds])
            client = self.client()
            wait_until(lambda: client.call('sum', 'a', key=1) > least, 'counting goes on')
            for _ in range(5 + round_):
                client.call('dump', 'a')
            least = server.newest('a')[1][1]
            client.send(request('dump_all') + request('dump', 'a'))
            client.line()
            server.kill()
            finish(self, writers)
            server = self.start()
            client = self.client()
            found = client.find('a')
            self.assertGreaterEqual(sum(found[1].values()), least)
            for key in found:
                self.assertEqual(sum(found[key].values()), client.call('sum', 'a', key=key))
            server.stop()


if __name__ == '__main__':
    main()
