#!/usr/bin/env python3
"""The command line and the environment: what is refused and how, and what the options do."""
import socket
import stat
import subprocess

import harness
from harness import *

HELP = b"""Usage: karma [arguments]
    -b host, --bind=host             Host to bind (default: 0.0.0.0)
    -p port, --port=port             Port to listen for connection (default: 8080)
    -d path, --directory=path        Directory for storing and loading dumps (default: .)
    -r flag, --restore=flag          Load last state from dumps (default: true)
    -n flag, --nodelay=flag          Disable Nagle's algorithm (default: true)
    -h, --help                       Show this help
"""

# option, bad values, what the line must say beside the option and the value
BAD = (
    ('port', ('x', '', '-1', '65536', '99999', '1.5', '0x50', ' 80', '80 ', '1' * 40), ('0', '65535')),
    ('restore', ('yes', '1', 'TRUE', '', 'True'), ('true', 'false')),
    ('nodelay', ('no', '0'), ('true', 'false')),
    ('workers', ('0', '257', 'two', '-1', ''), ('1', '256')),
    ('cpus', ('x', '0-', '-1', '0,,1', '1-0', '99999'), ()),
    ('unix-socket-mode', ('999', '08', 'rw', '01777'), ()),
    ('timezone', ('Mars/Olympus', '../../etc/passwd', '/etc/localtime', 'Europe'), ('UTC', 'local')),
    ('max-request-bytes', ('127', '0', '1GB', '2GiB', '1073741825', '-1', 'x', '18446744073709551616'), ('128', '1GiB')),
    ('max-response-bytes', ('-1', '1 MiB', '2GiB'), ('0', '1GiB')),
    ('max-clients', ('0', 'x', '-5'), ('1',)),
    ('max-trees', ('0', 'many'), ('1',)),
    ('idle-timeout', ('-1', 'x', '1s'), ('0',)),
    ('write-timeout', ('-1', ''), ('0',)),
    ('query-timeout-ms', ('-1', '1s', '4294967296'), ('0', '4294967295')),
    ('shutdown-timeout', ('-1', 'x'), ('0',)),
    ('dump-retention-per-tree', ('-1', 'x'), ('0',)),
    ('restore-skip-damaged', ('maybe',), ('true', 'false')),
    ('wal', ('yes', '1', ''), ('true', 'false')),
    ('wal-fsync', ('always', '1', ''), ('true', 'everysec', 'false')),
    ('wal-segment-bytes', ('17GiB', '-1', 'x'), ('0', '16GiB')),
    ('wal-max-bytes', ('0', '1023KiB', 'x'), ('1MiB', '1024GiB')),
    ('wal-batch-wait-us', ('-1', '1000001', '1ms'), ('0', '1000000')),
    ('wal-truncate-at-damage', ('maybe', ''), ('true', 'false')),
    ('log-level', ('verbose', 'INFO', ''), ('none', 'error', 'warn', 'info', 'debug')),
    ('wal', ('yes', '', '0'), ('true', 'false')),
    ('wal-fsync', ('no', '', 'always'), ('true', 'everysec', 'false')),
    ('wal-batch-size', ('-1', 'x'), ('0', '4294967295')),
    ('role', ('slave', 'x', ''), ('master', 'Replication is not configured')),
    ('log', ('yes', ''), ('true', 'false')),
    ('wal-max-bytes', ('0', '1KiB', ''), ('1MiB', '1024GiB')),
    ('wal-batch-wait-us', ('-1', '1000001', ''), ('0', '1000000')),
    ('wal-truncate-at-damage', ('yes', ''), ('true', 'false')),
    ('log-format', ('xml', ''), ('text', 'json')),
)
ENVIRONMENT = {
    'bind': 'KARMA_HOST', 'port': 'KARMA_PORT', 'directory': 'KARMA_DUMP_DIR', 'restore': 'KARMA_RESTORE',
    'nodelay': 'KARMA_TCP_NODELAY', 'idle-timeout': 'KARMA_READ_TIMEOUT_SECONDS',
    'wal-batch-wait-us': 'KARMA_WAL_BATCH_WAIT_MICROSECONDS',
    'write-timeout': 'KARMA_WRITE_TIMEOUT_SECONDS',
    'wal-batch-wait-us': 'KARMA_WAL_BATCH_WAIT_MICROSECONDS', 'shutdown-timeout': 'KARMA_SHUTDOWN_TIMEOUT_SECONDS',
}


def variable(option):
    return ENVIRONMENT.get(option, 'KARMA_' + option.upper().replace('-', '_'))


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(('::1', 0))
        return True
    except OSError:
        return False


class CommandLine(KarmaTest):
    def karma(self, *arguments, env=None):
        """Runs the program with just these arguments, in the data directory: (status, stdout, stderr)."""
        done = subprocess.run([harness.KARMA, *arguments], env=clean_environment(env), cwd=self.directory,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60 * SLOW)
        return done.returncode, done.stdout, done.stderr

    def one_line(self, *words, arguments=(), env=None):
        """The start must fail with status 1 and one line on stderr that holds the words."""
        status, out, err = self.karma(*arguments, env=env)
        what = '%s %s: %r' % (arguments, env, err)
        self.assertEqual((status, out), (1, b''), what)
        self.assertEqual(err.count(b'\n'), 1, what)
        self.assertTrue(err.endswith(b'\n'), what)
        for word in words:
            self.assertIn(word, err.decode(), what)
        self.assertEqual(os.listdir(self.directory), [], 'a refused start leaves nothing behind')

    def test_help(self):
        """-h and --help print the original's lines first, then ours, on stdout with status 0"""
        for arguments in (('-h',), ('--help',), ('--port=1', '-h')):
            status, out, err = self.karma(*arguments)
            self.assertEqual((status, err), (0, b''))
            self.assertTrue(out.startswith(HELP), out[:800].decode())
            for option, _, _ in BAD:
                self.assertIn(b'--%s=' % option.encode(), out)
        self.assertEqual(os.listdir(self.directory), [])

    def test_version(self):
        """--version prints the version that the start line prints"""
        status, out, err = self.karma('--version')
        self.assertEqual((status, err), (0, b''))
        server = self.start()
        self.assertIn(server.version.encode(), out)
        self.assertEqual(out.count(b'\n'), 1)

    def test_bad_values(self):
        """a bad value is one line that names option, value and range, with status 1"""
        for option, values, words in BAD:
            for value in values if not SANITIZED else values[:2]:
                self.one_line('--' + option, value[:20], *words, arguments=('--%s=%s' % (option, value),))
        self.one_line('--port', 'x', arguments=('--port', 'x'))
        self.one_line('-p', 'x', '65535', arguments=('-p', 'x'))
        self.one_line('-p', 'x', arguments=('-px',))
        self.one_line('--port', arguments=('--port',))
        self.one_line('-p', arguments=('-p',))
        self.one_line('--bind', arguments=('--bind=',))

    def test_bad_environment(self):
        """a bad value in the environment names the variable, value and range"""
        for option, values, words in BAD:
            value = next(v for v in values if v)
            self.one_line(variable(option), value[:20], *words, env={variable(option): value})

    def test_unknown_options(self):
        """an unknown option: the original's line and the help on stderr, status 1"""
        for argument in ('--bogus', '--bogus=1', '-x', '--Port=1', '--por=1', '--'+ 'y' * 500):
            status, out, err = self.karma(argument)
            self.assertEqual((status, out), (1, b''), argument)
            first, _, rest = err.partition(b'\n')
            self.assertRegex(first, rb'^ERROR: -.* is not a valid option\.$', argument)
            self.assertTrue(rest.startswith(HELP), argument)
        self.assertEqual(self.karma('--bogus')[2].split(b'\n')[0], b'ERROR: --bogus is not a valid option.')

    def test_stray_arguments(self):
        """a stray argument is refused in one line that names it"""
        for arguments in (('stray',), ('--port=0', 'stray'), ('stray', '--port=0')):
            self.one_line('stray', arguments=arguments)

    def test_forms(self):
        """-p 0, -p0, --port=0 and --port 0 all work, and the last of repeated ones wins"""
        for arguments in (('-p', '0'), ('-p0',), ('--port=0',), ('--port', '0'), ('-p', '1', '--port=99', '-p0')):
            server = self.spawn()
            server.kill()
            server.argv = [harness.KARMA, '-b127.0.0.1', '-d', self.directory, *arguments]
            with open(server.out_path, 'wb') as out, open(server.err_path, 'wb') as err:
                server.process = subprocess.Popen(server.argv, stdout=out, stderr=err, env=clean_environment())
            server.pid = server.process.pid
            server.wait_started()
            self.assertEqual(server.client().call('ping'), 'pong')
            server.stop()

    def test_environment(self):
        """variables of the environment work, and the command line wins over them"""
        other = self.fresh()
        env = {'KARMA_DUMP_DIR': other, 'KARMA_MAX_REQUEST_BYTES': '256', 'KARMA_MAX_TREES': '1',
               'KARMA_LOG_FORMAT': 'json', 'KARMA_PORT': '1', 'KARMA_UNKNOWN': 'x'}
        server = self.start('--max-trees=2', env=env)  # the harness gives port and directory on the command line
        client = self.client()
        for name in 'ab':
            client.call('create', name)
        client.fault('create', 'c')
        self.assertIn('256', parse_reply(client.ask(b' ' * 300 + b'\n'))[1])
        server.stop()
        self.assertEqual(os.listdir(other), [])
        self.assertEqual(len(server.files()), 2)
        for line in server.log().splitlines():
            json.loads(line)

    def test_start_scripts_of_upstream(self):
        """options and variables of upstream's that mean nothing here are accepted and told; replication is refused, silently as to its token"""
        env = {'KARMA_ROLE': 'master', 'KARMA_WAL_BATCH_SIZE': '1024', 'KARMA_REPLICATION_TOKEN': '', 'KARMA_LOG': 'true'}
        server = self.start('--wal-segment-bytes=0', '--max-response-bytes=0', env=env)
        self.assertEqual(self.client(server).call('ping'), 'pong')
        log = server.log()
        self.assertEqual(len([line for line in log.splitlines() if 'option changed' in line]), 2, log)
        self.assertIn('wal-batch-size has no effect', log)
        server.stop()
        quiet = self.start('--log=false', directory=self.fresh())
        quiet.stop()
        self.assertEqual(quiet.log(), '')
        for name in ('source-host', 'source-port', 'token', 'poll-interval-ms', 'batch-size'):
            status, _, err = self.karma('--replication-%s=hidden' % name)
            self.assertEqual(status, 1)
            self.assertIn(b'Replication is not configured', err)
            self.assertNotIn(b'hidden', err)

    def test_sizes(self):
        """sizes take KiB, MiB and GiB"""
        self.start('--max-request-bytes=1KiB')
        client = self.client()
        self.assertIn('1024', parse_reply(client.ask(b' ' * 1025 + b'\n'))[1])
        self.start('--max-request-bytes=2MiB', directory=self.fresh())
        client = self.client()
        line = b'{"command":"ping","x":"' + b'y' * 2000000 + b'"}\n'
        self.assertEqual(client.ask(line), b'{"success":true,"response":"pong"}\r\n')


class Places(KarmaTest):
    def one_line(self, server_log, *words):
        faults = [line for line in server_log.splitlines() if line.strip()]
        for word in words:
            self.assertTrue(any(word in line for line in faults), '%r in %r' % (word, faults))

    def test_port_in_use(self):
        """a port in use: one clear line with the address, status 1, the first server unharmed"""
        server = self.start()
        other = self.fresh()
        log = self.refused_start('--port=%d' % server.port, directory=other)
        self.one_line(log, str(server.port))
        self.one_line(log, 'in use')
        self.assertEqual(self.client(server).call('ping'), 'pong')

    def test_missing_directory(self):
        """a directory that does not exist, is a file, or cannot be written: one clear line that names it, status 1"""
        missing = os.path.join(self.scratch, 'missing')
        self.one_line(self.refused_start(directory=missing), missing)
        file = os.path.join(self.scratch, 'file')
        open(file, 'w').close()
        self.one_line(self.refused_start(directory=file), file)
        self.one_line(self.refused_start(directory='/proc'), '/proc')
        if os.geteuid() != 0:
            os.chmod(self.directory, 0o500)
            self.one_line(self.refused_start(), self.directory)
            os.chmod(self.directory, 0o700)

    def test_second_process(self):
        """a second process on the same directory is refused, and let in when the first has gone, however it went"""
        server = self.start()
        self.client().call('increment', 'a', key=1)
        log = self.refused_start()
        self.one_line(log, self.directory)
        self.assertEqual(self.client(server).call('sum', 'a', key=1), 1)
        server.kill()
        self.start()
        self.servers[-1].stop()
        self.start()

    def test_directory_default(self):
        """without --directory data goes to the working directory"""
        server = self.start('--directory=.', cwd=self.directory)
        self.client().call('increment', 'a', key=1)
        server.stop()
        self.assertEqual(len(server.files('a')), 1)

    def test_ipv6(self):
        """--bind=::1 listens on IPv6"""
        if not has_ipv6():
            self.skipTest('no IPv6 here')
        self.start(bind='::1')
        self.assertEqual(self.client().call('ping'), 'pong')

    def test_names(self):
        """--bind takes a name; an unknown one is one clear line"""
        server = self.start(bind='localhost')
        server.address = ('127.0.0.1', server.port)
        try:
            client = server.client()
        except OSError:
            client = Client(('::1', server.port))
        self.assertEqual(client.call('ping'), 'pong')
        client.close()
        log = self.refused_start(bind='no.such.host.invalid', directory=self.scratch)
        self.one_line(log, 'no.such.host.invalid')
        log = self.refused_start(bind='192.0.2.1', directory=self.scratch)
        self.one_line(log, '192.0.2.1')

    def test_closed_descriptors(self):
        """started with 0, 1 and 2 closed, neither start line nor log end up in a file or a client's connection"""
        def close():
            for descriptor in (0, 1, 2):
                os.close(descriptor)
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            port = s.getsockname()[1]
        server = self.spawn('--port=%d' % port, '--log-level=debug', '--idle-timeout=1', preexec=close)
        server.address = ('127.0.0.1', port)

        def up():
            try:
                server.client().close()
                return True
            except ConnectionRefusedError:
                self.assertTrue(server.running())
        wait_until(up, 'the server accepts')
        client = self.client()
        client.call('increment', 'a', key=1)
        client.call('dump', 'a')
        self.assertEqual(client.rest(), b'', 'dropped as idle, which is logged')
        self.client().call('ping')
        server.stop()
        for name in os.listdir(self.directory):
            self.assertNotIn(b'Karma v', server.read(name), name)
        self.assertEqual(list(server.newest('a')), [1])

    def test_nodelay(self):
        """--nodelay=false works as well"""
        self.start('--nodelay=false')
        self.assertEqual(self.client().call('ping'), 'pong')

    def test_unix_socket(self):
        """--unix-socket serves beside TCP with the mode asked for, and is removed at the end"""
        path = os.path.join(self.scratch, 'karma.sock')
        for option, mode in (((), 0o660), (('--unix-socket-mode=0600',), 0o600), (('--unix-socket-mode=777',), 0o777)):
            server = self.start('--unix-socket=' + path, *option)
            info = os.stat(path)
            self.assertTrue(stat.S_ISSOCK(info.st_mode))
            self.assertEqual(stat.S_IMODE(info.st_mode), mode)
            with Client(path) as client:
                client.call('increment', 'a', key=1)
                with server.client() as tcp:
                    self.assertEqual(tcp.call('sum', 'a', key=1), client.call('sum', 'a', key=1))
            server.stop()
            self.assertFalse(os.path.exists(path))

    def test_unix_socket_stale_and_live(self):
        """a stale socket file is replaced, a live one and a file that is no socket are refused"""
        path = os.path.join(self.scratch, 'karma.sock')
        server = self.start('--unix-socket=' + path)
        other = self.fresh()
        self.one_line(self.refused_start('--unix-socket=' + path, directory=other), path)
        with Client(path) as client:
            self.assertEqual(client.call('ping'), 'pong')
        server.kill()
        self.assertTrue(os.path.exists(path))
        server = self.start('--unix-socket=' + path)
        with Client(path) as client:
            self.assertEqual(client.call('ping'), 'pong')
        server.stop()
        with open(path, 'w') as f:
            f.write('precious')
        self.one_line(self.refused_start('--unix-socket=' + path), path)
        with open(path) as f:
            self.assertEqual(f.read(), 'precious')
        self.one_line(self.refused_start('--unix-socket=/' + 'x' * 200), 'xxxx')

    def test_timezone(self):
        """--timezone decides which day today is: UTC by default, whatever TZ says; local; a name"""
        def today(*options, env=None):
            # A directory of its own: today never goes back, also not over a restart.
            server = self.start(*options, env=env, directory=self.fresh())
            client = self.client()
            client.call('increment', 'a', key=1)
            day = list(client.find('a', 1))
            server.stop()
            self.assertEqual(len(day), 1)
            return day[0]

        def day_at(hours):
            return int(time.strftime('%Y%m%d', time.gmtime(time.time() + hours * 3600)))
        zones = os.path.isdir('/usr/share/zoneinfo/Pacific')
        cases = [((), {'TZ': 'XXX-14'}, 0), (('--timezone=UTC',), {'TZ': 'XXX+12'}, 0),
                 (('--timezone=local',), {'TZ': 'XXX-14'}, 14), (('--timezone=local',), {'TZ': 'XXX+12'}, -12)]
        if zones:
            cases += [(('--timezone=Pacific/Kiritimati',), {}, 14), (('--timezone=Pacific/Niue',), {}, -11),
                      ((), {'KARMA_TIMEZONE': 'Pacific/Kiritimati'}, 14)]
        for options, env, hours in cases:
            before = day_at(hours)
            found = today(*options, env=env)
            self.assertIn(found, (before, day_at(hours)), '%s %s' % (options, env))

    def test_cpus_and_workers(self):
        """--workers=1, more workers than CPUs and --cpus all serve"""
        for options in (('--workers=1',), ('--workers=8',), ('--cpus=0',)):
            server = self.start(*options)
            clients = [self.client() for _ in range(16)]
            for client in clients:
                client.call('increment', 'a', key=1)
            server.stop()
        self.start()
        self.assertEqual(self.client().call('sum', 'a', key=1), 48)


if __name__ == '__main__':
    main()
