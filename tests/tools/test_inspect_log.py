#!/usr/bin/env python3
"""karma-inspect on the directory of a server: sound is found sound, also while it is written, and every damage is named."""
import os
import random
import re
import shutil
import subprocess
import threading

from inspecting import *
from harness import Closed, scaled, utc_today, wait_until

MANIFEST = 'karma.manifest'


def fingerprint(directory):
    """Everything about the files that a change would change."""
    out = {}
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        with open(path, 'rb') as f:
            out[name] = (os.stat(path).st_mtime_ns, os.stat(path).st_ino, f.read())
    return out


def segments(directory):
    return sorted(name for name in os.listdir(directory) if re.fullmatch(r'karma-\d+\.wal', name))


class Log(InspectTest):
    def killed(self):
        """A directory as kill -9 leaves it: two trees, one dumped, and some log; with what it holds."""
        server = self.start('--wal-segment-bytes=1MiB')
        client = self.client()
        for i in range(40):
            client.call('increment', 'articles', key=i % 7)
        client.call('dump', 'articles')
        client.call('decrement', 'articles', key=3)
        client.call('create', 'a,"b\n')
        client.call('increment', 'gone', key=1)
        client.call('drop', 'gone')
        for i in range(20):
            client.call('increment', 'late', key=1000 + i % 3)
        server.kill()
        today = int(utc_today())
        articles = {key: ({today: n}, n) for key, n in zip(range(7), (6, 6, 6, 5, 6, 5, 5))}
        late = {1000 + i: ({today: n}, n) for i, n in enumerate((7, 7, 6))}
        return {'articles': articles, 'a,"b\n': {}, 'late': late}

    def test_sound(self):
        """list, verify and export tell what is there, of a running server as of a dead one, and change nothing"""
        held = self.killed()
        before = fingerprint(self.directory)
        listed, _ = self.inspect('list', self.directory)
        self.assertRegex(listed, r'(?m)^manifest +\d+  karma\.manifest  identity [0-9a-f]{32}, trees 1, ')
        self.assertRegex(listed, r'(?m)^dump +\d+  \d+_articles\.tree  tree "articles", id 1, generation 1, keys 7, days 7, '
                                 r'current$')
        self.assertRegex(listed, r'(?m)^segment +\d+  karma-\d{20}\.wal  sequence 1, blocks \d+, epochs \d+ to \d+, '
                                 r'ends at \d+, needed$')
        self.assertRegex(listed, r'(?m)^lock ')
        verified, _ = self.inspect('verify', self.directory)
        self.assertRegex(verified, r'(?m)^sound    log: segments 1, blocks ')
        self.assertTrue(verified.endswith(' sound, 0 damaged\n'), verified)
        for format in ('csv', 'jsonl'):
            self.assertEqual(self.export(self.directory, format=format), held)
        self.assertEqual(self.export(self.directory, '--tree=late'), {'late': held['late']})
        self.records()
        self.assertEqual(fingerprint(self.directory), before)
        server = self.start('--wal-segment-bytes=1MiB')
        self.inspect('list', self.directory)
        self.inspect('verify', self.directory)
        self.assertEqual(self.export(self.directory), held)
        self.client().call('dump', 'late')
        server.stop()
        self.assertEqual(self.export(self.directory), held)
        for tree, counters in held.items():
            self.assertEqual(self.export(os.path.join(self.directory, server.files()[-1]) if tree == 'late' else
                                         self.directory, '--tree=' + tree), {tree: counters})

    def test_records(self):
        """records are those of the log, in order, with their places, and can be chosen by tree and epoch"""
        self.killed()
        records = self.records()
        self.assertEqual({r['kind'] for r in records}, {'create', 'drop', 'add', 'listed', 'day', 'total'})
        places = [(r['segment'], r['offset'], r['epoch'], r['group']) for r in records]
        self.assertEqual(places, sorted(places))
        self.assertEqual(len({p[1] for p in places}), len({p[2] for p in places}))
        self.assertEqual(places[0][:2], ('karma-%020d.wal' % 1, 128))
        late = [r for r in records if r.get('tree') == 'late']
        self.assertEqual(sum(r['delta'] for r in late if r['kind'] == 'add' and r['key'] == 1000), 7)
        self.assertEqual(self.records('--tree=late'), late)
        self.assertEqual(self.records('--tree=%d' % late[0]['tree_id']), late)
        self.assertEqual(self.records('--tree=nobody'), [])
        middle = places[len(places) // 2][2]
        self.assertEqual(self.records('--from-epoch', str(middle)), [r for r in records if r['epoch'] >= middle])
        self.assertEqual(self.records('--from-epoch=18446744073709551615'), [])
        down = [r for r in records if r['kind'] in ('day', 'total') and r['tree'] == 'articles']
        self.assertEqual([r['delta'] for r in down], [-1, -1])
        self.assertEqual([r['kind'] for r in records if r['tree'] == 'gone'], ['create', 'add', 'listed', 'drop'])
        self.assertTrue(all(r['key'] == 3 and r['day'] == int(utc_today()) for r in down if r['kind'] == 'day'))

    # ---- damage ----

    def damaged(self, name, data, also=('verify',), gone=False):
        """With this content (or without the file) each command must find damage and name the file."""
        path = os.path.join(self.directory, name)
        with open(path, 'rb') as f:
            whole = f.read()
        try:
            if gone:
                os.rename(path, path + '.away')
            else:
                self.put(name, data)
            for command in also:
                out, err = self.inspect(command, self.directory, status=1)
                self.assertIn(name, out if command == 'verify' else err)
                if command == 'verify':
                    self.assertIn('DAMAGED', out)
                if command == 'export':
                    self.assertEqual(out, '')
        finally:
            if gone:
                os.rename(path + '.away', path)
            else:
                self.put(name, whole)

    def flips(self, name, first, last, count):
        """The file with one bit turned, at random places."""
        with open(os.path.join(self.directory, name), 'rb') as f:
            data = f.read()
        dice = random.Random(4711)
        for _ in range(scaled(count)):
            at = dice.randrange(first, len(data) if last is None else last)
            yield data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1:]

    def test_flipped_dump(self):
        """every flipped bit of a dump is found"""
        self.killed()
        dump = next(name for name in os.listdir(self.directory) if name.endswith('_articles.tree'))
        for data in self.flips(dump, 0, None, 60):
            self.damaged(dump, data)
        for data in self.flips(dump, 0, None, 10):
            self.damaged(dump, data, ('verify', 'export'))
        self.inspect('verify', self.directory)

    def test_flipped_manifest(self):
        """every flipped bit of the manifest is found"""
        self.killed()
        for data in self.flips(MANIFEST, 0, None, 40):
            self.damaged(MANIFEST, data, ('verify', 'export', 'records'))

    def test_flipped_segment(self):
        """every flipped bit of a block that a later one knows to be on disk is found; what is before it still prints"""
        self.killed()
        segment = segments(self.directory)[0]
        records = self.records()
        blocks = sorted({r['offset'] for r in records})
        for data in self.flips(segment, 0, blocks[-3], 60):
            self.damaged(segment, data)
        for data in self.flips(segment, 128, blocks[-3], 10):
            self.damaged(segment, data, ('verify', 'export'))
            with open(os.path.join(self.directory, segment), 'rb') as f:
                whole = f.read()
            at = next(i for i in range(len(data)) if data[i] != whole[i])
            self.put(segment, data)
            before = [r for r in records if r['offset'] < max(b for b in blocks if b <= at)]
            self.assertEqual(self.records(status=1), before)
            self.put(segment, whole)
        self.inspect('verify', self.directory)

    def test_known_by_the_manifest(self):
        """the last block is no torn tail when the manifest says that it was on disk; an older dump is no substitute"""
        server = self.start('--wal-segment-bytes=1MiB')
        client = self.client()
        for tree in ('a', 'b'):
            client.call('increment', tree, key=1)
            client.call('dump', tree)
        client.call('increment', 'a', key=2)
        client.call('dump', 'a')
        older, newer = server.files('a')
        server.kill()
        segment = segments(self.directory)[0]
        last = self.records()[-1]['offset']
        for data in self.flips(segment, last, last + 72, 10):
            self.damaged(segment, data, ('verify', 'export'))
        self.inspect('verify', self.directory)
        self.damaged(newer, b'', ('verify', 'export'), gone=True)
        os.remove(os.path.join(self.directory, older))
        self.inspect('verify', self.directory)

    def test_torn_tail(self):
        """a log that ends in the middle of a block, or in anything at all, is sound; verify says what a start would cut"""
        self.killed()
        segment = segments(self.directory)[0]
        records = self.records()
        blocks = sorted({r['offset'] for r in records})
        with open(os.path.join(self.directory, segment), 'rb') as f:
            whole = f.read()
        for data in self.flips(segment, blocks[-1], blocks[-1] + 72, 20):
            self.put(segment, data)
            out, _ = self.inspect('verify', self.directory)
            self.assertRegex(out, r'a start would cut \d+ bytes off %s at %d' % (segment, blocks[-1]))
            self.assertEqual(self.records(), [r for r in records if r['offset'] < blocks[-1]])
            self.export(self.directory)
        self.put(segment, whole[:blocks[-1] + 30])
        self.inspect('verify', self.directory)
        self.put(segment, whole[:blocks[-1] + 200] + os.urandom(5000))
        self.inspect('verify', self.directory)

    def test_missing(self):
        """what the manifest names and is not there is missed, and so is the manifest of a log"""
        self.killed()
        dump = next(name for name in os.listdir(self.directory) if name.endswith('_articles.tree'))
        self.damaged(dump, b'', ('verify', 'export'), gone=True)
        segment = segments(self.directory)[0]
        path = os.path.join(self.directory, segment)
        os.rename(path, path + '.away')
        out, _ = self.inspect('verify', self.directory, status=1)
        self.assertIn('DAMAGED', out)
        self.inspect('export', self.directory, status=1)
        os.rename(path + '.away', path)
        os.rename(os.path.join(self.directory, MANIFEST), os.path.join(self.directory, 'away'))
        out, _ = self.inspect('verify', self.directory, status=1)
        self.assertIn(': a log, but no karma.manifest', out)
        self.inspect('export', self.directory, status=1)
        self.inspect('records', self.directory, status=2)

    # ---- a live directory ----

    def test_live(self):
        """under load, dumps, recycled segments, loads, drops and restarts nothing is ever taken for damage"""
        server = self.start('--wal-segment-bytes=1MiB', '--wal-max-bytes=4MiB', '--dump-retention-per-tree=1')
        stop = threading.Event()
        faults = []

        def load(number):
            """Increments, many ahead, in trees that come and go."""
            try:
                client = server.client()
                client.call('create', 'tree%d' % number)
                dice = random.Random(number)
                while not stop.is_set():
                    lines = [harness.request('increment', 'tree%d' % dice.randrange(6), key=dice.randrange(500))
                             for _ in range(500)]
                    client.send(b''.join(lines))
                    client.lines(len(lines))
                    if number == 0:
                        client.ask(harness.request('reset', 'tree%d' % dice.randrange(6)))
                        client.ask(harness.request('drop', 'tree%d' % dice.randrange(6)))
                client.close()
            except Exception as e:  # noqa: BLE001
                if not stop.is_set():
                    faults.append(e)

        def dump():
            try:
                client = server.client()
                while not stop.is_set():
                    client.ask(harness.request('dump', 'tree1'))
                    client.ask(harness.request('dump_all'))
                client.close()
            except Exception as e:  # noqa: BLE001
                if not stop.is_set():
                    faults.append(e)

        threads = [threading.Thread(target=load, args=(number,)) for number in range(2)] + [threading.Thread(target=dump)]
        for thread in threads:
            thread.start()
        try:
            for i in range(scaled(int(os.environ.get('KARMA_TEST_LOOKS', '12')))):
                for command in (['list'], ['verify'], ['export'], ['export', '--tree=tree1'],
                                ['records', '--from-epoch=1000000000'], ['records']):
                    done = subprocess.run([os.environ['KARMA_INSPECT']] + command + [self.directory],
                                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120 * SLOW)
                    if command[-1] == '--tree=tree1' and b'there is no tree' in done.stderr:
                        continue  # dropped at this moment
                    self.assertEqual((done.returncode, done.stderr), (0, b''), '%s: %s' % (command, done.stdout[-1000:]))
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(faults, [])
        server.stop()
        verified, _ = self.inspect('verify', self.directory)
        self.assertNotIn('would cut', verified)
        want = {}
        self.start()
        client = self.client()
        for tree in client.call('trees'):
            want[tree] = client.find(tree)
        got = self.export(self.directory)
        self.assertEqual({tree: {key: days for key, (days, _) in keys.items()} for tree, keys in got.items()}, want)

    def test_while_starting_and_stopping(self):
        """a first start, a start that sets everything aside and a stop are no damage at any moment"""
        stop = threading.Event()

        def life():
            for i in range(scaled(int(os.environ.get('KARMA_TEST_LIVES', '24')))):
                server = self.start('--restore=%s' % ('true' if i % 2 else 'false'), '--wal-segment-bytes=1MiB')
                client = server.client()
                client.call('increment', 'a', key=1)
                client.close()
                server.stop()
            stop.set()

        thread = threading.Thread(target=life)
        thread.start()
        looks = 0
        try:
            while thread.is_alive():
                self.inspect('verify', self.directory)
                self.export(self.directory)
                looks += 1
        finally:
            thread.join()
        self.assertTrue(stop.is_set())
        self.assertGreater(looks, 0)

    # ---- usage ----

    def test_usage(self):
        """wrong usage is told in one line, with status 2"""
        nowhere = os.path.join(self.scratch, 'nowhere')
        for arguments, text in (
                (['frobnicate'], 'ERROR: frobnicate is no command: list, verify, records, export or import (see --help)\n'),
                (['list'], 'ERROR: list needs a DIR (see --help)\n'),
                (['list', 'a', 'b'], 'ERROR: Unexpected argument "b": list takes one DIR\n'),
                (['list', '--tree=x', 'a'], 'ERROR: --tree is no option of list (see --help)\n'),
                (['export', '--tre=x', 'a'], 'ERROR: --tre is not a valid option (see --help)\n'),
                (['export', 'a', '--tree'], 'ERROR: --tree needs a value (see --help)\n'),
                (['export', '--format=xml', 'a'], 'ERROR: --format must be csv or jsonl, not "xml"\n'),
                (['records', '--from-epoch=x', 'a'],
                 'ERROR: --from-epoch must be an integer from 0 to 18446744073709551615, not "x"\n'),
                (['records', '--from-epoch=18446744073709551616', 'a'],
                 'ERROR: --from-epoch must be an integer from 0 to 18446744073709551615, not "18446744073709551616"\n'),
                (['list', nowhere], 'ERROR: directory "%s" cannot be opened: No such file or directory\n' % nowhere),
                (['verify', nowhere], 'ERROR: directory "%s" cannot be opened: No such file or directory\n' % nowhere),
                (['records', nowhere], 'ERROR: directory "%s" cannot be opened: No such file or directory\n' % nowhere),
                (['import', nowhere], 'ERROR: directory "%s" cannot be opened: No such file or directory\n' % nowhere),
                (['export', nowhere], 'ERROR: "%s" cannot be opened: No such file or directory\n' % nowhere)):
            self.assertEqual(self.inspect(*arguments, status=2), ('', text))
        with open(os.path.join(harness.ROOT, 'tools', 'karma-inspect.1')) as f:
            page = f.read().replace('\\-', '-')
        for word in re.findall(r'--[a-z-]+|(?m:^    [a-z]+(?= D))', self.inspect('--help')[0]):
            self.assertIn(word.strip(), page, 'the man page')
        self.assertTrue(self.inspect('--help')[0].startswith('Usage: karma-inspect COMMAND [options] DIR\n'))
        self.assertEqual(self.inspect('list', '-h'), self.inspect('--help'))
        self.assertRegex(self.inspect('--version')[0], r'^karma-inspect \d+\.\d+\.\d+\n$')
        self.assertIn('Usage', self.inspect(status=2)[1])
        self.assertEqual(self.inspect('list', self.directory), ('', ''))
        self.assertEqual(self.inspect('verify', self.directory), ('0 sound, 0 damaged\n', ''))
        self.assertEqual(self.inspect('export', self.directory), ('tree,key,day,count,total\n', ''))


if __name__ == '__main__':
    main()
