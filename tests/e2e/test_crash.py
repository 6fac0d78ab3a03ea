#!/usr/bin/env python3
"""kill -9 at any moment, again and again: every acknowledged write is there, nothing twice (see ledger.py).

    test_crash.py KARMA [--kills=N] [--seed=S] [--keep=DIRECTORY] [test …]

The seed decides requests, moments and options, but not the machine's timing; --keep copies the data directory of a
failure there.
"""
import collections
import random
import selectors
import signal

from harness import *
from ledger import *

ARGUMENTS = {'--kills': '60', '--seed': str(random.randrange(1 << 32)), '--keep': ''}
CLIENTS = 6
BATCHES = (1, 1, 8, 40)
BULK_KEYS = scaled(40000)
BULK = {key: ({20230701 + key % 3: 1 + key % 5}, 1 + key % 5) for key in range(BULK_KEYS)}
# How a round of load ends, and how often. `clean` is no kill.
PLANS = {'load': 6, 'dump': 4, 'step': 12, 'segment': 4, 'load a file': 3, 'stop': 3, 'clean': 2}
# What a round of the plan `step` waits to see changed among the names in the directory.
STEPS = {'manifest': r'karma\.manifest', 'temporary file': r'\..*|.*tmp.*', 'dump': r'\d+_.*\.tree',
         'segment': r'karma-\d+\.wal', 'spare': r'karma-spare.*'}


def take_arguments():
    """Ours go; what is left is unittest's."""
    for argument in list(sys.argv[1:]):
        name, equals, value = argument.partition('=')
        if equals and name in ARGUMENTS:
            ARGUMENTS[name] = value
            sys.argv.remove(argument)


def zone_and_today():
    """A zone in which no midnight comes soon, since each request must know its day."""
    hour = time.gmtime().tm_hour
    zone, shift = ('UTC', 0) if hour < 20 else ('Etc/GMT+8', -8)
    if shift and not os.path.exists('/usr/share/zoneinfo/' + zone):
        zone, shift = 'UTC', 0
    return zone, int(time.strftime('%Y%m%d', time.gmtime(time.time() + shift * 3600)))


class Clock:
    now = 0


class Connection:
    """A client under load: keeps a few batches under way, and its ledger."""

    def __init__(self, server, ledger):
        self.client = server.client()
        self.client.sock.setblocking(False)
        self.ledger = ledger
        self.unsent = b''
        self.closed = False

    def fileno(self):
        return self.client.sock.fileno()

    def send(self, data):
        self.unsent += data
        try:
            self.unsent = self.unsent[self.client.sock.send(self.unsent):]
        except BlockingIOError:
            pass

    def pump(self):
        """Sends what is left, or a new batch if few replies are missing."""
        ledger = self.ledger
        if self.unsent:
            self.send(b'')
        elif len(ledger.ops) - len(ledger.acked_at) < 2 * BATCHES[-1]:
            Clock.now += 1
            # The first client has one request under way, as most clients have.
            count = ledger.rng.choice(BATCHES) if ledger.index else len(ledger.ops) == len(ledger.acked_at)
            self.send(b''.join([ledger.next(Clock.now) for _ in range(count)]))

    def receive(self):
        """Takes the replies that have come."""
        try:
            data = self.client.sock.recv(1 << 18)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b''
        self.closed = not data
        Clock.now += 1
        *lines, self.client.data = (self.client.data + data).split(b'\n')
        for line in lines:
            self.got(line + b'\n')

    def got(self, line):
        self.ledger.acknowledge(line, Clock.now)


class Dumper(Connection):
    """Asks for dumps back to back. What was acknowledged before one was asked for is on disk when it is answered."""

    def __init__(self, server, ledgers, rng):
        super().__init__(server, None)
        self.ledgers, self.rng = ledgers, rng
        self.asked = None
        self.begun = False  # a dump is under way

    def pump(self):
        if self.asked is None:
            self.asked = [len(ledger.acked_at) for ledger in self.ledgers]
            kind = self.rng.choice(('dump', 'dump', 'dump_all'))
            self.all = kind == 'dump_all'
            self.begun = True
            self.send(request(kind, *(() if self.all else (self.rng.choice(('s', 'r', 'q1', 'bulk')),))))

    def got(self, line):
        if parse_reply(line)[0] and not self.all:
            for ledger, count in zip(self.ledgers, self.asked):
                ledger.settled = count
        self.asked = None


class Load:
    """All connections to one life of the server, driven by one thread, so that the ledgers agree on what came first."""

    def __init__(self, server, ledgers, dumper_rng):
        self.connections = [Connection(server, ledger) for ledger in ledgers]
        self.dumper = Dumper(server, ledgers, dumper_rng) if dumper_rng else None
        if self.dumper:
            self.connections.append(self.dumper)
        self.selector = selectors.DefaultSelector()
        for connection in self.connections:
            self.selector.register(connection, selectors.EVENT_READ)

    def run(self, ended):
        """Until ended(); the server must not close a connection before."""
        while not ended():
            for connection in self.connections:
                connection.pump()
                if ended():
                    return
            for key, _ in self.selector.select(0.002):
                key.fileobj.receive()
                if key.fileobj.closed:
                    raise AssertionError('the server closed a connection under load')

    def drain(self):
        """After the server's end: a reply that had left it is an acknowledgement, too."""
        for connection in self.connections:
            connection.client.sock.setblocking(True)
            while not connection.closed:
                connection.receive()
            connection.client.close()
        self.selector.close()


class Checker(KarmaTest):
    def setUp(self):
        super().setUp()
        self.seed = int(ARGUMENTS['--seed'])
        self.ledger = Ledger(0, 20260101, random.Random(self.seed))

    def state(self, skipped=(), twice=(), until=1000):
        """What a server would have that did these requests, but skipped some and did some twice."""
        trees = Trees(20260101)
        for at, op in enumerate(self.ledger.ops[:until]):
            if self.ledger.private(op[1]) and at not in skipped:
                for _ in range(1 + (at in twice)):
                    trees.apply(op)
        return trees.trees

    def test_checker(self):
        """the checker takes every state that may be, and no lost, doubled or overtaken request, with this seed"""
        ledger = self.ledger
        for at in range(1000):
            ledger.next(at)
            if at < 900:
                ledger.acknowledge(ledger.expected[at] or OK, at)
        kept = [at for at, op in enumerate(ledger.ops) if ledger.private(op[1]) and op[0] == 'increment']
        if ledger.expected[900] is not ANY:
            self.assertRaises(Mismatch, ledger.acknowledge, b'{"success":true,"response":1234567}\r\n', 1000)
        for p in range(880, 1001):
            ledger.base = Trees(20260101)
            if p >= 900:
                ledger.resolve(self.state(until=p), 900)
                self.assertTrue(ledger.lo <= p <= ledger.hi)
            elif kept[-1] >= p and any(p <= at < 900 for at in kept):
                self.assertRaises(Mismatch, ledger.resolve, self.state(until=p), 900)
        right = [self.state(until=p) for p in range(900, 1001)]
        for at in [at for at in kept if 850 < at < 990]:
            for found in (self.state(skipped={at}), self.state(twice={at})):
                if found not in right:
                    ledger.base = Trees(20260101)
                    self.assertRaises(Mismatch, ledger.resolve, found, 900)
        ledger.base = Trees(20260101)
        ledger.resolve(self.state(), 900)
        ledger.lo = ledger.hi = 1000
        exact = {key: most for key, (_, most) in ledger.shared().items()}
        check_shared([ledger], {}, exact)
        for key in SHARED_KEYS:
            for wrong in (-1, 1):
                self.assertRaises(Mismatch, check_shared, [ledger], {}, {**exact, key: exact[key] + wrong})


class Crash(KarmaTest):
    def setUp(self):
        super().setUp()
        self.seed = int(ARGUMENTS['--seed'])
        self.rng = random.Random('%d %s' % (self.seed, self.id()))
        self.zone, self.today = zone_and_today()
        self.kills = 0
        self.counts = collections.Counter()

    def launch(self, **env):
        """Starts without waiting; the log's options come by the environment."""
        self.fsync = env.get('KARMA_WAL_FSYNC', 'true')
        return self.spawn('--timezone=' + self.zone, '--workers=%d' % self.rng.choice((1, 2, 3)), env=env)

    def random_options(self):
        rng = self.rng
        return {'KARMA_WAL_FSYNC': rng.choice(('true', 'true', 'true', 'false', 'everysec')),
                'KARMA_WAL_SEGMENT_BYTES': rng.choice(('64KiB', '64KiB', '64MiB')),
                'KARMA_WAL_MAX_BYTES': rng.choice(('4MiB', '1GiB'))}

    def begin(self):
        """Files to load, the shared trees, and a ledger for each client."""
        server = self.launch().wait_started()
        wide = original_file({key: tuple(counter) for key, counter in WIDE.items()})
        for tree in ('w0', 'w1'):
            self.put('5_%s.tree' % tree, wide)
        self.put('5_x0.tree', original_file({KEY_BASE: ({20230701: CHAOS_LOADED}, CHAOS_LOADED)}))
        self.put('5_bulk.tree', original_file(BULK))
        client = self.client(server)
        client.call('load', '5_bulk.tree')
        for tree in ('s', 'r'):
            client.call('create', tree)
        client.close()
        self.ledgers = [Ledger(i, self.today, random.Random('%d %d' % (self.seed, i))) for i in range(CLIENTS)]
        self.shared = {'s': {}, 'r': {}}
        return server

    # ---- moments ----

    def moment(self, plan, load, server):
        """A function that becomes true when the round is to end."""
        rng = self.rng
        now = time.monotonic()
        latest = now + 3 * SLOW
        earliest = now + rng.uniform(0.02, 0.5) * SLOW
        self.step = rng.choice(list(STEPS)) if plan == 'step' else ''
        watched = {'dump': lambda: load.dumper and load.dumper.begun, 'step': lambda: self.names(STEPS[self.step]),
                   'segment': lambda: tuple(server.segments()),
                   'load a file': lambda: sum(ledger.ops[-1][0] == 'load' for ledger in self.ledgers if ledger.ops)}
        if plan not in watched:
            return lambda: time.monotonic() >= earliest
        state = {}

        def ended():
            now = time.monotonic()
            if now < earliest:
                return False
            seen = watched[plan]()
            if 'at' not in state and (seen != state.setdefault('seen', seen) or (plan == 'dump' and seen)):
                state['at'] = now + rng.choice((0, 0, rng.uniform(0, 0.02))) * SLOW
                self.counts['seen ' + (self.step or plan)] += 1
            return now >= state.get('at', latest)
        return ended

    def names(self, pattern):
        """Names in the directory, each with its inode, since some are replaced."""
        with os.scandir(self.directory) as entries:
            return {(entry.name, entry.inode()) for entry in entries if re.fullmatch(pattern, entry.name)}

    def end(self, server, plan, load):
        """Ends the server the way the plan says, then takes the last replies."""
        if plan in ('stop', 'clean'):
            server.send_signal(signal.SIGTERM)
        if plan == 'stop':
            time.sleep(self.rng.uniform(0, 0.06) * SLOW)
        if plan != 'clean':
            server.process.kill()
            self.kills += 1
        load.drain()
        status = server.wait()
        self.assertIn(status, (0,) if plan == 'clean' else (-signal.SIGKILL, 0), 'exit status, ended by ' + plan)
        if plan == 'clean' or status == 0:
            for ledger in self.ledgers:
                ledger.settled = len(ledger.acked_at)

    def start_again(self):
        """Starts, now and then over several kills on the way: before the port opens, or right after."""
        while self.rng.random() < 0.3:
            server = self.launch(**self.random_options())
            if self.rng.random() < 0.3:
                server.wait_started()
            else:
                time.sleep(self.rng.uniform(0, 2 * self.start_seconds))
            server.kill()
            self.assertEqual(server.process.returncode, -signal.SIGKILL, 'ended by itself instead of starting')
            self.kills += 1
            self.counts['killed while restoring' if server.out() == b'' else 'killed when restored'] += 1
        begun = time.monotonic()
        server = self.launch(**self.random_options()).wait_started()
        self.start_seconds = time.monotonic() - begun
        return server

    # ---- looking ----

    def look(self, server, strict):
        """Compares what the server has with the ledgers, which go on from there."""
        client = self.client(server)
        state = observe(client)
        for ledger in self.ledgers:
            own = {tree: counters for tree, counters in state.items() if ledger.private(tree)}
            ledger.resolve(own, len(ledger.acked_at) if strict else ledger.settled)
            self.counts['requests'] += len(ledger.ops)
            self.counts['acknowledged'] += len(ledger.acked_at)
            self.counts['unacknowledged, but there'] += max(0, ledger.lo - len(ledger.acked_at))
            self.counts['acknowledged without sync, and lost'] += max(0, len(ledger.acked_at) - ledger.hi)
            self.counts['deletes half done'] += ledger.half is not None
        check_order(self.ledgers)
        totals = {tree: {key: total for key, (_, total) in state[tree].items()} for tree in self.shared}
        check_shared(self.ledgers, self.shared['s'], totals['s'])
        check_reset(self.ledgers, self.shared['r'], totals['r'])
        self.shared = totals
        self.look_at_rest(client, state)
        for ledger in self.ledgers:
            ledger.keep()
        client.close()

    def look_at_rest(self, client, state):
        chaos = sum(ledger.chaos_sent for ledger in self.ledgers)
        for tree in ('s', 'r') + CHAOS_TREES:
            for key, (days, total) in state.get(tree, {}).items():
                self.assertEqual(sum(days.values()), total, 'tree %s key %d: days and total' % (tree, key))
                self.assertLessEqual(total, chaos + CHAOS_LOADED if tree in CHAOS_TREES else total)
        if self.rng.random() < 0.1:
            self.same(client.find('bulk'), {key: days for key, (days, _) in BULK.items()}, 'tree bulk')
        for key in self.rng.sample(range(BULK_KEYS), 20):
            self.assertEqual(client.call('sum', 'bulk', key=key), BULK[key][1], 'tree bulk key %d' % key)

    # ---- the tests ----

    def rounds(self, kills):
        server = self.begin()
        self.start_seconds = 0.1 * SLOW
        while self.kills < kills:
            plan = self.plan = self.rng.choices(list(PLANS), PLANS.values())[0]
            self.counts[plan] += 1
            dumps = plan in ('dump', 'step') or self.rng.random() < 0.1
            load = Load(server, self.ledgers, self.rng if dumps else None)
            self.mode = self.fsync
            load.run(self.moment(plan, load, server))
            self.end(server, plan, load)
            server = self.start_again()
            self.look(server, self.mode == 'true')
            self.servers[:-1] = [s for s in self.servers[:-1] if REPORTS.search(s.err())]  # the log of the last is enough
        server.stop()

    def test_kill_after_kill(self):
        """at every kill -9 of many, whatever goes on, acknowledged writes survive and nothing is counted twice"""
        self.plan = self.mode = ''
        try:
            self.rounds(int(ARGUMENTS['--kills']))
        except BaseException as e:
            if ARGUMENTS['--keep']:
                shutil.copytree(self.directory, ARGUMENTS['--keep'], dirs_exist_ok=True)
            print('   --seed=%d, kill %d, plan "%s", --wal-fsync=%s: %r' % (
                self.seed, self.kills, self.plan, self.mode, dict(self.counts)))
            raise
        print('   %d kills, --seed=%d: %s' % (
            self.kills, self.seed, ', '.join('%d %s' % (n, what) for what, n in sorted(self.counts.items()))))


if __name__ == '__main__':
    take_arguments()
    main()
