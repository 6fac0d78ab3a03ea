#!/usr/bin/env python3
"""What the write-ahead log costs beside throughput, which bench/compare shows: reads while writers wait for the disk, and
how long a start takes.

  bench/log.py                   both, three rounds of three seconds: about two minutes
  bench/log.py --only=reads      or restore
  bench/log.py --directory=DIR   where the data goes; the disk is what is measured

Prints tables in Markdown: medians, with lowest and highest of the rounds behind them.
"""
import argparse
import json
import os
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import figures  # noqa: E402
import servers  # noqa: E402


def measure_reads(options, durability):
    with servers.karma(options, *servers.KARMA[durability]) as server:
        servers.fill(options, server, 100000)
        writer = servers.Load(options, server, 50, 1, '--rate=5000', '--duration=%g' % (options.seconds + 1))
        with writer:
            time.sleep(0.5)
            result = servers.load(options, server, 10, 1, '--mix=0:100', '--rate=5000')
            writer.finish()
    return result


def reads(options):
    """Paced reads on connections of their own, while writers load the server: with the log synced, and without one."""
    results = {'off': [], 'always': []}
    for _ in range(options.rounds):
        for durability, rounds in results.items():
            rounds.append(measure_reads(options, durability))
    pairs = [[figures.column(results[durability], name) for durability in ('always', 'off')] for name in ('p50_us', 'p99_us')]
    rows = [[title, *(figures.cell(columns[i], '{:.1f}') for columns in pairs)] for i, title in ((1, 'log off'), (0, 'log, synced'))]
    rows.append(['**×**', *(figures.cell(figures.ratios(*columns), '{:.2f}') for columns in pairs)])
    print()
    print(figures.table(['reads, 5,000/s on 10 connections, beside writes, 5,000/s on 50', 'p50 µs', 'p99 µs'], rows))


def restart(options, server):
    """Starts the server again on what it left; returns how long it took to serve and how much log it read."""
    with tempfile.TemporaryFile(mode='w+', dir=options.where) as events:
        begin = time.monotonic()
        server.start(events)
        seconds = time.monotonic() - begin
        events.seek(0)
        replayed = [event for event in map(json.loads, events) if event.get('event') == 'log replayed']
    return seconds, replayed[0]['bytes'] if replayed else 0


def restore(options):
    """How long a start takes: everything in the log, then everything in a dump."""
    print('\n| start with {:,} keys of one day | seconds to serve |\n| --- | --- |'.format(options.keys))
    with servers.karma(options, '--log-level=info', '--log-format=json', '--wal-max-bytes=64GiB') as server:
        servers.fill(options, server, options.keys)
        servers.end(server.process)
        seconds, log_bytes = restart(options, server)
        print('| from the log alone (%d MB) | %.1f |' % (log_bytes // 1000000, seconds))
        server.process.send_signal(signal.SIGTERM)
        server.process.wait()
        dump_bytes = sum(entry.stat().st_size for entry in os.scandir(server.directory) if entry.name.endswith('.tree'))
        seconds, _ = restart(options, server)
        print('| from the dump alone (%d MB) | %.1f |' % (dump_bytes // 1000000, seconds))


def main():
    parser = argparse.ArgumentParser(usage='%(prog)s [options]', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', choices=('reads', 'restore'))
    parser.add_argument('--keys', type=int, default=10000000, metavar='N', help='to start with (default %(default)s)')
    servers.add_options(parser)
    options = servers.parse(parser)
    with servers.work_directory(options) as options.where:
        for part in (reads, restore):
            if options.only in (None, part.__name__):
                part(options)


if __name__ == '__main__':
    main()
