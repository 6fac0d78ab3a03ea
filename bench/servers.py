"""What the drivers of this folder share: servers, each in a directory of its own, pinned, and ended by pid; the load on
them; and the options for both. Whatever ends a driver, a signal included, no server and no directory stays behind."""
import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

KARMA = {'off': ['--wal=false'], 'unsynced': ['--wal-fsync=false'], 'everysec': ['--wal-fsync=everysec'], 'always': ['--wal-fsync=true']}
# Rewrites of the file are off: they would begin within seconds, Karma's take the place of a log only after a gigabyte.
REDIS_FILE = ['--appendonly', 'yes', '--auto-aof-rewrite-percentage', '0', '--appendfsync']
REDIS = {'off': ['--appendonly', 'no'], 'unsynced': [*REDIS_FILE, 'no'], 'everysec': [*REDIS_FILE, 'everysec'],
         'always': [*REDIS_FILE, 'always']}
MEMCACHED = FLOOR = {'off': []}


def add_options(parser, seconds=3.0, rounds=3):
    parser.add_argument('--rounds', type=int, default=rounds, metavar='N', help='everything in turn, N times (default %(default)s)')
    parser.add_argument('--seconds', type=float, default=seconds, metavar='S', help='length of one measurement (default %(default)s)')
    parser.add_argument('--warmup', type=float, default=0.3, metavar='S', help='before each, not measured (default %(default)s)')
    parser.add_argument('--build', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'build'), metavar='DIR',
                        help='where Karma and karma-load are (default: build)')
    parser.add_argument('--directory', metavar='DIR', help='where the servers keep their data (default: in the build)')
    parser.add_argument('--server-cpu', type=int, default=0, metavar='CPU', help='default 0')
    parser.add_argument('--load-cpu', default='last', metavar='CPU', help='default: the last')
    parser.add_argument('--no-pin', action='store_true', help='let the kernel place servers and load')


def parse(parser):
    """Parses the command line, finds the programs, and makes sure that what ends the driver ends it through `finally`."""
    options = parser.parse_args()
    cpus = os.sched_getaffinity(0)
    options.load_cpu = max(cpus) if options.load_cpu == 'last' else int(options.load_cpu)
    if options.no_pin:
        options.server_cpu = options.load_cpu = None
    elif not {options.server_cpu, options.load_cpu} <= cpus:
        parser.error('of CPUs %d and %d not both may be used here; see --no-pin' % (options.server_cpu, options.load_cpu))
    elif options.server_cpu == options.load_cpu:
        print('Server and load share CPU %d: the figures say little.' % options.load_cpu, file=sys.stderr)
    options.karma = os.path.join(options.build, 'karma')
    options.load = os.path.join(options.build, 'bench', 'karma-load')
    for program in (options.karma, options.load):
        if not os.access(program, os.X_OK):
            parser.error('%s is not there; build first, or give --build' % program)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    return options


def leave(number, _):
    for further in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(further, signal.SIG_IGN)
    sys.exit(128 + number)


def work_directory(options):
    return tempfile.TemporaryDirectory(prefix='karma-bench-', dir=options.directory or options.build)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_for_port(port, process, seconds=600):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit('%s ended with status %d' % (process.args[0], process.returncode))
        with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', port), 1):
            return
        time.sleep(0.01)
    sys.exit('%s does not listen' % process.args[0])


def spawn(command, cpu=None, **more):
    """In a process group of its own, so that Ctrl-C reaches the driver alone, which then ends its children in order. Not in
    a session of its own: Linux shares a CPU out between sessions first, and priorities count only within one."""
    def prepare():
        os.setpgid(0, 0)
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=prepare, **more)


def end(process):
    process.kill()
    process.wait()


class Server:
    """`with server:` starts it and removes it with all it wrote. PORT and DIRECTORY in the command are replaced.

    pin 'all' is for servers of one thread that counts; 'main' leaves helpers, such as those that sync a file, where the
    kernel likes; 'none' is for Karma, whose worker pins itself.
    """

    def __init__(self, where, command, protocol='v1', cpu=None, pin='none', directory=None):
        self.where, self.command, self.protocol = where, command, protocol
        self.cpu, self.pin, self.given = cpu, pin, directory
        self.process = None

    def __enter__(self):
        self.directory = self.given or tempfile.mkdtemp(dir=self.where)
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start(self, events=subprocess.DEVNULL):
        """Also once more, on the same directory, after it has ended."""
        self.port = free_port()
        command = [word.replace('PORT', str(self.port)).replace('DIRECTORY', self.directory) for word in self.command]
        self.process = spawn(command, self.cpu if self.pin == 'all' else None, stdout=subprocess.DEVNULL, stderr=events)
        wait_for_port(self.port, self.process)
        if self.pin == 'main' and self.cpu is not None:
            os.sched_setaffinity(self.process.pid, {self.cpu})

    def __exit__(self, *_):
        if self.process:
            end(self.process)
        if not self.given:
            shutil.rmtree(self.directory)

    def cpu_seconds(self):
        """CPU time of all its threads: the process's own clock, in nanoseconds where /proc has ticks."""
        return time.clock_gettime((~self.process.pid << 3) | 2)


def karma(options, *arguments, directory=None):
    pins = [] if options.no_pin else ['--cpus=%d' % options.server_cpu]
    return Server(options.where, [options.karma, '--bind=127.0.0.1', '--port=PORT', '--directory=DIRECTORY', '--workers=1', *pins,
                                  '--log-level=error', *arguments], directory=directory)


def redis(options, program, *arguments):
    return Server(options.where, [program, '--port', 'PORT', '--bind', '127.0.0.1', '--dir', 'DIRECTORY', '--save', '', *arguments],
                  'redis', options.server_cpu, 'main')


def memcached(options, program):
    command = [program, '-l', '127.0.0.1', '-p', 'PORT', '-U', '0', '-t', '1', '-m', '4096', '-c', '10000']
    if os.getuid() == 0:
        command += ['-u', pwd.getpwuid(0).pw_name]  # it refuses to be root without being told
    return Server(options.where, command, 'memcached', options.server_cpu, 'all')


def floor(options, program):
    return Server(options.where, [program, '--port=PORT'], 'v1', options.server_cpu, 'all')


def load_command(options, server, connections, depth, *arguments):
    """Later ones of repeated arguments win."""
    return [options.load, '--target=127.0.0.1:%d' % server.port, '--protocol=' + server.protocol, '--connections=%d' % connections,
            '--depth=%d' % depth, '--duration=%g' % options.seconds, '--warmup=%g' % options.warmup,
            '--pid=%d' % server.process.pid, '--json=-', *arguments]


class Load:
    """A run of karma-load: `with` starts it, and ends it by pid if it is left before its time."""

    def __init__(self, options, *arguments):
        self.options, self.command = options, load_command(options, *arguments)

    def __enter__(self):
        # Files, not pipes: nobody reads while it runs.
        self.output, self.errors = (tempfile.TemporaryFile('w+', dir=self.options.where) for _ in range(2))
        self.process = spawn(self.command, self.options.load_cpu, stdout=self.output, stderr=self.errors)
        return self

    def __exit__(self, *_):
        end(self.process)

    def running(self):
        return self.process.poll() is None

    def finish(self, all_answered=True):
        """Waits; returns the figures. A wrong reply ends the driver, since such figures mean nothing; so does, unless it is
        expected and looked at, a request that was never answered."""
        status = self.process.wait()
        for file in (self.output, self.errors):
            file.seek(0)
        output, errors = self.output.read(), self.errors.read().strip()
        result = json.loads(output) if output else {'wrong': 0, 'unanswered': 0}
        missing = result['unanswered'] if result['wrong'] == 0 and not errors else 0
        if status != 0 and (all_answered or not missing):
            sys.exit('karma-load ended with status %d: %s' % (status, errors or '%d unanswered' % missing))
        return result


def load(options, *arguments):
    with Load(options, *arguments) as run:
        return run.finish()


def fill(options, server, keys, *arguments):
    """Makes the keys, in random order; about one in twenty stays out."""
    return load(options, server, 50, 100, '--requests=%d' % (keys * 3), '--keys=%d' % keys, *arguments)


def parse_shapes(text):
    return [tuple(map(int, shape.split('x'))) for shape in text.split(',')]


def shape_name(shape):
    return '%d × %d' % shape


def progress(text):
    print('%s %s' % (time.strftime('%H:%M:%S'), text), file=sys.stderr, flush=True)


def save(directory, name, content):
    """Writes one JSON file; nothing when no directory was asked for."""
    if directory:
        with open(os.path.join(directory, name + '.json'), 'w', encoding='utf-8') as file:
            json.dump(content, file, separators=(',', ':'))
            file.write('\n')
