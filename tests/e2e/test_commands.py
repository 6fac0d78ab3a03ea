#!/usr/bin/env python3
"""Each of the 14 commands: the exact bytes of its replies and errors."""
from harness import *


class Commands(KarmaTest):
    def setUp(self):
        super().setUp()
        self.start()
        self.c = self.client()
        self.today = utc_today()

    def says(self, line, reply):
        """Sends a line of text; its reply must be these bytes and CR LF."""
        got = self.c.ask((line if isinstance(line, bytes) else line.encode()) + b'\n')
        self.assertEqual(got, reply.encode() + b'\r\n', line)

    def fails(self, line, text):
        self.says(line, '{"success":false,"response":%s}' % json.dumps(text, ensure_ascii=False))

    def ok(self, line, response):
        self.says(line, '{"success":true,"response":%s}' % response)

    def refused(self, line, *words):
        """The line must get an error reply that contains the words."""
        success, text = parse_reply(self.c.ask((line if isinstance(line, bytes) else line.encode()) + b'\n'))
        self.assertFalse(success, '%r was not refused: %r' % (line, text))
        for word in words:
            self.assertIn(word, text, line)

    def test_ping(self):
        """ping: pong, whatever other members hold, with LF or CR LF"""
        self.ok('{"command":"ping"}', '"pong"')
        self.ok('{"command":"ping"}\r', '"pong"')
        self.ok('{"command":"ping","tree_name":null,"key":null,"time_from":null,"time_to":null}', '"pong"')
        self.ok('{"x":[1,{"y":-1e9}],"command":"ping","tree_name":"ü","key":18446744073709551615}', '"pong"')
        self.ok(' \t{ "command" : "ping" }\t ', '"pong"')

    def test_trees_create_drop(self):
        """trees, create, drop: lists in order of creation, create twice is OK, drop of a missing tree is its error"""
        self.ok('{"command":"trees"}', '[]')
        self.ok('{"command":"create","tree_name":"b"}', '"OK"')
        self.ok('{"command":"create","tree_name":"a"}', '"OK"')
        self.ok('{"command":"create","tree_name":"b"}', '"OK"')
        self.ok('{"command":"trees"}', '["b","a"]')
        self.ok('{"command":"increment","tree_name":"b","key":1}', '1')
        self.ok('{"command":"create","tree_name":"b"}', '"OK"')
        self.ok('{"command":"sum","tree_name":"b","key":1}', '1')
        self.ok('{"command":"drop","tree_name":"b"}', '"OK"')
        self.fails('{"command":"drop","tree_name":"b"}', 'Tree "b" not exists')
        self.ok('{"command":"create","tree_name":"b"}', '"OK"')
        self.ok('{"command":"trees"}', '["a","b"]')
        self.ok('{"command":"sum","tree_name":"b","key":1}', '0')

    def test_names(self):
        """tree names are compared byte by byte and come back escaped as JSON wants, nothing more"""
        self.ok('{"command":"create","tree_name":""}', '"OK"')
        self.ok('{"command":"create","tree_name":"a/b \\"q\\" \\\\ \\u0000\\n\\u001f\\u007f ü\\u00fc\\ud83d\\ude00"}', '"OK"')
        self.ok('{"command":"create","tree_name":"e\\u0301"}', '"OK"')
        self.ok('{"command":"create","tree_name":"\\u00e9"}', '"OK"')
        names = json.loads(self.c.ask(b'{"command":"trees"}\n'))['response']
        self.assertEqual(names, ['', 'a/b "q" \\ \0\n\x1f\x7f üü😀', 'e\u0301', 'é'])
        self.fails('{"command":"drop","tree_name":"no \\"such\\" ü/"}', 'Tree "no "such" ü/" not exists')
        self.ok('{"command":"drop","tree_name":""}', '"OK"')
        self.fails('{"command":"drop","tree_name":""}', 'Tree "" not exists')

    def test_name_bounds(self):
        """a name of 1024 bytes is good, one of 1025 and one that is no UTF-8 are refused and create nothing"""
        long = 'ü' * 512
        self.ok('{"command":"create","tree_name":"%s"}' % long, '"OK"')
        self.ok('{"command":"increment","tree_name":"%s","key":1}' % long, '1')
        self.ok('{"command":"sum","tree_name":"%s","key":1}' % long, '1')
        for command in ('create', 'increment'):
            self.refused('{"command":"%s","tree_name":"%sx","key":1}' % (command, long), '1024')
            for bad in (b'\xff', b'\xc0\x80', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xc3'):
                self.refused(b'{"command":"%s","tree_name":"a%s","key":1}' % (command.encode(), bad))
        self.ok('{"command":"trees"}', '["%s"]' % long)

    def test_increment(self):
        """increment: replies with the step 1, creates tree and key, adds to today and total"""
        for _ in range(3):
            self.ok('{"command":"increment","tree_name":"a","key":7}', '1')
        self.ok('{"command":"increment","tree_name":"a","key":7,"time_from":20200101,"time_to":20200102}', '1')
        self.ok('{"command":"sum","tree_name":"a","key":7}', '4')
        self.ok('{"command":"find","tree_name":"a","key":7,"time_from":0,"time_to":99999999}', '{"%s":4}' % self.today)
        self.ok('{"command":"trees"}', '["a"]')
        for key in (0, 1 << 32, (1 << 63) - 1, 1 << 63, U64_MAX):
            self.ok('{"command":"increment","tree_name":"b","key":%d}' % key, '1')
            self.ok('{"command":"sum","tree_name":"b","key":%d}' % key, '1')
        self.assertEqual(len(self.c.find('b')), 5)

    def test_decrement(self):
        """decrement: always 1; today and total stop at 0, the day stays as 0; creates nothing"""
        self.ok('{"command":"decrement","tree_name":"a","key":1}', '1')
        self.ok('{"command":"trees"}', '[]')
        self.ok('{"command":"create","tree_name":"a"}', '"OK"')
        self.ok('{"command":"decrement","tree_name":"a","key":1}', '1')
        self.ok('{"command":"find","tree_name":"a","time_from":0,"time_to":99999999}', '{}')
        self.ok('{"command":"increment","tree_name":"a","key":1}', '1')
        self.ok('{"command":"increment","tree_name":"a","key":1}', '1')
        for left in (1, 0, 0):
            self.ok('{"command":"decrement","tree_name":"a","key":1}', '1')
            self.ok('{"command":"sum","tree_name":"a","key":1}', str(left))
            self.ok('{"command":"find","tree_name":"a","time_from":0,"time_to":99999999}',
                    '{"1":{"%s":%d}}' % (self.today, left))
        self.ok('{"command":"increment","tree_name":"a","key":1}', '1')
        self.ok('{"command":"sum","tree_name":"a","key":1}', '1')

    def test_decrement_without_today(self):
        """decrement of a key without an entry for today takes from the total shown and makes no entry"""
        self.put('5_h.tree', original_file({1: ({20230701: 3}, 3), 2: ({20230701: 1}, 9)}))
        self.ok('{"command":"load","tree_name":"5_h.tree"}', '"Tree \\"h\\" loaded"')
        for left in (2, 1, 0, 0):
            self.ok('{"command":"decrement","tree_name":"h","key":1}', '1')
            self.ok('{"command":"sum","tree_name":"h","key":1}', str(left))
        self.ok('{"command":"find","tree_name":"h","key":1,"time_from":0,"time_to":99999999}', '{"20230701":3}')
        self.ok('{"command":"decrement","tree_name":"h","key":2}', '1')
        self.ok('{"command":"sum","tree_name":"h","key":2}', '8')
        self.ok('{"command":"increment","tree_name":"h","key":1}', '1')
        self.ok('{"command":"sum","tree_name":"h","key":1}', '1')
        self.ok('{"command":"sum","tree_name":"h","key":1,"time_from":0,"time_to":99999999}', '4')

    def test_sum(self):
        """sum: total without a range, the days in an inclusive range with one; missing things are 0 and stay missing"""
        self.put('5_h.tree', original_file({1: ({20230701: 3, 20230702: 126, 20230703: 7}, 136), 2: ({}, 0)}))
        self.ok('{"command":"load","tree_name":"5_h.tree"}', '"Tree \\"h\\" loaded"')
        self.ok('{"command":"sum","tree_name":"h","key":1}', '136')
        self.ok('{"command":"sum","tree_name":"h","key":1,"time_from":null,"time_to":null}', '136')
        for first, last, expected in ((20230701, 20230703, 136), (20230702, 20230702, 126), (0, 20230701, 3),
                                      (20230702, U64_MAX, 133), (20230703, 20230701, 0), (20230704, 99999999, 0),
                                      (0, 0, 0), (U64_MAX, U64_MAX, 0)):
            self.ok('{"command":"sum","tree_name":"h","key":1,"time_from":%d,"time_to":%d}' % (first, last), str(expected))
        self.ok('{"command":"sum","tree_name":"h","key":9}', '0')
        self.ok('{"command":"sum","tree_name":"no","key":9}', '0')
        self.ok('{"command":"sum","tree_name":"no","key":9,"time_from":0,"time_to":1}', '0')
        self.ok('{"command":"trees"}', '["h"]')
        self.assertEqual(sorted(self.c.find('h')), [1, 2])

    def test_find(self):
        """find: days of a key in range, or of every key, {} where there is none; creates nothing"""
        self.put('5_h.tree', original_file({1: ({20230701: 3, 20230702: 0}, 3), 10: ({}, 0), 2: ({20230703: 5}, 5)}))
        self.ok('{"command":"load","tree_name":"5_h.tree"}', '"Tree \\"h\\" loaded"')
        self.ok('{"command":"find","tree_name":"h","key":1,"time_from":20230702,"time_to":20230702}', '{"20230702":0}')
        self.assertEqual(self.c.find('h', 1), {20230701: 3, 20230702: 0})
        self.ok('{"command":"find","tree_name":"h","key":1,"time_from":20230703,"time_to":20230701}', '{}')
        self.assertEqual(self.c.find('h'), {1: {20230701: 3, 20230702: 0}, 10: {}, 2: {20230703: 5}})
        self.assertEqual(self.c.find('h', time_from=20230703), {1: {}, 10: {}, 2: {20230703: 5}})
        self.assertEqual(self.c.call('find', 'h', key=None, time_from=20230702, time_to=20230702),
                         {'1': {'20230702': 0}, '10': {}, '2': {}})
        self.ok('{"command":"find","tree_name":"h","key":3,"time_from":0,"time_to":1}', '{}')
        self.ok('{"command":"find","tree_name":"no","time_from":0,"time_to":1}', '{}')
        self.ok('{"command":"find","tree_name":"no","key":3,"time_from":0,"time_to":1}', '{}')
        self.ok('{"command":"trees"}', '["h"]')
        self.assertEqual(sorted(self.c.find('h')), [1, 2, 10])

    def test_delete(self):
        """delete: true always, takes the days in range and their counts from the total; keys remain; creates nothing"""
        tables = {1: ({20230701: 3, 20230702: 126, 20230703: 7}, 136), 2: ({20230701: 1, 20230703: 2}, 3)}
        self.put('5_h.tree', original_file(tables))
        self.ok('{"command":"load","tree_name":"5_h.tree"}', '"Tree \\"h\\" loaded"')
        self.ok('{"command":"delete","tree_name":"h","key":1,"time_from":20230702,"time_to":20230702}', 'true')
        self.assertEqual(self.c.find('h'), {1: {20230701: 3, 20230703: 7}, 2: {20230701: 1, 20230703: 2}})
        self.ok('{"command":"sum","tree_name":"h","key":1}', '10')
        self.ok('{"command":"delete","tree_name":"h","time_from":0,"time_to":20230701}', 'true')
        self.assertEqual(self.c.find('h'), {1: {20230703: 7}, 2: {20230703: 2}})
        self.ok('{"command":"sum","tree_name":"h","key":1}', '7')
        self.ok('{"command":"sum","tree_name":"h","key":2}', '2')
        self.ok('{"command":"delete","tree_name":"h","key":1,"time_from":20230703,"time_to":20230701}', 'true')
        self.ok('{"command":"delete","tree_name":"h","time_from":0,"time_to":18446744073709551615}', 'true')
        self.assertEqual(self.c.find('h'), {1: {}, 2: {}})
        self.ok('{"command":"sum","tree_name":"h","key":2}', '0')
        self.ok('{"command":"delete","tree_name":"no","time_from":0,"time_to":1}', 'true')
        self.ok('{"command":"delete","tree_name":"no","key":1,"time_from":0,"time_to":1}', 'true')
        self.ok('{"command":"delete","tree_name":"h","key":3,"time_from":0,"time_to":1}', 'true')
        self.ok('{"command":"trees"}', '["h"]')
        self.assertEqual(sorted(self.c.find('h')), [1, 2])
        self.ok('{"command":"increment","tree_name":"h","key":1}', '1')
        self.ok('{"command":"sum","tree_name":"h","key":1}', '1')

    def test_delete_with_a_total_that_differs(self):
        """delete takes what it deleted from a total above or below its table, never below 0"""
        self.put('5_h.tree', original_file({1: ({20230701: 3, 20230702: 4}, 10), 2: ({20230701: 3, 20230702: 4}, 5)}))
        self.ok('{"command":"load","tree_name":"5_h.tree"}', '"Tree \\"h\\" loaded"')
        self.ok('{"command":"delete","tree_name":"h","time_from":20230702,"time_to":20230702}', 'true')
        self.ok('{"command":"sum","tree_name":"h","key":1}', '6')
        self.ok('{"command":"sum","tree_name":"h","key":2}', '1')
        self.ok('{"command":"delete","tree_name":"h","time_from":20230701,"time_to":20230701}', 'true')
        self.ok('{"command":"sum","tree_name":"h","key":1}', '3')
        self.ok('{"command":"sum","tree_name":"h","key":2}', '0')
        self.ok('{"command":"reset","tree_name":"h","key":1}', '"OK"')
        self.ok('{"command":"sum","tree_name":"h","key":1}', '0')

    def test_reset(self):
        """reset: a key keeps its place with {} and 0; a tree becomes empty; missing things stay missing"""
        for key in (1, 1, 2):
            self.c.call('increment', 'a', key=key)
        self.ok('{"command":"reset","tree_name":"a","key":1,"time_from":5,"time_to":6}', '"OK"')
        self.ok('{"command":"sum","tree_name":"a","key":1}', '0')
        self.assertEqual(self.c.find('a'), {1: {}, 2: {int(self.today): 1}})
        self.ok('{"command":"reset","tree_name":"a","key":3}', '"OK"')
        self.assertEqual(sorted(self.c.find('a')), [1, 2])
        self.ok('{"command":"reset","tree_name":"a"}', '"OK"')
        self.ok('{"command":"find","tree_name":"a","time_from":0,"time_to":99999999}', '{}')
        self.ok('{"command":"sum","tree_name":"a","key":2}', '0')
        self.ok('{"command":"trees"}', '["a"]')
        self.ok('{"command":"increment","tree_name":"a","key":2}', '1')
        self.ok('{"command":"sum","tree_name":"a","key":2}', '1')
        self.ok('{"command":"reset","tree_name":"no"}', '"OK"')
        self.ok('{"command":"reset","tree_name":"no","key":1}', '"OK"')
        self.ok('{"command":"trees"}', '["a"]')

    def test_dump_dumps_load(self):
        """dump, dumps, load: their texts, one file each, newest first, load replaces the live tree"""
        self.ok('{"command":"dumps"}', '[]')
        self.fails('{"command":"dump","tree_name":"a"}', 'Tree "a" not found')
        self.ok('{"command":"trees"}', '[]')
        self.c.call('increment', 'a', key=1)
        self.ok('{"command":"dump","tree_name":"a"}', '"Tree \\"a\\" saved"')
        first = self.servers[0].files()
        self.assertEqual(len(first), 1)
        self.assertRegex(first[0], r'^\d{10}_a\.tree$')
        self.ok('{"command":"dumps"}', '["%s"]' % first[0])
        self.c.call('increment', 'a', key=1)
        self.ok('{"command":"dump","tree_name":"a"}', '"Tree \\"a\\" saved"')
        both = self.servers[0].files()
        self.assertEqual((len(both), both[0]), (2, first[0]))
        self.ok('{"command":"dumps"}', '["%s","%s"]' % (both[1], both[0]))
        self.ok('{"command":"load","tree_name":"%s"}' % both[0], '"Tree \\"a\\" loaded"')
        self.ok('{"command":"sum","tree_name":"a","key":1}', '1')
        self.ok('{"command":"load","tree_name":"%s"}' % both[1], '"Tree \\"a\\" loaded"')
        self.ok('{"command":"sum","tree_name":"a","key":1}', '2')
        self.fails('{"command":"load","tree_name":"1_no_such.tree"}', 'Dump "no_such" not exists')
        self.fails('{"command":"load","tree_name":"no"}', 'Dump "no" not exists')
        self.refused('{"command":"load","tree_name":""}')
        self.ok('{"command":"trees"}', '["a"]')

    def test_dump_all(self):
        """dump_all: OK, and a file of every tree follows"""
        self.ok('{"command":"dump_all"}', '"OK"')
        for tree in ('a', 'b', 'c d'):
            self.c.call('increment', tree, key=1)
        self.ok('{"command":"dump_all"}', '"OK"')
        server = self.servers[0]
        for tree in ('a', 'b', 'c d'):
            wait_until(lambda t=tree: server.files(t), 'a dump of ' + tree)
            self.assertEqual(server.newest(tree), {1: ({int(self.today): 1}, 1)})

    def test_missing_fields(self):
        """each command names the field it misses, and creates nothing"""
        for command in ('create', 'drop', 'increment', 'decrement', 'sum', 'find', 'reset', 'delete', 'dump', 'load'):
            self.fails('{"command":"%s"}' % command, 'Field tree_name is required')
            self.fails('{"command":"%s","tree_name":null,"key":1}' % command, 'Field tree_name is required')
        for command in ('increment', 'decrement', 'sum'):
            self.fails('{"command":"%s","tree_name":"a"}' % command, 'Field key is required')
            self.fails('{"command":"%s","tree_name":"a","key":null}' % command, 'Field key is required')
        both = 'Fields time_from and time_to are required'
        for command, key in (('find', ''), ('find', ',"key":1'), ('delete', ''), ('delete', ',"key":1')):
            self.fails('{"command":"%s","tree_name":"a"%s}' % (command, key), both)
        for command, key in (('sum', ',"key":1'), ('find', ''), ('find', ',"key":1'), ('delete', ''),
                             ('delete', ',"key":1')):
            for half in ('"time_from":1', '"time_to":1', '"time_from":1,"time_to":null'):
                self.fails('{"command":"%s","tree_name":"a"%s,%s}' % (command, key, half), both)
        self.refused('{}', 'command')
        self.refused('{"tree_name":"a"}', 'command')
        self.refused('{"command":null}', 'command')
        self.ok('{"command":"trees"}', '[]')

    def test_unknown_commands(self):
        """an unknown command is named word for word"""
        for name in ('nope', '', 'PING', ' ping', 'pingpong', 'pin', 'ü'):
            self.fails('{"command":"%s"}' % name, 'Unknown command ' + name)
        self.fails('{"command":"a\\"b\\\\\\n"}', 'Unknown command a"b\\\n')

    def test_types(self):
        """wrong types are refused for every command, and change nothing"""
        for value in ('"1"', '-1', '-0', '1.0', '1e3', 'true', '[]', '{}', '18446744073709551616', '1' * 40, '01', '+1'):
            for field in ('key', 'time_from', 'time_to'):
                self.refused('{"command":"ping","%s":%s}' % (field, value))
            self.refused('{"command":"increment","tree_name":"a","key":%s}' % value)
        for value in ('1', 'true', '[]', '{}'):
            self.refused('{"command":"ping","tree_name":%s}' % value)
            self.refused('{"command":%s}' % value)
        self.ok('{"command":"trees"}', '[]')

    def test_bad_json(self):
        """whatever is no JSON object is refused with one error reply, and the connection goes on"""
        for line in ('', ' ', '\r', '{', '}', '[]', 'null', '1', '"ping"', 'ping', '{"command":"ping",}', "{'command':'ping'}",
                     '{"command":"ping"} x', '{"command":"ping"}{}', '{"command":"ping"}//', '\ufeff{"command":"ping"}',
                     '{"command":"pi\tng"}', '{"command":"ping","x":"\\ud800"}', '{"command":"ping","x":"\\x"}',
                     '{"command":"ping","x":tru}', '{"command":"ping","x":.5}', '{"command":"ping","x":1.}',
                     '{"command":"ping","x":' + '[' * 512 + ']' * 512 + '}', '[' * 5000, '{"a":' * 5000):
            self.refused(line)
        for line in (b'\0', b'\xff\xfe', b'{"command":"ping"\0}', b'{"command":"ping","x":"\xc3"}', b'\x80' * 100):
            self.refused(line)
        self.ok('{"command":"ping","x":' + '[' * 511 + ']' * 511 + '}', '"pong"')
        self.ok('{"command":"ping","x":-12.5e+300000}', '"pong"')
        self.ok('{"command":"nope","command":"ping"}', '"pong"')
        self.ok('{"comm\\u0061nd":"pi\\u006eg"}', '"pong"')

    def test_overflow(self):
        """a counter at its end says Arithmetic overflow and changes nothing"""
        top = COUNT_MAX
        self.put('5_h.tree', original_file({1: ({int(self.today): top}, top), 2: ({20230701: top}, top),
                                            3: ({20230701: top - 1}, top - 1)}))
        self.ok('{"command":"load","tree_name":"5_h.tree"}', '"Tree \\"h\\" loaded"')
        before = self.c.find('h')
        for key in (1, 2):
            self.fails('{"command":"increment","tree_name":"h","key":%d}' % key, 'Arithmetic overflow')
            self.ok('{"command":"sum","tree_name":"h","key":%d}' % key, str(top))
        after = self.c.find('h')
        self.assertEqual(after, before)
        self.ok('{"command":"increment","tree_name":"h","key":3}', '1')
        self.fails('{"command":"increment","tree_name":"h","key":3}', 'Arithmetic overflow')
        self.ok('{"command":"sum","tree_name":"h","key":3}', str(top))

    def test_same_packet(self):
        """requests of one packet see what those before them did: increment, drop, create, reset, find"""
        lines = [request('increment', 'a', key=1), request('increment', 'a', key=1), request('sum', 'a', key=1),
                 request('drop', 'a'), request('sum', 'a', key=1), request('increment', 'a', key=1),
                 request('sum', 'a', key=1), request('reset', 'a'), request('sum', 'a', key=1),
                 request('find', 'a', **EVER), request('increment', 'a', key=2), request('reset', 'a', key=2),
                 request('increment', 'a', key=2), request('find', 'a', **EVER), request('dump', 'a'),
                 request('drop', 'a'), request('trees'), request('dump', 'a'), request('ping')]
        self.c.send(b''.join(lines))
        got = [json.loads(line)['response'] for line in self.c.lines(len(lines))]
        self.assertEqual(got, [1, 1, 2, 'OK', 0, 1, 1, 'OK', 0, {}, 1, 'OK', 1, {'2': {self.today: 1}},
                               'Tree "a" saved', 'OK', [], 'Tree "a" not found', 'pong'])

    def test_large_find(self):
        """a reply of several megabytes arrives whole, and the connection goes on"""
        keys = scaled(100000)
        self.put('5_h.tree', original_file({key: ({20230701: key, 20230702: 1}, key + 1) for key in range(keys)}))
        self.c.call('load', '5_h.tree')
        found = self.c.find('h')
        self.same(found, {key: {20230701: key, 20230702: 1} for key in range(keys)}, 'find')
        self.ok('{"command":"ping"}', '"pong"')


class Limits(KarmaTest):
    def test_max_trees(self):
        """--max-trees: one more is refused with a text, existing ones go on, a drop makes room"""
        self.start('--max-trees=3')
        client = self.client()
        for name in 'abc':
            client.call('create', name)
        for command, fields in (('create', {}), ('increment', {'key': 1})):
            self.assertIn('--max-trees', client.fault(command, 'd', **fields))
        self.assertEqual(client.call('create', 'a'), 'OK')
        client.call('increment', 'a', key=1)
        self.assertEqual(client.call('trees'), ['a', 'b', 'c'])
        client.call('drop', 'b')
        self.assertEqual(client.call('create', 'd'), 'OK')

    def test_max_response_bytes(self):
        """--max-response-bytes: a longer reply becomes an error with the bound, shorter ones and the connection go on"""
        self.start('--max-response-bytes=4096')
        client = self.client()
        for key in range(1000):
            client.call('increment', 'a', key=key)
        self.assertIn('4096', client.fault('find', 'a', **EVER))
        self.assertEqual(client.call('sum', 'a', key=1), 1)
        self.assertEqual(len(client.find('a', 5)), 1)
        for name in range(100):
            client.call('create', 'x' * 60 + str(name))
        self.assertIn('4096', client.fault('trees'))
        self.assertEqual(client.call('ping'), 'pong')


if __name__ == '__main__':
    main()
