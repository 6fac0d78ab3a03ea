"""What a client of the crash tests knows of its own requests, and what a recovered server may hold of them.

The promise for one connection: its requests take effect in the order in which they were sent, and a crash keeps a prefix
of them, which holds at least every one that was acknowledged. So a client with trees of its own finds exactly the state
behind p of its n requests, for some p between those acknowledged and those sent. To know p, about every eighth request
counts up a key that nothing else touches. From p follows to the unit what the client may have added to shared trees.

The one request that may be found half done is the delete over a whole tree: it is logged some hundreds of keys at a time.
Nothing behind it on its connection was begun then.
"""
import functools

from harness import EVER, parse_reply, request

ONE = b'{"success":true,"response":1}\r\n'
OK = b'{"success":true,"response":"OK"}\r\n'
TRUE = b'{"success":true,"response":true}\r\n'
ANY = None  # a reply that depends on other clients

PENDING = 1 << 62  # time of a reply that never came
SEQUENCE_KEY = 1
KEY_BASE = 1 << 60  # so that records are long
SHARED_KEYS = range(KEY_BASE, KEY_BASE + 5)
CHAOS_TREES = ('x0', 'x1')
CHAOS_LOADED = 7  # counts of a key in the file that is loaded as x0
WIDE_DAYS = {20230000 + 100 * month + day: month for month in range(1, 4) for day in range(1, 11)}
WIDE = {KEY_BASE + i: [WIDE_DAYS, sum(WIDE_DAYS.values())] for i in range(300)}


@functools.lru_cache(None)
def line_of(op):
    kind, tree, key = op
    if kind == 'load':
        return request('load', '5_%s.tree' % tree)
    fields = {} if key is None else {'key': key}
    if kind == 'delete':
        fields.update(EVER)
    return request(kind, tree, **fields)


def copy_tree(tree):
    return {key: [dict(days), total] for key, (days, total) in tree.items()}


def copy_trees(trees):
    return {name: copy_tree(tree) for name, tree in trees.items()}


class Trees:
    """The private trees of one client as its requests make them: {tree: {key: [{day: count}, total]}}."""

    def __init__(self, today, trees=None):
        self.today = today
        self.trees = copy_trees(trees or {})

    def apply(self, op):
        """Does what the server should; returns the reply it should give."""
        kind, name, key = op
        tree = self.trees.get(name)
        if kind in ('increment', 'create'):
            if tree is None:
                tree = self.trees[name] = {}
            if kind == 'create':
                return OK
            counter = tree.setdefault(key, [{}, 0])
            counter[0][self.today] = counter[0].get(self.today, 0) + 1
            counter[1] += 1
            return ONE
        if kind == 'load':
            self.trees[name] = copy_tree(WIDE)
            return b'{"success":true,"response":"Tree \\"%s\\" loaded"}\r\n' % name.encode()
        if kind == 'drop':
            self.trees.pop(name, None)
            return OK if tree is not None else (
                b'{"success":false,"response":"Tree \\"%s\\" not exists"}\r\n' % name.encode())
        if key is None:
            return self.apply_whole(kind, tree)
        return self.apply_key(kind, (tree or {}).get(key))

    def apply_whole(self, kind, tree):
        if kind == 'reset':
            if tree is not None:
                tree.clear()
            return OK
        assert kind == 'delete'
        for counter in (tree or {}).values():
            delete(counter)
        return TRUE

    def apply_key(self, kind, counter):
        if kind == 'sum':
            return b'{"success":true,"response":%d}\r\n' % (counter[1] if counter else 0)
        if kind == 'decrement':
            if counter and counter[0].get(self.today, 0) > 0:
                counter[0][self.today] -= 1
            if counter and counter[1] > 0:
                counter[1] -= 1
            return ONE
        if counter and kind == 'delete':
            delete(counter)
        if counter and kind == 'reset':
            counter[:] = [{}, 0]
        return TRUE if kind == 'delete' else OK


def delete(counter):
    counter[1] = max(0, counter[1] - sum(counter[0].values()))
    counter[0] = {}


def sequence_of(trees, ledger):
    counter = trees.get(ledger.sequence_tree, {}).get(SEQUENCE_KEY)
    return counter[1] if counter else 0


def same_trees(a, b):
    """With the same order of names."""
    return a == b and list(a) == list(b)


class Mismatch(AssertionError):
    """The server's replies or its state cannot have come from what was sent."""


class Ledger:
    """One client's requests since the last time the server was looked at, and the state they started from."""

    def __init__(self, index, today, rng):
        self.index = index
        self.rng = rng
        self.sequence_tree = 'q%d' % index
        self.own = ['%s%d' % (letter, index) for letter in 'abc']
        self.wide = 'w%d' % index if index < 2 else None
        self.base = Trees(today)
        self.net = dict.fromkeys(SHARED_KEYS, 0)  # of its own on shared keys: never taken below 0, so no take finds nothing
        self.chaos_sent = 0
        self.begin()

    def begin(self):
        self.sent = Trees(self.base.today, self.base.trees)  # as it is when all that was sent has been done
        self.sent_net = dict(self.net)
        self.ops = []
        self.sent_at = []  # times of a clock that ticks with every look at a socket, so that two clients can be compared
        self.acked_at = []
        self.expected = []
        self.settled = 0  # so many are known to be on disk in whatever mode

    def trees(self):
        return self.own + [self.sequence_tree] + ([self.wide] if self.wide else [])

    def private(self, tree):
        return tree[1:] == str(self.index) and tree[0] != 'x'

    def choose(self):
        """The next request, at random."""
        rng = self.rng
        if len(self.ops) % 8 == 0:
            return 'increment', self.sequence_tree, SEQUENCE_KEY
        tree = rng.choice(self.own)
        key = KEY_BASE + rng.randrange(20)
        dice = rng.random()
        if dice < 0.45:
            return 'increment', tree, key
        if dice < 0.55:
            return rng.choice(('decrement', 'decrement', 'delete', 'reset')), tree, key
        if dice < 0.60:
            return 'sum', tree, key
        if dice < 0.85:
            key = rng.choice(SHARED_KEYS)
            return ('decrement' if self.sent_net[key] > 0 and rng.random() < 0.4 else 'increment'), 's', key
        if dice < 0.97:
            return 'increment', 'r', key
        return self.choose_rare(tree)

    def choose_rare(self, tree):
        """Whole trees. The last client alone resets the shared tree r."""
        rng = self.rng
        dice = rng.random()
        if dice < 0.35:
            return rng.choice(('reset', 'drop', 'create', 'delete')), tree, None
        if dice < 0.70 or (self.wide is None and self.index < 4):
            tree = rng.choice(CHAOS_TREES)
            kind = rng.choice(('increment', 'increment', 'create', 'reset', 'drop', 'delete'))
            return (kind, tree, KEY_BASE if kind == 'increment' else None) if rng.random() < 0.9 else ('load', 'x0', None)
        if self.wide is None:
            return 'reset', 'r', None
        return rng.choice(('load', 'load', 'delete', 'delete', 'reset', 'drop')), self.wide, None

    def next(self, now):
        """Appends a request to what was sent; returns its line."""
        op = self.choose()
        kind, tree, key = op
        if self.private(tree):
            expected = self.sent.apply(op)
        elif tree == 's':
            self.sent_net[key] += 1 if kind == 'increment' else -1
            expected = ONE
        elif tree == 'r':
            expected = ONE if kind == 'increment' else OK
        else:
            self.chaos_sent += kind == 'increment'
            expected = ANY
        self.ops.append(op)
        self.sent_at.append(now)
        self.expected.append(expected)
        return line_of(op)

    def acknowledge(self, line, now):
        """The next reply has come."""
        at = len(self.acked_at)
        if at >= len(self.ops):
            raise Mismatch('client %d: a reply to nothing: %r' % (self.index, line))
        if self.expected[at] is ANY:
            if not line.startswith(b'{"success":') or not line.endswith(b'}\r\n'):
                raise Mismatch('client %d: %s got %r' % (self.index, self.ops[at], line))
        elif line != self.expected[at]:
            raise Mismatch('client %d, request %d: %s got %r, not %r' % (
                self.index, at, self.ops[at], line, self.expected[at]))
        self.acked_at.append(now)

    def acked_time(self, at):
        return self.acked_at[at] if at < len(self.acked_at) else PENDING

    # ---- after a crash ----

    def resolve(self, found, least):
        """found: this client's trees as the server has them. At least `least` requests must be in them. Sets the prefixes
        that fit, lo to hi, and makes the state behind them the new base. Raises Mismatch."""
        state = self.base
        begun = copy_trees(state.trees)
        self.lo = self.hi = self.half = None
        counted = sequence_of(found, self)
        for p in range(len(self.ops) + 1):
            if p >= least and sequence_of(state.trees, self) == counted:
                if same_trees(state.trees, found):
                    self.lo, self.hi = p if self.lo is None else self.lo, p
                elif self.half is None and self.half_done(state.trees, found, p):
                    self.half = p
            if p < len(self.ops) and self.private(self.ops[p][1]):
                state.apply(self.ops[p])
        if self.lo is not None:
            self.half = None
        elif self.half is not None:
            self.lo = self.hi = self.half
        else:
            raise Mismatch(self.explain(begun, found, least))
        self.base.trees = found

    def half_done(self, have, found, p):
        """Is the request behind p a delete over a tree of which only a part was done? Without syncing, also one that was
        acknowledged, and what came behind it is lost, too."""
        if p == len(self.ops) or self.ops[p][0] != 'delete' or self.ops[p][2] is not None:
            return False
        tree = self.ops[p][1]
        if not self.private(tree) or list(have) != list(found) or any(have[t] != found[t] for t in have if t != tree):
            return False
        after = copy_tree(have[tree])
        for counter in after.values():
            delete(counter)
        return after.keys() == found[tree].keys() and all(
            found[tree][key] in (have[tree][key], after[key]) for key in after)

    def explain(self, begun, found, least):
        """How far the server's state is from the nearest that would do."""
        state = Trees(self.base.today, begun)
        nearest, fits = begun, []
        for p, op in enumerate(self.ops):
            if sequence_of(state.trees, self) == sequence_of(found, self):
                fits.append(p)
                nearest = copy_trees(state.trees) if p <= max(least, fits[0]) else nearest
            if self.private(op[1]):
                state.apply(op)
        lines = ['client %d: %d requests sent, %d acknowledged, at least %d must be there; its sequence stands at %d, as '
                 'behind %s' % (self.index, len(self.ops), len(self.acked_at), least, sequence_of(found, self),
                                'requests %d to %d' % (fits[0], fits[-1]) if fits else 'no request of this round')]
        if list(nearest) != list(found):
            lines.append('trees %s instead of %s' % (list(found), list(nearest)))
        for tree in nearest.keys() & found.keys():
            want, got = nearest[tree], found[tree]
            lines += ['tree %s key %d: %s instead of %s' % (tree, key, got.get(key), want.get(key))
                      for key in sorted(want.keys() | got.keys()) if got.get(key) != want.get(key)][:5]
        if fits:
            lines.append('requests there: %s' % self.ops[max(0, fits[0] - 4):fits[-1] + 8])
        return '\n'.join(lines)

    def shared(self):
        """What the client may have added to each key of tree s since the base: {key: (least, most)}."""
        total = dict.fromkeys(SHARED_KEYS, 0)
        values = {key: [] for key in SHARED_KEYS}
        for p in range(self.hi + 1):
            if p >= self.lo:
                for key in SHARED_KEYS:
                    values[key].append(total[key])
            if p < self.hi and self.ops[p][1] == 's':
                total[self.ops[p][2]] += 1 if self.ops[p][0] == 'increment' else -1
        return {key: (min(v), max(v)) for key, v in values.items()}

    def keep(self):
        """Goes on from the state found. Where p is not certain, it owns the least that it may have added."""
        for key, (least, _) in self.shared().items():
            self.net[key] += least
        self.begin()


# ---- several clients ----

def check_order(ledgers):
    """What was acknowledged to one client before another sent a request that is there, is there too: in every mode a
    crash keeps a state that could have been. (With synced replies this follows from the least of each client.)"""
    latest = max((ledger.sent_at[ledger.lo - 1] for ledger in ledgers if ledger.lo > 0), default=0)
    for ledger in ledgers:
        least = sum(time < latest for time in ledger.acked_at)
        if ledger.hi < least:
            raise Mismatch('client %d: only %d requests are there, but %d were acknowledged before another client sent '
                           'one that is there' % (ledger.index, ledger.hi, least))


def check_shared(ledgers, before, found):
    """Tree s, which all only count up and down, never below 0: found is exact but for what p leaves open."""
    ranges = [ledger.shared() for ledger in ledgers]
    for key in SHARED_KEYS:
        least, most = (before.get(key, 0) + sum(r[key][i] for r in ranges) for i in (0, 1))
        if not least <= found.get(key, 0) <= most:
            raise Mismatch('tree s key %d: %d, should be %d to %d' % (key, found.get(key, 0), least, most))


def check_reset(ledgers, before, found):
    """Tree r, which all count up and one client resets: gone is what was acknowledged before a reset that is there was
    sent; there is what was sent after the last reset that may be there was acknowledged."""
    resets = [(ledger.sent_at[p], ledger.acked_time(p), p < ledger.lo) for ledger in ledgers
              for p in range(ledger.hi) if ledger.ops[p][:2] == ('reset', 'r')]
    gone_before = max((sent for sent, _, certain in resets if certain), default=-1)
    kept_after = max((acked for _, acked, _ in resets), default=-1)
    least = {} if kept_after >= 0 else dict(before)
    most = {} if gone_before >= 0 else dict(before)
    for ledger in ledgers:
        for p in range(ledger.hi):
            if ledger.ops[p][:2] != ('increment', 'r'):
                continue
            key = ledger.ops[p][2]
            if ledger.acked_time(p) >= gone_before:
                most[key] = most.get(key, 0) + 1
            if p < ledger.lo and ledger.sent_at[p] > kept_after:
                least[key] = least.get(key, 0) + 1
    for key in most.keys() | found.keys() | least.keys():
        if not least.get(key, 0) <= found.get(key, 0) <= most.get(key, 0):
            raise Mismatch('tree r key %d: %d, should be %d to %d' % (
                key, found.get(key, 0), least.get(key, 0), most.get(key, 0)))


def observe(client):
    """All trees but bulk as the server shows them, in order: {tree: {key: [{day: count}, total]}}."""
    names = [name for name in client.call('trees') if name != 'bulk']
    state = {}
    for name in names:
        days = client.find(name)
        client.send(b''.join(request('sum', name, key=key) for key in days))
        totals = [parse_reply(line)[1] for line in client.lines(len(days))] if days else []
        state[name] = {key: [days[key], total] for key, total in zip(days, totals)}
    return state
