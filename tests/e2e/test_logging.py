#!/usr/bin/env python3
"""The log on stderr: what is told, at which level, in which form."""
import subprocess

from harness import *

TEXT = re.compile(r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warn |info |debug) \S.*$')


class Logging(KarmaTest):
    def life(self, *options):
        """A server that starts, restores, dumps, drops a client, ends: its log."""
        self.put('5_old_one.tree', original_file({1: ({20230701: 7}, 7), 2: ({20230701: 1, 20230702: 1}, 2)}))
        server = self.start('--write-timeout=3600', '--idle-timeout=1', *options)
        client = self.client()
        client.call('increment', 'a "quoted"\n\ttree', key=1)
        client.call('dump', 'a "quoted"\n\ttree')
        idle = self.client()
        idle.call('ping')
        idle.rest()
        server.stop()
        return server

    def test_text(self):
        """every line of the text log has time, level and event; one event is one line whatever a tree is called"""
        server = self.life()
        lines = server.log().splitlines()
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, TEXT)
        self.assertIn(str(server.port), server.log())

    def test_events(self):
        """start, options in force, restore with counts, dump with counts and bytes, client dropped, shutdown are told"""
        server = self.life('--log-format=json')
        events = [json.loads(line) for line in server.log().splitlines()]
        for event in events:
            self.assertEqual(list(event)[:3], ['time', 'level', 'event'])
            self.assertIn(event['level'], ('error', 'warn', 'info', 'debug'))
            self.assertRegex(event['time'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$')

        def told(word, **fields):
            found = [e for e in events if word in e['event'] and all(e.get(k) == v for k, v in fields.items())]
            self.assertTrue(found, '%s %r in %s' % (word, fields, '\n'.join(map(str, events))))
            return found[0]
        told('start')
        whole = json.dumps(events)
        for option in ('bind', 'port', 'directory', 'max-request-bytes', 'write-timeout', 'dump-retention-per-tree'):
            self.assertTrue(option in whole or option.replace('-', '_') in whole, 'option %s in force' % option)
        restored = told('restored')
        self.assertTrue({'trees', 'keys'} & set(restored), restored)
        dumped = [e for e in events if e.get('tree') == 'a "quoted"\n\ttree']
        self.assertTrue(dumped, 'the dump names its tree')
        self.assertEqual(dumped[0].get('keys'), 1)
        self.assertGreater(dumped[0].get('bytes', 0), 34)
        dropped = told('client dropped')
        self.assertIn('reason', dropped)
        self.assertIn('127.0.0.1', dropped['address'])
        self.assertTrue([e for e in events if 'stop' in e['event'] or 'shutdown' in e['event'] or 'off' in e['event']])

    def test_levels(self):
        """--log-level=error is silent in an ordinary life, warn tells no more than warnings, debug at least as much as info"""
        counts = {}
        for level in ('error', 'warn', 'info', 'debug'):
            server = self.start('--log-level=' + level)
            self.client().call('increment', 'a', key=1)
            server.stop()
            counts[level] = len(server.log().splitlines())
        self.assertEqual(counts['error'], 0)
        self.assertLessEqual(counts['warn'], counts['info'])
        self.assertLessEqual(counts['info'], counts['debug'])
        self.assertGreater(counts['info'], 2)

    def test_stderr_not_read(self):
        """a stderr that nobody reads, or that is closed, does not stop the server"""
        for close in (False, True):
            server = self.spawn('--log-level=debug')
            server.kill()
            reader, writer = os.pipe()
            with open(server.out_path, 'wb') as out:
                server.process = subprocess.Popen(server.argv + ['--idle-timeout=1'], stdout=out, stderr=writer,
                                                  env=clean_environment())
            os.close(writer)
            if close:
                os.close(reader)
            server.pid = server.process.pid
            server.wait_started()
            client = self.client(server)
            # Some 600 KB of log, more than the pipe and the log's own queue hold.
            self.put('5_no_dump.tree', b'x')
            for _ in range(30):
                client.send(request('load', '5_no_dump.tree') * 100)
                for line in client.lines(100):
                    self.assertFalse(parse_reply(line)[0])
            client.call('dump_all')
            server.stop()
            if not close:
                os.close(reader)

    def test_stdout_has_two_lines_only(self):
        """stdout holds the start line and the off line, nothing else"""
        server = self.life()
        lines = [line for line in server.out().decode().splitlines() if line]
        self.assertEqual(lines, ['Karma v.%s is on %d.' % (server.version, server.port),
                                 'Karma v.%s is off.' % server.version])


if __name__ == '__main__':
    main()
