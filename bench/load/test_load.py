"""karma-load counts what it should, in every language, paces without coordinated omission, and calls a wrong reply wrong."""

import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import time

from fake_server import ONE, Memcached, Redis, Server


def load(program, server, *options):
    done = subprocess.run([program, server.where, "--json=-", *options], capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout or "null"), done.stderr


def load_well(*arguments):
    status, report, errors = load(*arguments)
    assert status == 0 and errors == "", errors
    return report


def counts_exactly(program):
    """Every request is answered once, and keys and mix are as asked."""
    server = Server()
    report = load_well(program, server, "-n", "3001", "-c", "7", "-d", "5", "-t", "2", "--mix=60:25:15", "--keys=50")
    assert report["requests"] == 3001 == server.seen.total(), report
    for command, percent in ("increment", 60), ("sum", 25), ("decrement", 15):
        assert abs(server.seen[command] / 30.01 - percent) < 4, server.seen
    assert set(server.keys) == set(range(50)), server.keys
    assert server.counts.total() == server.seen["increment"] - server.seen["decrement"]
    assert report["language"] == "v1" and report["connections"] == 7 and report["threads"] == 2, report


def tells_latencies_in_order(program):
    """Percentiles rise, from those of the table to those of the curve, and the mean is among them."""
    report = load_well(program, Server(), "-n", "2000", "-c", "4", "-d", "2")
    names = ["p50_us", "p90_us", "p99_us", "p99.9_us", "p99.99_us", "max_us"]
    assert 0 < report["p50_us"] and [report[name] for name in names] == sorted(report[name] for name in names), report
    curve = report["percentiles"]
    assert curve == sorted(curve) and curve[0][0] == 0 and curve[-1] == [1, report["max_us"]], curve
    assert [0.5, report["p50_us"]] in curve and [0.9999, report["p99.99_us"]] in curve
    assert curve[0][1] <= report["mean_us"] <= report["max_us"]


def keeps_the_pace(program):
    """A paced run sends what the rate says, and a stall shows in every request that was due in it."""
    server = Server(stall_after=0.8, stall_s=0.5)
    report = load_well(program, server, "--rate=500", "-c", "4", "-d", "2", "--duration=2", "--warmup=0.2", "--slice=0.3")
    assert 1098 <= server.seen.total() <= 1102, server.seen
    assert 600 <= report["requests"] <= 1400, report
    # 250 of 1000 requests were due in the stall; a sender that waits would tell of eight slow ones, fewer than 1 %.
    assert report["p99_us"] > 400000, report
    slices = report["slices"]
    assert len(slices) == 7 and sum(part["requests"] for part in slices) == report["requests"], slices
    assert max(part["max_us"] for part in slices) > 400000 > min(part["max_us"] for part in slices), slices
    for i, part in enumerate(slices):
        assert abs(part["from_s"] - 0.3 * i) < 1e-6 and part["p50_us"] <= part["p99_us"] <= part["max_us"], part
        assert abs(part["unix_s"] - slices[0]["unix_s"] - part["from_s"]) < 1e-3
    assert 0 < time.time() - slices[0]["unix_s"] < 60


def slices_add_up_over_threads(program):
    """Closed loop, two threads: each reply is in one slice; and a number of requests has slices too."""
    for options in (["--duration=0.5", "--warmup=0.1"], ["-n", "3000"]):
        report = load_well(program, Server(), "-c", "4", "-t", "2", "-d", "2", "--slice=0.1", *options)
        assert len(report["slices"]) >= (5 if "-n" not in options else 1)
        assert sum(part["requests"] for part in report["slices"]) == report["requests"], report
        assert max(part["max_us"] for part in report["slices"]) <= report["max_us"], report


def speaks_redis(program):
    """Both commands, with reads and decrements."""
    for command, seen in (("hincrby", {"HINCRBY", "HGET"}), ("incr", {"INCR", "GET", "DECR"})):
        server = Redis()
        report = load_well(program, server, "--redis", "--command", command, "-n", "2000", "--mix=50:30:20", "--keys=300", "-d", "3")
        assert set(server.seen) == seen and server.seen.total() == 2000 == report["requests"], server.seen
        assert report["language"] == "redis" and report["command"] == command, report
        assert 450 < server.counts.total() < 750, server.counts.total()
    status, report, errors = load(program, Redis(lambda count: b"-ERR no\r\n" if count == 50 else None), "--redis", "-n", "100")
    assert status == 1 and report["wrong"] == 1 and "wrong reply: -ERR no" in errors, errors


def speaks_memcached(program):
    """Every key is added before it is counted; a key that is gone is told; too many keys are refused."""
    server = Memcached()
    report = load_well(program, server, "--protocol=memcached", "-n", "2000", "--mix=50:30:20", "--keys=777", "-d", "3")
    assert server.seen["add"] == 777 and set(server.counts) == set(range(777)), server.seen
    assert server.seen["incr"] + server.seen["get"] + server.seen["decr"] == 2000 == report["requests"], server.seen
    server = Memcached()
    load_well(program, server, "--protocol=memcached", "-n", "100", "--distribution=hot")
    assert server.seen == {"add": 1, "incr": 100} and server.counts[0] == 100, server.seen
    for mix, told in ("100:0", "NOT_FOUND"), ("0:100", "END"):
        status, report, errors = load(program, Memcached(forgets=3), "--protocol=memcached", "-n", "500", "--keys=10", "--mix", mix)
        assert status == 1 and report["wrong"] > 0 and f"wrong reply: {told}" in errors, errors
    status, _, errors = load(program, Memcached(reply=lambda count: b"SERVER_ERROR full\r\n"), "--protocol=memcached", "-n", "1")
    assert status == 1 and "SERVER_ERROR full" in errors, errors
    status, _, errors = load(program, Memcached(), "--protocol=memcached", "--keys=20000001")
    assert status == 1 and "at most 20000000" in errors, errors


def chooses_keys(program):
    """Zipf gives the first rank its share, scattered; a seed repeats a run; hot is one key."""
    runs = []
    for seed in "1", "1", "2":
        server = Server()
        load_well(program, server, "-n", "4000", "-c", "1", "--keys=1000", "--distribution=zipf:1.2", "--seed", seed)
        runs.append(server.keys)
        (first, first_count), (second, second_count) = server.keys.most_common(2)
        weights = sum(rank**-1.2 for rank in range(1, 1001))
        assert abs(first_count - 4000 / weights) < 120, first_count
        assert abs(second_count - 4000 / weights / 2**1.2) < 80, second_count
        assert abs(first - second) > 1 and max(server.keys) < 1000
    assert runs[0] == runs[1] != runs[2]
    server = Server()
    load_well(program, server, "-n", "200", "--distribution=hot")
    assert server.keys == {0: 200}, server.keys


def writes_json_beside_the_table(program):
    """Over a unix socket; the file holds what stdout does not."""
    with tempfile.TemporaryDirectory() as directory:
        server = Server(unix=directory + "/socket")
        command = [program, server.where, "-n", "500", "-c", "3"]
        done = subprocess.run([*command, "--json", directory + "/json"], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0 and done.stderr == "" and "(500 in" in done.stdout, done
        with open(directory + "/json", encoding="utf-8") as file:
            assert json.load(file)["requests"] == 500 == server.seen.total()
        done = subprocess.run([*command, "--json", directory + "/no/json"], capture_output=True, text=True, timeout=30)
        assert done.returncode == 1 and "No such file" in done.stderr, done
        done = subprocess.run([program, f"--unix-socket={directory}/none"], capture_output=True, text=True, timeout=30)
        assert done.returncode == 1 and "none: No such file" in done.stderr, done


def tells_what_the_server_uses(program):
    """The server is this process: its CPU time, its memory, the switches of all its threads, not of the first alone."""

    def first_thread_switches():
        with open("/proc/self/status", encoding="ascii") as file:
            return sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)

    before = first_thread_switches()
    report = load_well(program, Server(), "--rate=400", "-c", "4", "-d", "1", "--duration=1", "--warmup=0.2", "--pid", str(os.getpid()))
    assert report["server_cpu_us_per_request"] > 0 and 0 < report["server_cpus"] < 4, report
    assert report["load_cpu_us_per_request"] > 0 and 0 < report["load_cpus"] < 4, report
    assert report["server_user_us_per_request"] + report["server_system_us_per_request"] >= 0
    assert 4 << 20 < report["server_resident_bytes"] < 1 << 30, report
    switches = report["server_context_switches_voluntary"] + report["server_context_switches_involuntary"]
    assert switches > 200 + first_thread_switches() - before, (switches, before)


def shows_progress_on_a_terminal(program):
    """A line each second on a terminal; on none, nothing (the other tests see that)."""
    terminal, its_end = pty.openpty()
    done = subprocess.run([program, Server().where, "--rate=200", "--duration=1.8", "--warmup=0.5"], stdout=subprocess.PIPE, stderr=its_end,
                          timeout=30)
    os.set_blocking(terminal, False)  # else an empty one would be waited for
    text = os.read(terminal, 65536).decode()
    assert done.returncode == 0 and b"requests/s" in done.stdout
    assert re.search(r"\d s( \(warm-up\))?: \d+ requests/s, \d+ replies, 0 wrong", text) and text.endswith("\r\033[K"), text


def tells_wrong_replies(program):
    """A reply that is not the right one, an extra one, none, or a closed connection make the run fail."""
    wrong = [b'{"success":false,"response":"Arithmetic overflow"}\r\n', b'{"success":true,"response":2}\r\n', ONE[:-2] + b"\n", ONE + ONE,
             b"x" * 2000]
    for reply in wrong:
        status, report, errors = load(program, Server(lambda count, reply=reply: reply if count >= 100 else None), "-n", "300", "-c", "2")
        assert status == 1 and "karma-load: " in errors, (status, report, errors)
        assert report["wrong"] + report["unanswered"] > 0, report


def tells_a_closed_connection(program):
    """The server goes away in the middle."""
    status, report, errors = load(program, Server(closes_after=100), "-n", "300", "-c", "2", "-d", "4")
    assert status == 1 and "closed the connection" in errors and report["unanswered"] > 0, errors


def refuses_bad_options(program):
    """A bad option is one line on stderr and status 2; no server is status 1."""
    bad = ["--mix=50:40", "--mix=100", "--mix=50:50:", "--mix=20:20:20:40", "--port=0", "--target=x", "--depth=0", "--cpus=a", "--tree=a\"b",
           "--rate=-1", "--duration=x", "--slice=0", "--pid=999999999", "--protocol=v9", "--command=incr", "--distribution=zipf:0",
           "--distribution=zipf:x", "--distribution=normal", "--unix-socket=" + 200 * "x", "--json", "x", "--nope"]
    for option in bad:
        done = subprocess.run([program, option], capture_output=True, text=True, timeout=10)
        assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1, (option, done)
    done = subprocess.run([program, "--port=1"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and "Connection refused" in done.stderr, done
    done = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0 and done.stderr == "" and "--distribution" in done.stdout, done


for test in (counts_exactly, tells_latencies_in_order, keeps_the_pace, slices_add_up_over_threads, speaks_redis, speaks_memcached,
             chooses_keys, writes_json_beside_the_table, tells_what_the_server_uses, shows_progress_on_a_terminal, tells_wrong_replies,
             tells_a_closed_connection, refuses_bad_options):
    begin = time.monotonic()
    test(sys.argv[1])
    print(f"{test.__name__}: ok, {time.monotonic() - begin:.1f} s", flush=True)
