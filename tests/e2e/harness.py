"""What the end-to-end tests share: start the real server, talk to it, look at its files and at its process.

A test file is run as `test_x.py KARMA [unittest arguments]`. Each test has its own temporary directory and its own
servers on free ports of 127.0.0.1. When it ends, every server that still runs gets SIGTERM and must exit with 0 in
time, and no server may have left a sanitizer's report on stderr. Nothing asserts a duration; deadlines are generous
and grow with KARMA_TEST_SLOW (a factor, 1 by default), counts shrink with it.
"""
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

SLOW = max(1.0, float(os.environ.get('KARMA_TEST_SLOW', '1')))
SANITIZED = os.environ.get('KARMA_TEST_SANITIZED', '') == '1'
SKIP = 77
U64_MAX = (1 << 64) - 1
COUNT_MAX = (1 << 61) - (1 << 41)
EVER = {'time_from': 0, 'time_to': 99999999}
KARMA = ''
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARED = os.path.join(os.path.dirname(ROOT), 'shared')
REPORTS = re.compile(rb'AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehaviorSanitizer|runtime error:|'
                     rb'Assertion .* failed')


def deadline(seconds=30):
    return time.monotonic() + seconds * SLOW


def scaled(count):
    return max(1, int(count / SLOW))


def wait_until(true, what, seconds=30):
    """Polls until true() holds and returns its value; the only way these tests wait."""
    end = deadline(seconds)
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError('never came true: ' + what)
        time.sleep(0.01)


def utc_today():
    return time.strftime('%Y%m%d', time.gmtime())


# ---- talking ----

class Closed(AssertionError):
    """The server closed the connection where a reply was wanted."""


def request(command, tree=None, **fields):
    """A request line as bytes, LF included."""
    members = {'command': command}
    if tree is not None:
        members['tree_name'] = tree
    members.update(fields)
    return json.dumps(members, ensure_ascii=False, separators=(',', ':')).encode() + b'\n'


def apart(line, count):
    """The line `count` times, a ping behind each: increments of a key right behind each other would be one record of the log."""
    return (line + request('ping')) * count


class Client:
    def __init__(self, address, receive_buffer=None):
        family = socket.AF_UNIX if isinstance(address, str) else (
            socket.AF_INET6 if ':' in address[0] else socket.AF_INET)
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(60 * SLOW)
        try:
            self.sock.connect(address)
        except OSError:
            self.sock.close()
            raise
        if family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Closes with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def line(self):
        """The next reply with its CR LF, as bytes."""
        while True:
            at = self.data.find(b'\n')
            if at >= 0:
                line, self.data = self.data[:at + 1], self.data[at + 1:]
                return line
            try:
                more = self.sock.recv(1 << 18)
            except ConnectionError as e:
                raise Closed('connection broke: %s' % e) from None
            except socket.timeout:
                raise AssertionError('no reply in time, pending %r' % self.data[:200]) from None
            if not more:
                raise Closed('closed instead of a reply, pending %r' % self.data[:200])
            self.data += more

    def lines(self, count):
        """The next replies, as a list of bytes."""
        chunks = [self.data]
        have = self.data.count(b'\n')
        while have < count:
            more = self.sock.recv(1 << 18)
            if not more:
                raise Closed('closed after %d of %d replies' % (have, count))
            chunks.append(more)
            have += more.count(b'\n')
        parts = b''.join(chunks).split(b'\n', count)
        self.data = parts.pop()
        return [part + b'\n' for part in parts]

    def lines_apart(self, count):
        """The replies to what apart() made, without those to the pings."""
        return self.lines(2 * count)[::2]

    def rest(self):
        """Everything up to the server's FIN (or its RST)."""
        while True:
            try:
                more = self.sock.recv(1 << 18)
            except ConnectionError:
                more = b''
            if not more:
                data, self.data = self.data, b''
                return data
            self.data += more

    def end(self):
        """The server must have closed with FIN, not RST, which could take replies with it, and sent nothing more."""
        try:
            data = self.data or self.sock.recv(1)
        except ConnectionError as e:
            raise AssertionError('closed with RST: %s' % e) from None
        if data:
            raise AssertionError('more than was expected: %r' % data)

    def reply(self):
        """The next reply as (success, response), after a look at its form."""
        return parse_reply(self.line())

    def ask(self, data):
        """Sends raw bytes, returns the raw reply."""
        self.send(data)
        return self.line()

    def call(self, command, tree=None, **fields):
        """Sends a request that must succeed, returns its response."""
        line = request(command, tree, **fields)
        self.send(line)
        success, response = self.reply()
        if not success:
            raise AssertionError('%s failed: %s' % (line, response))
        return response

    def fault(self, command, tree=None, **fields):
        """Sends a request that must fail, returns the text."""
        line = request(command, tree, **fields)
        self.send(line)
        success, response = self.reply()
        if success:
            raise AssertionError('%s did not fail: %s' % (line, response))
        return response

    def find(self, tree, key=None, **span):
        """{day: count} of a key, or {key: {day: count}} of the tree, with integer keys."""
        fields = dict(EVER, **span)
        if key is None:
            found = self.call('find', tree, **fields)
            return {int(k): {int(d): n for d, n in days.items()} for k, days in found.items()}
        return {int(d): n for d, n in self.call('find', tree, key=key, **fields).items()}


def parse_reply(line):
    """(success, response) of a raw reply, which must be compact, in the right order and end in CR LF."""
    if not line.endswith(b'\r\n'):
        raise AssertionError('reply does not end in CR LF: %r' % line[-80:])
    text = line[:-2].decode('utf-8')
    value = json.loads(text)
    if list(value) != ['success', 'response'] or not isinstance(value['success'], bool):
        raise AssertionError('not a reply: %r' % text[:200])
    if not value['success'] and not (isinstance(value['response'], str) and value['response']):
        raise AssertionError('an error without a text: %r' % text[:200])
    if '\\u' not in text and json.dumps(value, ensure_ascii=False, separators=(',', ':')) != text:
        raise AssertionError('not compact, or escaped without need: %r' % text[:200])
    return value['success'], value['response']


# ---- MessagePack and dump files ----

class Damaged(AssertionError):
    pass


class Kept(int):
    """The count of a day that a decrement took to 0 before: a file of ours names such a day twice, first with 0."""


def unpack(data, at=0):
    """One MessagePack value: (value, index behind it). Integers, strings, binary, arrays, maps, nil, booleans."""
    def take(n):
        nonlocal at
        if at + n > len(data):
            raise Damaged('truncated at %d' % at)
        at += n
        return data[at - n:at]

    def number(n):
        return int.from_bytes(take(n), 'big')

    def value():
        c = number(1)
        if c < 0x80:
            return c
        if c < 0x90:
            return table(c & 15)
        if c < 0xa0:
            return [value() for _ in range(c & 15)]
        if c < 0xc0:
            return take(c & 31).decode()
        if c in (0xc0, 0xc2, 0xc3):
            return {0xc0: None, 0xc2: False, 0xc3: True}[c]
        if c in (0xc4, 0xc5, 0xc6):
            return take(number(1 << (c - 0xc4)))
        if 0xcc <= c <= 0xcf:
            return number(1 << (c - 0xcc))
        if 0xd9 <= c <= 0xdb:
            return take(number(1 << (c - 0xd9))).decode('utf-8', 'surrogateescape')
        if c in (0xdc, 0xdd):
            return [value() for _ in range(number(2 if c == 0xdc else 4))]
        if c in (0xde, 0xdf):
            return table(number(2 if c == 0xde else 4))
        raise Damaged('byte %#x at %d' % (c, at - 1))

    def table(n):
        out = {}
        for _ in range(n):
            k, v = value(), value()
            if k in out:
                if next(reversed(out)) != k or out[k] != 0 or not isinstance(v, int) or v == 0:
                    raise Damaged('%r twice' % (k,))
                v = Kept(v)
            out[k] = v
        return out

    return value(), at


def pack(value):
    """MessagePack in the shortest forms; dicts keep their order."""
    if isinstance(value, dict):
        twice = sum(isinstance(v, Kept) for v in value.values())
        return head(len(value) + twice, 0x80, 15, 0xde) + b''.join(
            (pack(k) + pack(0) if isinstance(v, Kept) else b'') + pack(k) + pack(v) for k, v in value.items())
    if isinstance(value, list):
        return head(len(value), 0x90, 15, 0xdc) + b''.join(map(pack, value))
    if isinstance(value, str):
        raw = value.encode()
        assert len(raw) < 32
        return bytes([0xa0 | len(raw)]) + raw
    if value < 0x80:
        return bytes([value])
    for size, code in ((1, 0xcc), (2, 0xcd), (4, 0xce), (8, 0xcf)):
        if value < 1 << 8 * size:
            return bytes([code]) + value.to_bytes(size, 'big')
    raise ValueError(value)


def head(n, fix, fix_max, wide):
    if n <= fix_max:
        return bytes([fix | n])
    return bytes([wide]) + n.to_bytes(2, 'big') if n < 1 << 16 else bytes([wide + 1]) + n.to_bytes(4, 'big')


def original_file(counters, branches=9):
    """A dump as the original writes it. counters: {key: ({day: count}, total)}."""
    lists = [{} for _ in range(branches)]
    for key, (table, total) in counters.items():
        lists[key % branches][key] = {'table': table, 'total': total}
    return pack({'branches_num': branches, 'branches': lists})


def decode_dump(data):
    """({key: ({day: count}, total)}, second object or None). Checks the layout and the shortest forms of the first."""
    top, end = unpack(data)
    if not isinstance(top, dict) or list(top) != ['branches_num', 'branches'] or top['branches_num'] != 9 \
            or len(top['branches']) != 9:
        raise Damaged('not the layout of the original')
    if pack(top) != data[:end]:
        raise Damaged('not in the shortest form')
    counters = {}
    for index, branch in enumerate(top['branches']):
        for key, counter in branch.items():
            if key % 9 != index or list(counter) != ['table', 'total']:
                raise Damaged('key %r in branch %d: %r' % (key, index, counter))
            counters[key] = (counter['table'], counter['total'])
    second = None
    if end != len(data):
        second, end = unpack(data, end)
        if end != len(data) or not isinstance(second, dict):
            raise Damaged('stray bytes')
    return counters, second


# ---- the server ----

def clean_environment(extra=None):
    env = {k: v for k, v in os.environ.items() if not k.startswith('KARMA_') and k != 'TZ'}
    env.update(extra or {})
    return env


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Server:
    """One process. Stdout and stderr go to files beside the dump directory."""

    def __init__(self, directory, scratch, options=(), env=None, preexec=None, bind='127.0.0.1', cwd=None):
        self.directory = directory
        self.bind = bind
        self.out_path = tempfile.mktemp(prefix='stdout-', dir=scratch)
        self.err_path = tempfile.mktemp(prefix='stderr-', dir=scratch)
        argv = [KARMA, '--bind=' + bind, '--port=0', '--workers=2', '--directory=' + directory]
        self.argv = argv + list(options)
        with open(self.out_path, 'wb') as out, open(self.err_path, 'wb') as err:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd,
                                            env=clean_environment(env), preexec_fn=preexec)
        self.pid = self.process.pid
        self.port = self.version = None

    def wait_started(self):
        def started():
            found = re.match(rb'Karma v\.(\S+) is on (\d+)\.\n', self.out())
            if found:
                self.version, self.port = found[1].decode(), int(found[2])
                return True
            if self.process.poll() is not None:
                raise AssertionError('ended with %d instead of starting' % self.process.returncode)
            return False
        wait_until(started, 'start line of the server', 60)
        self.address = (self.bind, self.port)
        return self

    def out(self):
        with open(self.out_path, 'rb') as f:
            return f.read()

    def err(self):
        with open(self.err_path, 'rb') as f:
            return f.read()

    def log(self):
        return self.err().decode('utf-8', 'replace')

    def client(self, **options):
        return Client(self.address, **options)

    def send_signal(self, number):
        self.process.send_signal(number)

    def running(self):
        return self.process.poll() is None

    def wait(self, seconds=60):
        try:
            return self.process.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            raise AssertionError('the server did not end') from None

    def stop(self, number=signal.SIGTERM):
        """Asks it to end; it must exit with 0."""
        self.send_signal(number)
        status = self.wait()
        if status != 0:
            raise AssertionError('exit status %d after signal %d' % (status, number))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def status(self, field):
        """A number of /proc/PID/status, such as RssAnon in KiB."""
        with open('/proc/%d/status' % self.pid) as f:
            return int(re.search(r'^%s:\s+(\d+)' % field, f.read(), re.M)[1])

    def ticks_in(self, seconds):
        """Clock ticks (usually of 10 ms) that the whole process uses in so many seconds from now."""
        def ticks():
            with open('/proc/%d/stat' % self.pid) as f:
                return sum(map(int, f.read().rpartition(')')[2].split()[11:13]))
        before = ticks()
        time.sleep(seconds)
        return ticks() - before

    def descriptors(self):
        return len(os.listdir('/proc/%d/fd' % self.pid))

    def descriptors_at_rest(self):
        """To compare with later: the log's next segment, open as well, is made beside the first requests."""
        wait_until(lambda: sum(name.endswith('.wal') for name in os.listdir(self.directory)) >= 2, 'the log has its next segment')
        return self.descriptors()

    def files(self, tree=None):
        """Dump files, oldest first; of one tree when its name needs no encoding."""
        found = []
        for name in os.listdir(self.directory):
            parts = re.fullmatch(r'(\d+)_(.*)\.tree', name, re.S)
            if parts and (tree is None or parts[2] == tree):
                found.append((int(parts[1]), name))
        return [name for _, name in sorted(found)]

    def segments(self):
        """Names of the log's segments that are in use, oldest first: neither spares nor one that is only prepared."""
        found = []
        for name in os.listdir(self.directory):
            number = re.fullmatch(r'karma-(\d{20})\.wal', name)
            if not number:
                continue
            try:
                with open(os.path.join(self.directory, name), 'rb') as f:
                    head = f.read(32)
            except FileNotFoundError:
                continue
            if head[:8] == b'KRMWALS1' and int.from_bytes(head[24:], 'little') == int(number[1]):
                found.append(name)
        return sorted(found)

    def read(self, name):
        with open(os.path.join(self.directory, name), 'rb') as f:
            return f.read()

    def newest(self, tree):
        """Counters of the newest dump of a tree."""
        return decode_dump(self.read(self.files(tree)[-1]))[0]


class KarmaTest(unittest.TestCase):
    def setUp(self):
        self.servers = []
        self.scratch = tempfile.mkdtemp(prefix='karma-e2e-')
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)
        self.directory = os.path.join(self.scratch, 'data')
        os.mkdir(self.directory)
        self.addCleanup(self.end_servers)

    def spawn(self, *options, directory=None, **how):
        """Starts a server without waiting for it."""
        server = Server(directory or self.directory, self.scratch, options, **how)
        self.servers.append(server)
        return server

    def start(self, *options, **how):
        return self.spawn(*options, **how).wait_started()

    def client(self, server=None, **options):
        """A connection that is closed with the test."""
        client = (server or self.servers[-1]).client(**options)
        self.addCleanup(client.close)
        return client

    def refused_start(self, *options, **how):
        """A start that must fail with status 1: its stderr as text."""
        server = self.spawn(*options, **how)
        status = server.wait()
        self.assertEqual(status, 1, 'exit status of a start that must fail; stdout %r' % server.out())
        self.assertNotIn(b'is on', server.out())
        return server.log()

    def fresh(self):
        """Another empty data directory."""
        return tempfile.mkdtemp(prefix='data-', dir=self.scratch)

    def same(self, got, want, what=''):
        """assertEqual() for long values: names the first place that differs, and makes no diff of all."""
        if got == want:
            return
        items = enumerate(zip(got, want)) if not isinstance(want, dict) else (
            (key, (got.get(key), want.get(key))) for key in list(want) + list(got))
        place = next(((at, pair) for at, pair in items if pair[0] != pair[1]), 'behind the shorter one')
        self.fail('%s differs: %d and %d items, first at %.300r' % (what, len(got), len(want), place))

    def put(self, name, data, directory=None):
        with open(os.path.join(directory or self.directory, name), 'wb') as f:
            f.write(data)

    def end_servers(self):
        faults = []
        for server in self.servers:
            if server.running():
                server.send_signal(signal.SIGTERM)
        for server in self.servers:
            try:
                status = server.process.wait(60 * SLOW)
                # A start refused (1), a kill by the test (-9) and a clean end are fine; a crash never is.
                if status not in (0, 1, -signal.SIGKILL):
                    faults.append('exit status %d' % status)
            except subprocess.TimeoutExpired:
                server.kill()
                faults.append('did not end after SIGTERM')
            if REPORTS.search(server.err()):
                faults.append('sanitizer or assertion report on stderr:\n' + server.log()[-8000:])
        if faults:
            raise AssertionError('; '.join(faults))


class Result(unittest.TestResult):
    """Prints `ok …` with a test's first line; a failure comes with what the servers wrote."""

    def title(self, test):
        return test.shortDescription() or str(test)

    def startTest(self, test):
        super().startTest(test)
        self.begun = time.monotonic()

    def addSuccess(self, test):
        print('ok %s (%.1f s)' % (self.title(test), time.monotonic() - self.begun), flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print('skip', self.title(test), '#', reason, flush=True)

    def failed(self, test, err):
        print('not ok', self.title(test), '(%s)' % test.id())
        print(self._exc_info_to_string(err, test))
        for server in getattr(test, 'servers', [])[-4:]:
            print('--- %s (status %s), stdout %r, the end of stderr:' % (
                ' '.join(server.argv[1:]), server.process.poll(), server.out()))
            print(server.log()[-3000:])
        sys.stdout.flush()

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.failed(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.failed(test, err)


def skip(why):
    print('skip:', why, flush=True)
    sys.exit(SKIP)


def main():
    """Runs the tests of the calling file: arguments are the server's path and, if given, names of tests."""
    global KARMA
    if len(sys.argv) < 2:
        sys.exit('usage: %s KARMA [test …]' % sys.argv[0])
    KARMA = os.path.abspath(sys.argv[1])
    module = sys.modules['__main__']
    loader = unittest.TestLoader()
    tests = loader.loadTestsFromNames(sys.argv[2:], module) if sys.argv[2:] else loader.loadTestsFromModule(module)
    result = Result()
    started = time.monotonic()
    tests.run(result)
    print('%d tests, %d failed, %d skipped, %.1f s' % (
        result.testsRun, len(result.failures) + len(result.errors), len(result.skipped), time.monotonic() - started))
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun and len(result.skipped) == result.testsRun:
        sys.exit(SKIP)
