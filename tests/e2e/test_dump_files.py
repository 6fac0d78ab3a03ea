#!/usr/bin/env python3
"""Dump files both ways: the original's are restored and loaded, ours decode; damaged ones harm nothing."""
import random
import resource
import signal
import socket

from harness import *

# As the original writes them: two generations of one tree, a name with '_', an empty tree.
ARTICLES_OLD = bytes.fromhex(
    '82ac6272616e636865735f6e756d09a86272616e636865739980808081ce0001093282a57461626c6581ce0134b22d01a5746f74616c0180'
    '8081cd303982a57461626c6582ce0134b22d03ce0134b22e7ea5746f74616ccc818080')
ARTICLES_NEW = bytes.fromhex(
    '82ac6272616e636865735f6e756d09a86272616e636865739980808081ce0001093282a57461626c6582ce0134b22d01ce0134b22f02a574'
    '6f74616c03808081cd303982a57461626c6583ce0134b22d03ce0134b22e7ece0134b22f07a5746f74616ccc888080')
PAGE_VIEWS = bytes.fromhex(
    '82ac6272616e636865735f6e756d09a86272616e6368657399808080808080812a82a57461626c6581ce0134b22d02a5746f74616c028080')
EMPTY = bytes.fromhex('82ac6272616e636865735f6e756d09a86272616e6368657399808080808080808080')
ARTICLES = {67890: ({20230701: 1, 20230703: 2}, 3), 12345: ({20230701: 3, 20230702: 126, 20230703: 7}, 136)}

# Everything that real files hold: all branches, wide headers, every width of integer, days at 0, totals beside the table.
ODD = {0: ({20230701: 127, 20230702: 128, 20230703: 255}, 510), 1: ({20230702: 256}, 256), 10: ({}, 0),
       2: ({20230701: 65535, 20230702: 65536}, 131071), 11: ({0: 1, 99999999: 1}, 2), 3: ({20230701: 0}, 0),
       12: ({20230701: 3}, 10), 21: ({20230701: 3, 20230702: 4}, 5), 30: ({}, 4), 39: ({20230701: 5}, 0),
       4: ({20200000 + day: day for day in range(1, 41)}, 820), 5: ({20230701: 1 << 32}, 1 << 32),
       6: ({20230701: COUNT_MAX - 1, 20230702: 1}, COUNT_MAX), U64_MAX: ({20230701: 1}, 1),
       1 << 63: ({20230701: 2}, 2), (1 << 63) - 1: ({20230701: 3}, 3)}
ODD.update({9 * i: ({20230703: 1}, 1) for i in range(2, 30)})

HEAD = bytes.fromhex('82ac6272616e636865735f6e756d09a86272616e6368657399')  # up to the first branch


class BothWays(KarmaTest):
    def holds(self, client, tree, counters):
        """The tree has exactly these keys, days and totals."""
        self.assertEqual(client.find(tree), {key: table for key, (table, _) in counters.items()})
        for key, (table, total) in counters.items():
            self.assertEqual(client.call('sum', tree, key=key), total, 'total of key %d' % key)
            if sum(table.values()) <= U64_MAX:
                self.assertEqual(client.call('sum', tree, key=key, **EVER), sum(table.values()))

    def test_restore_the_originals_directory(self):
        """a start on the original's directory takes the newest dump of each name, values and odd totals included"""
        self.put('1688299200_articles.tree', ARTICLES_OLD)
        self.put('1688385600_articles.tree', ARTICLES_NEW)
        self.put('99_articles.tree', EMPTY)
        self.put('1688385600_page_views.tree', PAGE_VIEWS)
        self.put('1688385600_empty.tree', EMPTY)
        self.put('1688385600_odd one.tree', original_file(ODD))
        expected = {'articles': ARTICLES, 'page_views': {42: ({20230701: 2}, 2)}, 'empty': {}, 'odd one': ODD}
        server = self.start()
        client = self.client()
        self.assertEqual(sorted(client.call('trees')), sorted(expected))
        for tree, counters in expected.items():
            self.holds(client, tree, counters)

        for tree, counters in expected.items():
            client.call('dump', tree)
            found, second = decode_dump(server.read(server.files(tree)[-1]))
            self.assertEqual(found, counters, 'what we write of ' + tree)
            self.assertIsNotNone(second)
        for day in (20230701, 20230702):
            client.call('delete', 'articles', key=12345, time_from=day, time_to=day)
        server.stop()

        self.start()
        client = self.client()
        self.assertEqual(sorted(client.call('trees')), sorted(expected))
        self.holds(client, 'page_views', expected['page_views'])
        self.holds(client, 'odd one', ODD)
        self.holds(client, 'articles', {67890: ARTICLES[67890], 12345: ({20230703: 7}, 7)})

    def test_the_originals_recorded_files(self):
        """every file recorded from the original restores and loads to its expected.json, and is written back the same"""
        recorded = os.path.join(SHARED, 'conformance', 'v1', 'dumps')
        if not os.path.exists(os.path.join(recorded, 'expected.json')):
            self.skipTest('no recorded dumps at ../shared/conformance/v1/dumps')
        with open(os.path.join(recorded, 'expected.json')) as f:
            expected = json.load(f)
        newest = {}
        for name, file in sorted(expected.items()):
            with open(os.path.join(recorded, name), 'rb') as f:
                self.put(name, f.read())
            newest[re.fullmatch(r'\d+_(.*)\.tree', name)[1]] = name
        server = self.start()
        client = self.client()

        def counters(name):
            return {int(key): ({int(day): n for day, n in c['table'].items()}, c['total'])
                    for key, c in expected[name]['counters'].items()}
        self.assertEqual(sorted(client.call('trees')), sorted(newest))
        for tree, name in newest.items():
            self.holds(client, tree, counters(name))
        for name in sorted(expected):
            tree = re.fullmatch(r'\d+_(.*)\.tree', name)[1]
            self.assertEqual(client.call('load', name), 'Tree "%s" loaded' % tree)
            self.holds(client, tree, counters(name))
            client.call('dump', tree)
            self.assertEqual(server.newest(tree), counters(name))

    def test_exact_bytes(self):
        """the first object of our file is byte for byte what the original writes"""
        server = self.start()
        client = self.client()
        client.call('create', 'empty')
        client.call('increment', 'one', key=1)
        client.call('dump', 'empty')
        client.call('dump', 'one')
        today = int(utc_today())
        self.assertTrue(server.read(server.files('empty')[0]).startswith(EMPTY))
        self.assertTrue(server.read(server.files('one')[0]).startswith(original_file({1: ({today: 1}, 1)})))
        mode = os.stat(os.path.join(self.directory, server.files('one')[0])).st_mode & 0o777
        umask = os.umask(0)
        os.umask(umask)
        self.assertEqual(mode, 0o644 & ~umask)

    def test_load_forms(self):
        """load takes what the original's reader takes: other order, unknown members, wide forms, other branch counts"""
        server = self.start()
        client = self.client()
        counter = '82a57461626c6581ce0134b22d05a5746f74616c05'
        forms = {
            'two branches': '82ac6272616e636865735f6e756d02a86272616e63686573928080',
            'array first': '82a86272616e636865739980%s80808080808080ac6272616e636865735f6e756d09' % ('8101' + counter),
            'total first': HEAD.hex() + '80810182a5746f74616c05a57461626c6581ce0134b22d05' + '80' * 7,
            'unknown member': '83ac6272616e636865735f6e756d09a3666f6f9201c0a86272616e636865739980%s' % ('8101' + counter)
                              + '80' * 7,
            'unknown float, binary, ext': '85ac6272616e636865735f6e756d09a161cb3ff0000000000000a162c403010203a163d60500000000'
                                          'a86272616e636865739980%s' % ('8101' + counter) + '80' * 7,
            'wide integers': '82ac6272616e636865735f6e756dcf0000000000000009a86272616e63686573dc000980'
                             'de0001cd000182a57461626c65df00000001ce0134b22dd20000000' '5a5746f74616cd30000000000000005'
                             + '80' * 7,
            'wide strings': '82d90c6272616e636865735f6e756d09da00086272616e636865739980%s' % ('8101' + counter) + '80' * 7,
            'duplicate key, last wins': HEAD.hex() + '80820182a57461626c6580a5746f74616c0001' + counter + '80' * 7,
        }
        for what, data in forms.items():
            self.put('5_h.tree', bytes.fromhex(data))
            with self.subTest(what):
                self.assertEqual(client.call('load', '5_h.tree'), 'Tree "h" loaded')
                self.holds(client, 'h', {} if what == 'two branches' else {1: ({20230701: 5}, 5)})
        self.put('5_h.tree', original_file({1: ({20230701: 5}, 5), 2: ({20230701: 6}, 6)}, branches=2))
        client.call('load', '5_h.tree')
        self.holds(client, 'h', {1: ({20230701: 5}, 5), 2: ({20230701: 6}, 6)})
        client.call('dump', 'h')
        self.assertEqual(server.newest('h'), {1: ({20230701: 5}, 5), 2: ({20230701: 6}, 6)})

    def test_names(self):
        """load derives the tree from the file's name; a file of ours carries its own name, whatever it is called"""
        server = self.start()
        client = self.client()
        for name, tree in (('1688385600_page_views.tree', 'page_views'), ('h.tree', 'h'), ('5_a.dat', 'a.dat'),
                           ('plain', 'plain'), ('5_x.tree.tree', 'x.tree'), ('5_%2F.tree', '%2F')):
            self.put(name, PAGE_VIEWS)
            self.assertEqual(client.call('load', name), 'Tree "%s" loaded' % tree)
        client.call('increment', 'real', key=1)
        client.call('dump', 'real')
        os.rename(os.path.join(self.directory, server.files('real')[0]), os.path.join(self.directory, '7_other.tree'))
        client.call('drop', 'real')
        self.assertEqual(client.call('load', '7_other.tree'), 'Tree "real" loaded')
        self.assertEqual(client.call('sum', 'real', key=1), 1)

    def test_odd_names_round_trip(self):
        """trees of any name are dumped to files of the directory and restored under their full names, in order"""
        names = ['', '/', '..', '.', '.hidden', '../x', 'a/b', 'us_er', '_', 'p%c', '%2F', 'new\nline', 'nul\0', '\x7f',
                 'sp ace ', 'ü', '😀' * 50, 'x' * 255, 'y' * 1024, '%h0123456789abcdef', 'a.tree', '-', '"q"', '\\']
        server = self.start()
        client = self.client()
        for index, name in enumerate(names):
            client.call('increment', name, key=index)
            self.assertEqual(client.call('dump', name), 'Tree "%s" saved' % name)
        listed = client.call('dumps')
        self.assertEqual(len(listed), len(names))
        for name in listed:
            self.assertTrue(os.path.isfile(os.path.join(self.directory, name)), name)
        self.assertLessEqual(max(len(name.encode()) for name in listed), 255)
        self.assertEqual(sorted(os.listdir(self.scratch))[0], 'data', 'nothing was written outside')
        client.call('increment', 'x' * 255, key=1)
        server.stop()
        self.start()
        client = self.client()
        self.assertEqual(client.call('trees'), names)
        for index, name in enumerate(names):
            self.assertEqual(client.call('sum', name, key=index), 1, name)

    def test_stamps_of_one_second(self):
        """dumps of one tree in the same second get stamps of their own and all stay readable"""
        server = self.start()
        client = self.client()
        for count in range(1, 6):
            client.call('increment', 'a', key=1)
            client.call('dump', 'a')
        files = server.files('a')
        self.assertEqual(len(files), 5)
        self.assertEqual([decode_dump(server.read(name))[0][1][1] for name in files], [1, 2, 3, 4, 5])
        self.assertEqual(client.call('dumps'), files[::-1])

    def test_retention(self):
        """--dump-retention-per-tree keeps the newest files of ours and never touches the original's"""
        self.put('5_a.tree', PAGE_VIEWS)
        self.put('6_other.tree', PAGE_VIEWS)
        server = self.start('--dump-retention-per-tree=2')
        client = self.client()
        for count in range(1, 7):
            client.call('increment', 'a', key=1)
            client.call('dump', 'a')
        client.call('dump_all')
        client.call('dump', 'a')
        newest = server.files('a')[-1]
        server.stop()
        left = server.files('a')
        self.assertEqual(left[0], '5_a.tree')
        self.assertEqual(len(left), 3)
        self.assertGreaterEqual(left[-1], newest)
        self.assertIn('6_other.tree', server.files('other'))
        self.assertEqual(server.newest('a')[1][1], 6)

    def test_retention_off(self):
        """--dump-retention-per-tree=0 keeps every file"""
        server = self.start('--dump-retention-per-tree=0')
        client = self.client()
        client.call('increment', 'a', key=1)
        for _ in range(8):
            client.call('dump', 'a')
        server.stop()
        self.assertEqual(len(server.files('a')), 9)

    def test_dumps_lists_its_pattern_only(self):
        """dumps names regular files <digits>_<…>.tree only, newest first by number over all trees"""
        server = self.start()
        client = self.client()
        for name in ('x.tree', 'abc_x.tree', '12_x.txt', '12_x.tree~', '-5_x.tree', '_x.tree', '.5_x.tree', '5x_y.tree',
                     'karma.tree', '1.5_x.tree', '5_xtree', '.tmp-5_x.tree'):
            self.put(name, EMPTY)
        os.mkdir(os.path.join(self.directory, '13_dir.tree'))
        os.mkfifo(os.path.join(self.directory, '14_fifo.tree'))
        os.symlink('/nonexistent', os.path.join(self.directory, '15_link.tree'))
        wanted = ['100_b.tree', '99_c_d.tree', '20_é.tree', '3_b.tree']
        for name in wanted:
            self.put(name, EMPTY)
        self.assertEqual(client.call('dumps'), wanted)
        client.call('create', 'new')
        client.call('dump', 'new')
        self.assertEqual(client.call('dumps'), server.files('new') + wanted)
        server.stop()
        # None of it disturbs a start.
        self.start()
        self.assertEqual(self.client().call('trees'), ['new'])

    def test_restore_false(self):
        """--restore=false starts empty, sets the manifest aside and leaves the dump files for load"""
        server = self.start()
        client = self.client()
        client.call('increment', 'a', key=1)
        server.stop()
        files = server.files('a')
        server = self.start('--restore=false')
        client = self.client()
        self.assertEqual(client.call('trees'), [])
        self.assertEqual(client.call('dumps'), files)
        aside = [name for name in os.listdir(self.directory) if name.startswith('set-aside-')]
        self.assertEqual(len(aside), 1)
        self.assertIn('karma.manifest', os.listdir(os.path.join(self.directory, aside[0])))
        self.assertEqual(client.call('load', files[0]), 'Tree "a" loaded')
        self.assertEqual(client.call('sum', 'a', key=1), 1)
        client.call('increment', 'b', key=1)
        server.stop()
        self.start()
        self.assertEqual(self.client().call('trees'), ['a', 'b'])

    def test_restore_false_forgets(self):
        """after a start with --restore=false the old trees do not come back at the next ordinary start"""
        server = self.start()
        self.client().call('increment', 'old', key=1)
        server.stop()
        server = self.start('--restore=false')
        self.client().call('increment', 'new', key=1)
        server.stop()
        self.start()
        self.assertEqual(self.client().call('trees'), ['new'])

    def test_loaded_state_survives(self):
        """a load replaces a tree for good: the next restart has the loaded counts, in its place in the order"""
        server = self.start()
        client = self.client()
        for tree in 'abc':
            client.call('increment', tree, key=1)
        client.call('dump', 'b')
        old = server.files('b')[0]
        client.call('increment', 'b', key=1)
        client.call('dump', 'b')
        client.call('load', old)
        trees = client.call('trees')
        self.assertEqual(sorted(trees), ['a', 'b', 'c'])
        server.stop()
        self.start()
        client = self.client()
        self.assertEqual(client.call('sum', 'b', key=1), 1)
        self.assertEqual(client.call('trees'), trees)


class Damage(KarmaTest):
    def setUp(self):
        super().setUp()
        self.server = self.start()
        self.c = self.client()
        self.c.call('increment', 'h', key=777)
        self.c.call('increment', 'h', key=777)
        self.before = self.c.find('h')

    def untouched(self):
        self.assertEqual(self.c.find('h'), self.before)
        self.assertEqual(self.c.call('sum', 'h', key=777), 2)

    def refused(self, data, what, *words, name='5_h.tree'):
        """load of these bytes must fail with a text that names the file, and the live tree must be as before."""
        self.put(name, data)
        text = self.c.fault('load', name)
        self.assertIn(name, text, what)
        for word in words:
            self.assertIn(word, text, what)
        self.untouched()

    def test_wrong_contents(self):
        """load refuses files that are no dump, naming the file, and never touches the live tree"""
        counter = '82a57461626c6581ce0134b22d05a5746f74616c05'
        tail = '80' * 7

        def one(text):
            return HEAD.hex() + '80' + '8101' + text + tail
        cases = {
            'empty file': '', 'nil': 'c0', 'number': '05', 'string': 'a568656c6c6f', 'array': '920999' + '80' * 9,
            'empty map': '80', 'no branches_num': '81a86272616e6368657399' + '80' * 9,
            'no total': one('81a57461626c6581ce0134b22d05'), 'no table': one('81a5746f74616c05'),
            'nil counter': one('c0'), 'nil total': one('82a57461626c6580a5746f74616cc0'),
            'string key': HEAD.hex() + '9' * 0 + '81a139' + counter + '80' * 8,
            'negative key': HEAD.hex() + '80' + '81ff' + counter + tail,
            'negative count': one('82a57461626c6581ce0134b22dffa5746f74616c05'),
            'negative total': one('82a57461626c6580a5746f74616cd0ff'),
            'float total': one('82a57461626c6580a5746f74616ccb3ff0000000000000'),
            'float day': one('82a57461626c6581ca3f80000005a5746f74616c05'),
            'branches is a number': '82ac6272616e636865735f6e756d09a86272616e6368657305',
            'branch is an array': HEAD.hex() + '90' + '80' * 8,
            'table is an array': one('82a57461626c6590a5746f74616c05'),
            'reserved byte': HEAD.hex() + 'c1' + '80' * 8,
            'trailing zero': EMPTY.hex() + '00', 'trailing text': EMPTY.hex() + '6162', 'trailing map': EMPTY.hex() + '80',
            'twice': EMPTY.hex() * 2,
            'map of 4 G': HEAD.hex() + 'dfffffffff', 'array of 4 G': '82ac6272616e636865735f6e756d09a86272616e63686573ddffffffff',
            'string of 4 G': '82dbffffffff', 'binary of 4 G': '82a161c6ffffffff', 'extension of 4 G': '82a161c9ffffffff05',
            'table of 4 G': one('82a57461626c65dfffffffff'),
            'deep arrays': '83a161' + '91' * 100000 + '00', 'deep maps': '83a161' + '8100' * 100000 + '00',
        }
        for what, data in cases.items():
            with self.subTest(what):
                self.refused(bytes.fromhex(data), what)
        self.assertLess(self.server.status('RssAnon') if not SANITIZED else 0, 256 * 1024)

    def test_values_out_of_range(self):
        """load refuses a day above 99999999 and a count above the bound, naming the key"""
        for what, counters in (('day', {5: ({20230701: 1}, 1), 4711: ({100000000: 1}, 1)}),
                               ('u64 day', {4711: ({U64_MAX: 1}, 1)}),
                               ('count', {4711: ({20230701: COUNT_MAX + 1}, 1)}),
                               ('total', {4711: ({20230701: 1}, COUNT_MAX + 1)}),
                               ('u64 total', {4711: ({}, U64_MAX)}),
                               ('u64 count', {4711: ({20230701: U64_MAX}, 1)}),
                               ('sum of days', {4711: ({20230701: COUNT_MAX, 20230702: COUNT_MAX}, 1)})):
            with self.subTest(what):
                self.refused(original_file(counters), what, '4711')

    def test_every_truncation(self):
        """a file of the original's and one of ours, cut at every byte, are refused"""
        self.c.call('increment', 'ours', key=1)
        self.c.call('dump', 'ours')
        ours = self.server.read(self.server.files('ours')[0])
        for data in (ARTICLES_NEW, ours):
            end = unpack(data)[1]
            for length in range(len(data)):
                if length != end:  # the first object alone is a file of the original's
                    self.refused(data[:length], 'cut at %d' % length)

    def test_every_byte_changed(self):
        """a file of ours with any one byte changed is refused: its checksum covers all of it"""
        self.c.call('increment', 'ours', key=1)
        self.c.call('dump', 'ours')
        data = self.server.read(self.server.files('ours')[0])
        end = unpack(data)[1]
        for at in range(len(data)):
            for change in (1, 0x80):
                broken = bytearray(data)
                broken[at] ^= change
                self.put('5_h.tree', broken)
                self.c.send(request('load', '5_h.tree'))
                success, text = self.c.reply()
                self.assertFalse(success, 'byte %d of %d (first object %d) changed by %#x: %s' % (at, len(data), end, change, text))
                self.assertIn('5_h.tree', text)
        self.untouched()

    def test_random_changes_of_an_original(self):
        """random changes of the original's files either load or are refused; the server lives, a refusal changes nothing"""
        seed = random.randrange(1 << 32)
        rng = random.Random(seed)
        good = original_file(ODD)
        for round_ in range(scaled(1500)):
            data = bytearray(rng.choice((ARTICLES_NEW, PAGE_VIEWS, good)))
            for _ in range(rng.randint(1, 4)):
                kind = rng.randrange(3)
                at = rng.randrange(len(data))
                if kind == 0:
                    data[at] = rng.randrange(256)
                elif kind == 1:
                    del data[at:at + rng.randint(1, 8)]
                else:
                    data[at:at] = bytes(rng.choice((0xc0, 0xdf, 0xdd, 0xff, 0xcf, 0x80, rng.randrange(256)))
                                        for _ in range(rng.randint(1, 5)))
            self.put('5_x.tree', data)
            self.c.send(request('load', '5_x.tree'))
            success, text = self.c.reply()
            if success:
                parse_reply(self.c.ask(request('find', 'x', **EVER)))
            else:
                self.assertIn('5_x.tree', text, 'seed %d round %d' % (seed, round_))
        self.untouched()

    def test_only_files_of_the_directory(self):
        """load refuses paths, directories, links and pipes, without waiting and without reading outside"""
        outside = os.path.join(self.scratch, '5_out.tree')
        with open(outside, 'wb') as f:
            f.write(PAGE_VIEWS)
        os.mkdir(os.path.join(self.directory, '5_dir.tree'))
        os.mkdir(os.path.join(self.directory, 'sub'))
        self.put('sub/5_in.tree', PAGE_VIEWS)
        os.mkfifo(os.path.join(self.directory, '5_fifo.tree'))
        os.symlink(outside, os.path.join(self.directory, '5_link.tree'))
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(os.path.join(self.directory, '5_sock.tree'))
        for name in ('../5_out.tree', outside, './../5_out.tree', 'sub/5_in.tree', './5_dir.tree', '.', '..', '/', '',
                     '5_dir.tree', '5_fifo.tree', '5_link.tree', '5_sock.tree', 'a\0b', 'x' * 1000, 'karma.manifest',
                     'karma.lock', '5_\n.tree'):
            with self.subTest(name):
                self.c.fault('load', name)
        self.assertEqual(self.c.call('trees'), ['h'])
        self.untouched()

    def test_dump_that_cannot_be_written(self):
        """a dump that cannot be written is the reply of dump and in the log; the others are dumped, later ones work"""
        limits = (100000, resource.RLIM_INFINITY)
        server = self.start('--wal=false', directory=self.fresh(), preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits))
        client = self.client()
        client.send(b''.join(request('increment', 'big', key=key) for key in range(20000)))
        client.lines(20000)
        client.call('increment', 'small', key=1)
        self.assertIn('big', client.fault('dump', 'big'))
        self.assertEqual(client.call('dump_all'), 'OK')
        wait_until(lambda: server.files('small'), 'the other tree is dumped')
        self.assertEqual(client.call('dump', 'small'), 'Tree "small" saved')
        self.assertRegex(server.log(), r' error dump failed .*big')
        self.assertEqual(server.files('big'), [])
        self.assertEqual([name for name in os.listdir(server.directory) if 'tmp' in name], [], 'nothing is left behind')
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        self.assertEqual(client.call('dump', 'big'), 'Tree "big" saved')
        self.assertEqual(len(server.newest('big')), 20000)

    def test_final_dump_that_cannot_be_written(self):
        """a server whose last dump fails ends with 1 and says so"""
        server = self.start('--wal=false', directory=self.fresh(), preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000)))
        client = self.client()
        client.send(b''.join(request('increment', 'big', key=key) for key in range(20000)))
        client.lines(20000)
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 1)
        self.assertRegex(server.log(), r' error dump failed .*big')

    def test_directory_moved(self):
        """a directory renamed under the running server stays its directory"""
        target = os.path.join(self.scratch, 'moved')
        self.c.call('dump', 'h')
        os.rename(self.directory, target)
        # The server holds the directory open: it goes on in the moved one, and never writes into a new one of that name.
        os.mkdir(self.directory)
        self.c.call('dump', 'h')
        self.assertEqual([name for name in os.listdir(self.directory) if name.endswith('.tree')], [])
        os.rmdir(self.directory)
        os.rename(target, self.directory)
        self.assertEqual(len(self.server.files('h')), 2)


class DamagedStart(KarmaTest):
    def grow(self):
        """A directory with two generations of dumps of two trees, made by a server that ended well."""
        server = self.start()
        client = self.client()
        for tree in ('a', 'b'):
            client.call('increment', tree, key=1)
            client.call('dump', tree)
            client.call('increment', tree, key=1)
        server.stop()
        return server

    def break_file(self, name):
        path = os.path.join(self.directory, name)
        with open(path, 'r+b') as f:
            f.seek(os.path.getsize(path) // 2)
            byte = f.read(1)
            f.seek(-1, 1)
            f.write(bytes([byte[0] ^ 0x10]))

    def test_damaged_newest_stops_the_start(self):
        """a start on a damaged newest dump of ours ends with 1, names the file, changes nothing"""
        server = self.grow()
        newest = server.files('a')[-1]
        self.break_file(newest)
        before = {name: server.read(name) for name in os.listdir(self.directory) if name != 'karma.lock'}
        self.assertIn(newest, self.refused_start())
        self.same({name: server.read(name) for name in os.listdir(self.directory) if name != 'karma.lock'}, before)

    def test_skip_damaged(self):
        """--restore-skip-damaged goes on with the older dump, says so, and the next ordinary start is well"""
        server = self.grow()
        newest = server.files('a')[-1]
        self.break_file(newest)
        server = self.start('--restore-skip-damaged=true')
        self.assertIn(newest, server.log())
        self.assertGreater(server.files('a')[-1], newest, 'a full dump before it serves')
        self.assertEqual(server.newest('a')[1][1], 1)
        client = self.client()
        self.assertEqual(client.call('trees'), ['a', 'b'])
        self.assertEqual(client.call('sum', 'a', key=1), 1)
        self.assertEqual(client.call('sum', 'b', key=1), 2)
        server.kill()
        self.start()
        client = self.client()
        self.assertEqual(client.call('sum', 'a', key=1), 1)
        self.assertEqual(client.call('sum', 'b', key=1), 2)

    def test_skip_damaged_without_an_older_one(self):
        """--restore-skip-damaged without any good dump of a tree serves the others"""
        server = self.grow()
        for name in server.files('a'):
            self.break_file(name)
        self.start('--restore-skip-damaged=true')
        client = self.client()
        self.assertEqual(client.call('sum', 'b', key=1), 2)
        self.assertEqual(client.call('sum', 'a', key=1), 0)

    def test_missing_newest_stops_the_start(self):
        """a dump that the manifest names and that is gone stops the start and is named"""
        server = self.grow()
        newest = server.files('a')[-1]
        os.remove(os.path.join(self.directory, newest))
        self.assertIn(newest, self.refused_start())
        self.start('--restore-skip-damaged=true')
        self.assertEqual(self.client().call('sum', 'b', key=1), 2)

    def test_damaged_original(self):
        """the same for a directory of the original's: the newest damaged dump is named, skipping it takes the older"""
        self.put('10_a.tree', PAGE_VIEWS)
        self.put('11_a.tree', PAGE_VIEWS[:-3])
        self.put('12_b.tree', EMPTY)
        self.assertIn('11_a.tree', self.refused_start())
        self.start('--restore-skip-damaged=true')
        client = self.client()
        self.assertEqual(sorted(client.call('trees')), ['a', 'b'])
        self.assertEqual(client.call('sum', 'a', key=42), 2)

    def test_damaged_manifest(self):
        """a manifest that was changed, cut or emptied stops the start and is named"""
        server = self.grow()
        good = server.read('karma.manifest')
        for at in range(0, len(good), max(1, len(good) // 20)):
            broken = bytearray(good)
            broken[at] ^= 4
            self.put('karma.manifest', broken)
            self.assertIn('karma.manifest', self.refused_start(), 'byte %d' % at)
        for length in (0, 1, len(good) // 2, len(good) - 1):
            self.put('karma.manifest', good[:length])
            self.assertIn('karma.manifest', self.refused_start(), 'cut at %d' % length)
        self.put('karma.manifest', good)
        self.start()
        self.assertEqual(self.client().call('sum', 'a', key=1), 2)

    def test_foreign_dump_is_not_restored(self):
        """a newer dump file of another directory is left for load, not restored"""
        server = self.grow()
        foreign = self.start(directory=self.fresh())
        client = self.client(foreign)
        for _ in range(9):
            client.call('increment', 'a', key=1)
        client.call('dump', 'a')
        name = foreign.files('a')[0]
        self.put('4000000000_a.tree', foreign.read(name))
        self.put('4000000000_c.tree', foreign.read(name))
        server = self.start()
        client = self.client()
        self.assertEqual(client.call('trees'), ['a', 'b'])
        self.assertEqual(client.call('sum', 'a', key=1), 2)
        self.assertEqual(client.call('load', '4000000000_a.tree'), 'Tree "a" loaded')
        self.assertEqual(client.call('sum', 'a', key=1), 9)

    def test_leftover_temporary_files(self):
        """temporary files of a dump that was cut short disturb nothing"""
        self.grow()
        self.put('.tmp-0001', ARTICLES_NEW[:50])
        self.put('karma.manifest.tmp', b'\x81')
        self.start()
        client = self.client()
        self.assertEqual(client.call('trees'), ['a', 'b'])
        self.assertEqual(len(client.call('dumps')), 4)


if __name__ == '__main__':
    main()
