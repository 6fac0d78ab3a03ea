"""Who is compared: Karma, and what there is here of Redis, Valkey, memcached, bench/floor and redis-benchmark."""
import collections
import csv
import io
import os
import shutil
import subprocess
import sys

import servers

KARMA = 'karma'

# name: of its files; title: in tables; make(options, program, *arguments) gives a Server; benchmark: its own load program.
Peer = collections.namedtuple('Peer', 'name title program make settings benchmark')


def version(program, argument):
    """The word of a line such as "Redis server v=7.0.15 sha=…" that has the number."""
    words = subprocess.run([program, argument], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    numbers = [word.removeprefix('v=') for word in words if word.removeprefix('v=')[:1].isdigit()]
    return numbers[0] if numbers else '?'


def find_karma(options, _):
    return Peer('karma', 'Karma', options.karma, lambda options, _, *arguments: servers.karma(options, *arguments), servers.KARMA, None)


def find_redis(name, title, skipped):
    program = shutil.which(name + '-server')
    if not program:
        skipped.append('%s: %s-server is not installed' % (name, name))
        return None
    actual = os.path.basename(os.path.realpath(program))
    if not actual.startswith(name):
        skipped.append('%s: %s is %s' % (name, program, actual))
        return None
    benchmark = shutil.which(name + '-benchmark')
    if not benchmark:
        skipped.append('%s-benchmark: not installed' % name)
    return Peer(name, '%s %s' % (title, version(program, '--version')), program, servers.redis, servers.REDIS, benchmark)


def find_memcached(_, skipped):
    program = shutil.which('memcached')
    if not program:
        skipped.append('memcached: not installed')
        return None
    return Peer('memcached', 'memcached ' + version(program, '--version'), program, servers.memcached, servers.MEMCACHED, None)


def find_floor(options, skipped):
    program = os.path.join(options.build, 'bench', 'floor')
    if options.mix != '100:0':
        skipped.append('floor: it answers increments alone')
    elif not os.access(program, os.X_OK):
        skipped.append('floor: %s is not built' % program)
    else:
        return Peer('floor', 'floor', program, servers.floor, servers.FLOOR, None)
    return None


FINDERS = {'karma': find_karma, 'redis': lambda _, skipped: find_redis('redis', 'Redis', skipped),
           'valkey': lambda _, skipped: find_redis('valkey', 'Valkey', skipped), 'memcached': find_memcached, 'floor': find_floor}


def find(options, skipped):
    """Those of options.servers that are here; what is not, or cannot do what is asked, is appended to skipped."""
    found = [peer for peer in (FINDERS[name](options, skipped) for name in options.servers) if peer]
    if options.mix != '100:0' or options.rate or options.distribution != 'uniform':
        skipped += [peer.name + '-benchmark: it has increments of uniform keys at full speed alone' for peer in found if peer.benchmark]
        found = [peer._replace(benchmark=None) for peer in found]
    for durability in options.durability:
        left_out = [peer.name for peer in found if durability not in peer.settings]
        if left_out:
            skipped.append('%s: without the durability "%s"' % (', '.join(left_out), durability))
    return found


def run_benchmark(options, server, program, shape, rate):
    """redis-benchmark ends after a number of requests: as many as the load before it did in the time."""
    requests = max(int(rate * options.seconds), shape[0] * shape[1])
    command = [program, '-h', '127.0.0.1', '-p', str(server.port), '-c', str(shape[0]), '-P', str(shape[1]), '-n', str(requests),
               '-r', str(options.keys), '--csv', *(['INCR', 'load:__rand_int__'] if options.redis_command == 'incr' else
                                                   ['HINCRBY', 'load', '__rand_int__', '1'])]
    before = server.cpu_seconds()
    process = servers.spawn(command, options.load_cpu, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        output, _ = process.communicate()
    finally:
        servers.end(process)
    cpu = server.cpu_seconds() - before
    row = next(csv.DictReader(io.StringIO(output)), {})
    if 'p99_latency_ms' not in row:
        sys.exit('%s printed something else than was expected; Redis 6.2 or newer is needed' % program)
    return {'program': os.path.basename(program), 'connections': shape[0], 'depth': shape[1], 'requests': requests,
            'requests_per_s': float(row['rps']), 'p50_us': float(row['p50_latency_ms']) * 1e3,
            'p99_us': float(row['p99_latency_ms']) * 1e3, 'server_cpu_us_per_request': cpu * 1e6 / requests}
