#!/usr/bin/env python3
"""Tokens: where they come from, that no log shows them, and what is said without any."""
from harness import *

ALL, READ = 'all-secret', 'read-secret'


class Tokens(KarmaTest):
    def ask(self, server, request):
        return json.loads(self.client(server).ask(json.dumps(request).encode() + b'\n'))

    def v2(self, server, token=None, op='tree.create', **members):
        request = dict({'v': 2, 'op': op, 'series': 'a'}, **members)
        if token is not None:
            request['token'] = token
        return self.ask(server, request)

    def check(self, server):
        self.assertEqual(self.v2(server)['error_code'], 'unauthorized')
        self.assertEqual(self.v2(server, 'no')['error_code'], 'unauthorized')
        self.assertEqual(self.v2(server, ALL)['response'], 'OK')
        self.assertEqual(self.ask(server, {'command': 'ping'})['response'], 'Unauthorized')
        self.assertEqual(self.ask(server, {'command': 'ping', 'token': ALL})['response'], 'pong')

    def test_option(self):
        """tokens of the command line; neither is in the log"""
        server = self.start('--auth-token=' + ALL, '--read-auth-token=' + READ, '--log-level=debug')
        self.check(server)
        self.assertEqual(self.v2(server, READ)['error_code'], 'forbidden')
        self.assertEqual(self.v2(server, READ, 'system.ping')['response'], 'pong')
        self.assertNotIn('secret', server.log())
        self.assertNotIn('no token is needed', server.log())

    def test_environment(self):
        """tokens of the environment"""
        server = self.start(env={'KARMA_AUTH_TOKEN': ALL, 'KARMA_READ_AUTH_TOKEN': READ})
        self.check(server)
        self.assertNotIn('secret', server.log())

    def test_file(self):
        """the first line of a file, without its end"""
        path = os.path.join(self.directory, 'token')
        for ending in ('', '\n', '\r\n', '\nmore\n'):
            with open(path, 'w', newline='') as f:
                f.write(ALL + ending)
            server = self.start('--auth-token-file=' + path)
            self.check(server)
            self.assertNotIn('secret', server.log())
            server.stop()

    def test_bad_file(self):
        """a file without a token ends the start in one line"""
        path = os.path.join(self.directory, 'token')
        for content, problem in ((b'', 'its first line is empty'), (b'\nsecret', 'its first line is empty'),
                                 (b's' * 1025, 'longer than 1024 bytes'), (b'a\0secret', 'holds a NUL'),
                                 (b'secret\xff', 'not valid UTF-8'), (b'\tsecret', 'control characters'),
                                 (None, 'No such file')):
            if content is None:
                os.unlink(path)
            else:
                with open(path, 'wb') as f:
                    f.write(content)
            said = self.refused_start('--auth-token-file=' + path)
            self.assertIn('ERROR: Cannot use the token file ' + path, said)
            self.assertIn(problem, said)
            self.assertNotIn('secret', said)

    def test_warning(self):
        """a public address without a token is told, and nothing else is"""
        for options, warned in ((['--bind=0.0.0.0'], True), (['--bind=127.0.0.1'], False), (['--bind=localhost'], False),
                                (['--bind=::1'], False),
                                (['--bind=0.0.0.0', '--read-auth-token=' + READ], False)):
            server = self.start(*options)
            self.assertEqual('no token is needed' in server.log(), warned, options)
            server.stop()


if __name__ == '__main__':
    main()
