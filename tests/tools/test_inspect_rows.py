#!/usr/bin/env python3
"""Rows move trees exactly, both ways and in both formats; what is no row is refused by its line and leaves nothing."""
import os
import signal
import subprocess

from inspecting import *
from harness import COUNT_MAX, U64_MAX, decode_dump, original_file, wait_until

# Everything that files hold: days at 0, totals beside the days, no days, the ends of all ranges, many days.
ODD = {0: ({20230701: 127, 20230702: 0}, 127), 1: ({}, 0), 2: ({}, 4), 3: ({20230701: 0}, 0), 4: ({20230701: 3}, 10),
       5: ({20230701: 3, 20230702: 4}, 5), 6: ({20230701: 5}, 0), 7: ({0: 1, 99999999: 1}, 2),
       8: ({20200000 + day: day for day in range(1, 200)}, 19900), 9: ({20230701: COUNT_MAX}, COUNT_MAX),
       10: ({20230701: 1}, COUNT_MAX), U64_MAX: ({20230701: 1}, 1), 1 << 63: ({20230701: 2}, 2), 1 << 53: ({1: 1}, 1),
       (1 << 53) + 1: ({1: 2}, 2)}
NAMES = ['', ' ', 'articles', 'a,b', 'a"b', '"', '""', 'a\nb', '\r\n', 'a\r', '\t', 'page_views', '../x', '.hidden', '%41',
         'é€😀', 'x' * 1024, 'ж' * 512, '\x00', '\x1b[31m', 'null', '0', '-1', '=1+1', "'", '\ufeff', 'tree']


class Rows(InspectTest):
    def test_round_trip(self):
        """every counter and every name is the same after export and import, in both formats"""
        for format in ('csv', 'jsonl'):
            first, second = self.fresh(), self.fresh()
            lines = []
            for name in NAMES:
                for key, (days, total) in ODD.items():
                    for day, count in days.items():
                        lines.append({'tree': name, 'key': key, 'day': day, 'count': count})
                    if not days or sum(days.values()) != total:
                        lines.append({'tree': name, 'key': key, 'total': total})
            files = self.imports('\n'.join(map(json.dumps, lines)), directory=first, format='jsonl')
            self.assertEqual(len(files), len(NAMES))
            self.assertEqual(sorted(os.listdir(first)), sorted(files))
            for name, file in zip(NAMES, files):
                with open(os.path.join(first, file), 'rb') as f:
                    counters, second_object = decode_dump(f.read())
                self.assertEqual(second_object['tree'], name)
                self.assertEqual(counters, ODD)
                self.assertEqual(self.export(os.path.join(first, file), format=format), {name: ODD})
            whole, _ = self.inspect('export', first, '--format=' + format)
            self.same(trees_of(rows_of(whole, format)), {name: ODD for name in NAMES})
            self.imports(whole, directory=second, format=format)
            self.same(self.export(second, format=format), {name: ODD for name in NAMES})
            self.inspect('verify', second)

    def test_empty_trees(self):
        """a tree without keys stays one, and the original's files export as they are"""
        self.put('5_none.tree', original_file({}))
        self.put('5_odd one.tree', original_file(ODD))
        self.assertEqual(self.inspect('export', os.path.join(self.directory, '5_none.tree'))[0],
                         'tree,key,day,count,total\nnone,,,,\n')
        want = {'none': {}, 'odd one': ODD}
        self.assertEqual(self.export(self.directory), want)
        self.assertEqual(self.export(self.directory, '--tree=odd one'), {'odd one': ODD})
        other = self.fresh()
        self.imports(self.inspect('export', self.directory)[0], directory=other)
        self.assertEqual(self.export(other), want)

    def test_to_a_server(self):
        """load takes an imported file while the server runs, and a first start takes it by itself"""
        rows = 'tree,key,day,count,total\na,1,20230701,3,\na,1,,,7\nb,2,20230701,1,\n'
        server = self.start()
        client = self.client()
        client.call('increment', 'a', key=9)
        files = self.imports(rows)
        for file in files:
            client.call('load', file)
        self.assertEqual(client.find('a'), {1: {20230701: 3}})
        self.assertEqual(client.call('sum', 'a', key=1), 7)
        server.stop()
        self.assertEqual(self.export(self.directory), {'a': {1: ({20230701: 3}, 7)}, 'b': {2: ({20230701: 1}, 1)}})
        self.start()
        self.assertEqual(self.client().call('sum', 'a', key=1), 7)

        first = self.fresh()
        self.imports(rows, directory=first)
        self.imports('tree,key,day,count\na,5,6,7\n', directory=first)  # the newer one counts
        self.start(directory=first)
        client = self.client()
        self.assertEqual(sorted(client.call('trees')), ['a', 'b'])
        self.assertEqual(client.find('a'), {5: {6: 7}})

    def test_not_of_the_directory(self):
        """an imported file is no dump of the directory it stands in: a start goes on with what was there"""
        server = self.start()
        client = self.client()
        client.call('increment', 'a', key=1)
        client.call('dump', 'a')
        server.stop()
        before = self.export(self.directory)
        self.imports('tree,key,day,count\na,5,6,7\n')
        self.assertEqual(self.export(self.directory), before)
        self.start()
        self.assertEqual(list(self.client().find('a')), [1])

    def test_one_tree_by_name(self):
        """--tree names the tree, also one that the rows call otherwise, but takes no two for one"""
        self.assertRegex(self.imports('key,day,count\n1,2,3\n', '--tree=x')[0], r'^\d+_x\.tree$')
        self.imports('tree,key,day,count\na,1,2,3\na,2,2,3\n', '--tree=y')
        self.assertEqual(self.export(self.directory), {'x': {1: ({2: 3}, 3)}, 'y': {1: ({2: 3}, 3), 2: ({2: 3}, 3)}})
        self.refused('tree,key,day,count\na,1,2,3\nb,2,2,3\n', 'line 3: a second tree', '--tree=z')
        self.refused('key,day,count\n1,2,3\n', 'line 2: tree is missing, and there is no --tree')

    def refused(self, rows, fault, *options, format='csv'):
        """The import fails with this text and leaves the directory as it was."""
        before = sorted(os.listdir(self.directory))
        out, err = self.inspect('import', self.directory, '--format=' + format, *options, status=2,
                                data=rows if isinstance(rows, bytes) else rows.encode())
        self.assertEqual(out, '')
        self.assertTrue(err.startswith('ERROR: ' + fault) and err.endswith('; nothing was imported\n'), err)
        self.assertEqual(sorted(os.listdir(self.directory)), before)

    def test_refused(self):
        """what is wrong is told by its line, and trees before it are not kept either"""
        head = 'tree,key,day,count,total\nfirst,1,2,3,\n'
        for rows, fault in (
                ('', 'line 1: there is no row'),
                ('tree,key,day,count,total\n', 'line 2: there is no row'),
                (head + 'a,1,2,3\n', 'line 3: there must be 5 fields as in the first line, not 4'),
                (head + 'a,x,2,3,\n', 'line 3: key must be an integer from 0 to 18446744073709551615, not "x"'),
                (head + 'a,1,2,3,\nfirst,2,2,3,\n', 'line 4: the rows of a tree must stand together: "first" ended before'),
                (head + 'first,2,2,3,\nfirst,1,3,3,\n', 'line 4: the rows of a key must stand together: 1 ended before'),
                (head + 'first,1,2,3,\n', 'line 3: the day 2 of the key 1 is there twice'),
                (head + 'first,1,1,3,\nfirst,1,0,1,\nfirst,1,2,3,\n', 'line 5: the day 2 of the key 1 is there twice'),
                (head + 'first,1,0,1,\nfirst,1,0,3,\n', 'line 4: the day 0 of the key 1 is there twice'),
                (head + 'first,1,,,5\nfirst,1,,,6\n', 'line 4: a second total of the key 1: 5 and 6'),
                (head + 'first,1,3,%d,\n' % COUNT_MAX, 'line 3: the days of the key 1 add up to more than %d' % COUNT_MAX),
                (head + 'first,1,,,%d\n' % (COUNT_MAX + 1), 'line 3: total must be an integer from 0 to %d' % COUNT_MAX),
                (head.encode() + b'\xff,1,2,3,\n', 'line 3: tree must be UTF-8')):
            self.refused(rows, fault)
        self.refused('{"tree":"a","key":1,"day":2,"count":3}\n{"tree":"a","key":2', 'line 2: the line ends inside a JSON object',
                     format='jsonl')

    def test_interrupted(self):
        """an import that is stopped half-way leaves nothing"""
        def attentive():
            """As from a terminal; what runs in the background may have it ignored."""
            for taken in (signal.SIGINT, signal.SIGHUP):
                signal.signal(taken, signal.SIG_DFL)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) * 10:
            process = subprocess.Popen([os.environ['KARMA_INSPECT'], 'import', self.directory], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=attentive)
            process.stdin.write(b'tree,key,day,count\na,1,2,3\nb,1,2,3\nc,1,2,3\n')
            process.stdin.flush()
            wait_until(lambda: len(os.listdir(self.directory)) == 2, 'two trees under temporary names')
            process.send_signal(number)
            self.assertEqual(process.wait(60 * SLOW), 2)
            self.assertIn(b'nothing was imported', process.stderr.read())
            for stream in (process.stdin, process.stdout, process.stderr):
                stream.close()
            self.assertEqual(os.listdir(self.directory), [])

    def test_newer_stamp(self):
        """a file never takes the place of another, and is newer than those of its tree"""
        self.put('99999999999_a.tree', original_file({}))
        self.assertEqual(self.imports('tree,key,day,count\na,1,2,3\n'), ['100000000000_a.tree'])
        self.assertEqual(self.imports('tree,key,day,count\na,1,2,3\n'), ['100000000001_a.tree'])

    def test_many(self):
        """many keys and trees pass, in bounded memory"""
        rows = ['tree,key,day,count']
        rows += ['big,%d,%d,%d' % (key * 7, 20230701 + day, key % 10) for key in range(50000) for day in range(3)]
        rows += ['t%d,1,2,3' % tree for tree in range(300)]
        self.assertEqual(len(self.imports('\n'.join(rows) + '\n')), 301)
        got = self.export(self.directory)
        self.assertEqual(len(got), 301)
        self.same(got['big'], {key * 7: ({20230701 + day: key % 10 for day in range(3)}, 3 * (key % 10))
                               for key in range(50000)})

    def test_not_exported(self):
        """a damaged or missing file is not exported, not even in part"""
        file = self.imports('tree,key,day,count\na,1,2,3\na,2,2,3\n')[0]
        path = os.path.join(self.directory, file)
        with open(path, 'rb') as f:
            data = bytearray(f.read())
        data[len(data) // 2] ^= 1
        self.put(file, data)
        out, err = self.inspect('export', path, status=1)
        self.assertEqual(out, '')
        self.assertIn(file, err)
        out, err = self.inspect('export', self.directory, status=1)
        self.assertEqual(out, '')
        self.assertIn(file, err)
        self.inspect('export', path + 'x', status=2)
        self.inspect('export', self.directory, '--tree=b', status=1)
        os.remove(path)
        self.put('5_c.tree', original_file({}))
        self.inspect('export', self.directory, '--tree=b', status=2)
        self.inspect('export', os.path.join(self.directory, '5_c.tree'), '--tree=b', status=2)
        os.rename(os.path.join(self.directory, '5_c.tree'), os.path.join(self.directory.encode(), b'5_\xff.tree'))
        done = subprocess.run([os.environ['KARMA_INSPECT'].encode(), b'export', self.directory.encode() + b'/5_\xff.tree'],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual((done.returncode, done.stdout), (2, b''))

    def test_full_output(self):
        """an output that cannot be written is told by the status"""
        self.put('5_a.tree', original_file(ODD))
        with open('/dev/full', 'wb') as full:
            for command in (['export', self.directory], ['list', self.directory], ['verify', self.directory]):
                done = subprocess.run([os.environ['KARMA_INSPECT']] + command, stdout=full, stderr=subprocess.PIPE)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(b'standard output cannot be written', done.stderr)


if __name__ == '__main__':
    main()
