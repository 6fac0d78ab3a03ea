#!/usr/bin/env python3
"""What the write-ahead log costs: throughput and latency with the log off, on, and synced before each reply, beside Redis
with and without its append-only file, all in one run, in turn, on the same disk.

  bench/log.py                   everything, three rounds of three seconds: about 15 minutes
  bench/log.py --quick           one round of one second each
  bench/log.py --only=writes     or reads, or restore
  bench/log.py --directory=DIR   where the data goes (default: a new directory beside the build)
  bench/log.py --build=build --rounds=3 --seconds=3 --keys=10000000 --shapes=1x1,50x16

The server is pinned to CPU 0, the load to the last CPU; the log's committer runs where the kernel likes. Redis is left
out, and this said, where it is not installed. Prints tables in Markdown: medians, with the spread of the rounds behind.
"""
import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

SHAPES = '1x1,1x16,50x1,50x16,500x1,500x16'  # connections x depth
KARMA = (('log off', ('--wal=false',)), ('log, not synced', ('--wal-fsync=false',)), ('log, every second', ('--wal-fsync=everysec',)),
         ('log, synced', ('--wal-fsync=true',)))
REDIS = (('Redis, no file', ('--appendonly', 'no')), ('Redis, not synced', ('--appendonly', 'yes', '--appendfsync', 'no')),
         ('Redis, synced', ('--appendonly', 'yes', '--appendfsync', 'always')))
LOAD_CPU = str(max(os.sched_getaffinity(0)))


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_for_port(port, process, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit('the server ended with status %d' % process.returncode)
        with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', port), 1):
            return
        time.sleep(0.01)
    sys.exit('the server does not listen')


class Server:
    """A server in a directory of its own, ended by pid and removed with it."""

    def __init__(self, options, command, where):
        self.options, self.where = options, where
        self.port = free_port()
        self.command = [word.replace('PORT', str(self.port)) for word in command]

    def __enter__(self):
        self.directory = tempfile.mkdtemp(dir=self.where)
        command = [word.replace('DIRECTORY', self.directory) for word in self.command]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory)


def karma(options, arguments):
    return Server(options, [options.karma, '--bind=127.0.0.1', '--port=PORT', '--directory=DIRECTORY', '--workers=1', '--cpus=0',
                            '--log-level=error', *arguments], options.directory)


def redis(options, arguments):
    return Server(options, ['taskset', '-c', '0', options.redis, '--port', 'PORT', '--dir', 'DIRECTORY', '--save', '', *arguments],
                  options.directory)


def load_command(options, server, connections, depth, arguments, is_redis=False):
    return ['taskset', '-c', LOAD_CPU, options.load, '--target', '127.0.0.1:%d' % server.port, '-c', str(connections), '-d', str(depth),
            '--duration', str(options.seconds), '--warmup', '0.3', '--keys=100000', '--json=-', '--pid', str(server.process.pid),
            *(['--redis'] if is_redis else []), *arguments]


def load(*arguments, **more):
    done = subprocess.run(load_command(*arguments, **more), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def figure(results, name, form='{:,.0f}'):
    values = [result[name] for result in results]
    text = form.format(statistics.median(values))
    return text if len(values) == 1 else '%s (%s–%s)' % (text, form.format(min(values)), form.format(max(values)))


def writes(options):
    """Increments: each setting in turn, every shape, round after round."""
    settings = [(name, karma, arguments, False) for name, arguments in KARMA]
    if options.redis:
        settings += [(name, redis, arguments, True) for name, arguments in REDIS]
    results = {}
    for _ in range(options.rounds):
        for name, make, arguments, is_redis in settings:
            with make(options, arguments) as server:
                for shape in options.shapes:
                    results.setdefault((name, shape), []).append(
                        load(options, server, *shape, arguments=[], is_redis=is_redis))
    print('| connections × depth | | requests/s | p50 µs | p99 µs | CPU µs/request |\n| --- | --- | --- | --- | --- | --- |')
    for shape in options.shapes:
        for i, (name, *_) in enumerate(settings):
            rows = results[name, shape]
            print('| %s | %s | %s | %s | %s | %s |' % (
                '%d × %d' % shape if i == 0 else '', name, figure(rows, 'requests_per_s'), figure(rows, 'p50_us'),
                figure(rows, 'p99_us'), figure(rows, 'server_cpu_us_per_request', '{:.2f}')))
    for shape in options.shapes:
        off, synced = (statistics.median(row['requests_per_s'] for row in results[name, shape])
                       for name in ('log off', 'log, synced'))
        print('\nsynced / off at %d × %d: %.2f' % (*shape, synced / off), end='')
    print()


def reads(options):
    """Paced reads on connections of their own, while writers load the server: with the log synced, and without one."""
    print('\n| reads, 5,000/s on 10 connections, beside writes, 5,000/s on 50 | p50 µs | p99 µs |\n| --- | --- | --- |')
    results = {}
    for _ in range(options.rounds):
        for name, arguments in (KARMA[0], KARMA[-1]):
            with karma(options, arguments) as server:
                load(options, server, 50, 16, ['-n', '200000'])
                writer = subprocess.Popen(load_command(options, server, 50, 1, ['--rate=5000', '--duration', str(options.seconds + 1)]),
                                          stdout=subprocess.DEVNULL)
                time.sleep(0.5)
                results.setdefault(name, []).append(load(options, server, 10, 1, ['--mix=0:100', '--rate=5000']))
                writer.wait()
    for name, rows in results.items():
        print('| %s | %s | %s |' % (name, figure(rows, 'p50_us', '{:.1f}'), figure(rows, 'p99_us', '{:.1f}')))


def restart(options, directory):
    """Starts a server on the directory; returns the process, how long it took to serve and how much log it read."""
    port = free_port()
    with tempfile.TemporaryFile(mode='w+', dir=options.directory) as events:
        begin = time.monotonic()
        process = subprocess.Popen([options.karma, '--bind=127.0.0.1', '--port=%d' % port, '--directory=' + directory,
                                    '--log-format=json', '--wal-max-bytes=64GiB'], stdout=subprocess.DEVNULL, stderr=events)
        wait_for_port(port, process, 600)
        seconds = time.monotonic() - begin
        events.seek(0)
        replayed = [event for event in map(json.loads, events) if event.get('event') == 'log replayed']
    return process, seconds, replayed[0]['bytes'] if replayed else 0


def restore(options):
    """How long a start takes: everything in the log, then everything in a dump."""
    server = Server(options, [options.karma, '--bind=127.0.0.1', '--port=PORT', '--directory=DIRECTORY', '--log-level=error',
                              '--wal-max-bytes=64GiB'], options.directory)
    print('\n| start with %s keys of one day | seconds to serve |\n| --- | --- |' % '{:,}'.format(options.keys))
    with server:
        subprocess.run([options.load, '--target', '127.0.0.1:%d' % server.port, '-c', '50', '-d', '100', '--warmup', '0',
                        '--json=-', '-n', str(options.keys * 3), '--keys', str(options.keys)], check=True, stdout=subprocess.DEVNULL)
        server.process.kill()
        server.process.wait()
        server.process, seconds, log_bytes = restart(options, server.directory)
        print('| from the log alone (%d MB) | %.1f |' % (log_bytes // 1000000, seconds))
        server.process.send_signal(signal.SIGTERM)
        server.process.wait()
        dump_bytes = sum(entry.stat().st_size for entry in os.scandir(server.directory) if entry.name.endswith('.tree'))
        server.process, seconds, _ = restart(options, server.directory)
        print('| from the dump alone (%d MB) | %.1f |' % (dump_bytes // 1000000, seconds))


def main():
    parser = argparse.ArgumentParser(usage='%(prog)s [options]', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--only', choices=('writes', 'reads', 'restore'))
    parser.add_argument('--rounds', type=int)
    parser.add_argument('--seconds', type=float)
    parser.add_argument('--keys', type=int)
    parser.add_argument('--shapes', default=SHAPES)
    parser.add_argument('--build', default=os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'build'))
    parser.add_argument('--directory')
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.seconds = options.seconds or (1 if options.quick else 3)
    options.keys = options.keys or (200000 if options.quick else 10000000)
    options.shapes = [tuple(map(int, shape.split('x'))) for shape in options.shapes.split(',')]
    options.karma = os.path.join(options.build, 'karma')
    options.load = os.path.join(options.build, 'bench', 'karma-load')
    options.redis = shutil.which('redis-server')
    if not options.redis:
        print('Redis is not installed here and left out.')
    where = options.directory or options.build
    with tempfile.TemporaryDirectory(dir=where) as options.directory:
        for part in (writes, reads, restore):
            if options.only in (None, part.__name__):
                part(options)


if __name__ == '__main__':
    main()
