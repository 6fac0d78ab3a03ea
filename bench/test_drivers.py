"""The drivers do what they say, whatever the figures are, and leave nothing behind.

  test_drivers.py TEST BUILD      TEST: compare, floor_serves, interrupted, pause, log or plot
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

sys.dont_write_bytecode = True
import servers  # noqa: E402

BENCH = os.path.dirname(os.path.abspath(__file__))
SHORT = ["--rounds=2", "--seconds=0.1", "--warmup=0.05", "--no-pin"]


def command(name, *arguments):
    return [sys.executable, os.path.join(BENCH, name), *arguments]


def run(*arguments, status=0, **more):
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=100, **more)
    assert done.returncode == status, done
    return done


def rows(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]


def children_of(directory):
    """Processes, servers for one, with this directory on their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().decode(errors="replace")
        except OSError:
            continue
        if directory in words and int(pid) != os.getpid():
            found.append((int(pid), words))
    return found


def load_json(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return json.load(file)


def compare(build, where, results):
    """Every server that is here is in every table that it belongs to, and in the JSON; what is not is named."""
    done = run("compare", *SHORT, "--build=" + build, "--directory=" + where, "--json=" + results, "--keys=1000",
               "--shapes=5x1,5x4", "--durability=off,always")
    here = {"karma", "floor"} | {name for name, program in (("redis", "redis-server"), ("valkey", "valkey-server"), ("memcached", "memcached"))
                        if shutil.which(program)}
    for name in {"redis", "valkey", "memcached"} - here:
        assert f"Skipped: {name}: " in done.stdout, done.stdout
    summary = load_json(results, "summary.json")
    seen = {(row["server"], row["setting"], row["connections"], row["depth"]) for row in summary["results"]}
    for name in here:
        for setting in ("off",) if name in ("memcached", "floor") else ("off", "always"):
            assert {(name, setting, 5, 1), (name, setting, 5, 4)} <= seen, (name, seen)
    for row in summary["results"]:
        assert row["rounds"] == 2 and row["requests_per_s"]["min"] > 0, row
        assert row["requests_per_s"]["min"] <= row["requests_per_s"]["median"] <= row["requests_per_s"]["max"], row
    ours = [row["karma_multiple"] for row in summary["results"] if row["server"] == "karma"]
    assert all(value == {"median": 1, "min": 1, "max": 1} for multiple in ours for value in multiple.values()), ours
    for number in (1, 2):
        assert load_json(results, f"karma.always.5x4.{number}.json")["requests"] > 0
    titles = [row[1] for row in rows(done.stdout)]
    # Karma beside the others in "off" and "always", at two depths; the floor in "off" alone, and in what Karma is a multiple of.
    assert titles.count("Karma") >= 4 and titles.count("floor") == 4, done.stdout
    assert "## Durability: always" in done.stdout
    run("compare", "--build=" + build, "--durability=sometimes", status=2)


def floor_serves(build, *_):
    """On the port and the processor it is told, an answer for each line, in whatever pieces lines come."""
    port, cpu = servers.free_port(), max(os.sched_getaffinity(0))
    process = servers.spawn([os.path.join(build, "bench", "floor"), f"--port={port}", f"--cpu={cpu}"])
    try:
        servers.wait_for_port(port, process, 10)
        assert os.sched_getaffinity(process.pid) == {cpu}
        with socket.create_connection(("127.0.0.1", port), 10) as client, client.makefile("r", newline="") as replies:
            for piece in b"one\ntw", b"o\n", b"three\n":
                client.sendall(piece)
            assert [replies.readline() for _ in range(3)] == ['{"success":true,"response":1}\r\n'] * 3
    finally:
        servers.end(process)


def interrupted(build, where, _):
    """Ctrl-C, or an end by SIGTERM, in the middle of a run: no process and no file is left."""
    for number in (signal.SIGINT, signal.SIGTERM):
        driver = subprocess.Popen(command("compare", "--build=" + build, "--directory=" + where, "--no-pin", "--keys=1000", "--seconds=30",
                                          "--servers=karma"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 20
        while not any("--duration=30" in words for _, words in children_of(build)):
            assert time.monotonic() < deadline and driver.poll() is None, "no load was started"
            time.sleep(0.05)
        assert len(children_of(where)) == 2  # itself and the server
        driver.send_signal(number)
        assert driver.wait(10) == 128 + number, driver.stderr.read()
        assert children_of(where) == [] and os.listdir(where) == []


def pause(build, where, results):
    """Both kinds of run at both rates, dumps in one of them alone; the keys that are kept are used again."""
    data = os.path.join(where, "data")
    arguments = ["pause", *SHORT, "--build=" + build, "--directory=" + where, "--keys=1000", "--shape=2x2", "--rates=500,half",
                 "--data=" + data]
    run(*arguments, "--rounds=0")
    kept = os.listdir(data)
    assert any(name.endswith("_load.tree") for name in kept), kept
    done = run(*arguments, "--json=" + results)
    assert "making" not in done.stderr
    assert [row[1] for row in rows(done.stdout)] == ["", "---"] + ["without dumps", "beside dumps", "**×**"] * 2, done.stdout
    assert load_json(results, "pause.500.without.2.json")["marks"] == []
    for name in ("beside.1", "beside.2", "timeline.1"):
        marks = load_json(results, f"pause.500.{name}.json")["marks"]
        assert marks and all(mark["from_unix_s"] < mark["until_unix_s"] for mark in marks), marks
    shutil.rmtree(data)


def log(build, where, _):
    """Reads in both settings, and both kinds of start."""
    done = run("log.py", *SHORT, "--build=" + build, "--directory=" + where, "--keys=1000")
    firsts = [row[0].partition(" (")[0] for row in rows(done.stdout)]
    assert firsts[2:5] == ["log off", "log, synced", "**×**"] and firsts[-2:] == ["from the log alone", "from the dump alone"], done.stdout


def draw(source, output):
    written = run("plot", "--output=" + output, *source).stdout.split()
    for path in written:
        drawn = xml.etree.ElementTree.parse(path).getroot()
        assert drawn.tag.endswith("svg") and len(list(drawn.iter())) > 30, path
    return sorted(os.path.basename(path) for path in written)


def plot(build, where, results):
    """Every kind of chart, from what the drivers wrote; and a word when gnuplot or something to draw is missing."""
    run("compare", *SHORT, "--build=" + build, "--directory=" + where, "--json=" + results, "--keys=1000", "--shapes=5x1,5x4",
        "--durability=off", "--servers=karma,floor")
    without = run("plot", results, status=3, env={**os.environ, "PATH": "/nonexistent"})
    assert without.stdout == "" and without.stderr.count("\n") == 1, without
    if not shutil.which("gnuplot"):
        sys.exit(77)
    charts = os.path.join(where, "charts")
    assert draw([results], charts) == ["cpu-off-5.svg", "latency-5-connections-x-depth-1-durability-off.svg",
                                       "latency-5-connections-x-depth-4-durability-off.svg", "throughput-off-5.svg"]
    engine = os.path.join(where, "engine.json")
    with open(engine, "w", encoding="utf-8") as file:
        json.dump({"program": "engine", "figures": [
            {"what": "add", "distribution": "uniform", "keys": 10, "threads": threads, "batch": 64, "per_s": threads * 1e6}
            for threads in (1, 2, 4)]}, file)
    assert draw([engine], charts) == ["scaling.svg"]
    paused = os.path.join(where, "paused")
    run("pause", *SHORT, "--build=" + build, "--directory=" + where, "--keys=1000", "--shape=2x2", "--rates=500", "--json=" + paused)
    assert draw([paused], charts) == ["latency-500-requests-s-1-000-keys.svg", "time-pause.500.timeline.1.svg"]
    assert run("plot", where, status=1).stderr.count("\n") == 1
    for made in (charts, paused):
        shutil.rmtree(made)
    os.remove(engine)


def main():
    tests = {test.__name__: test for test in (compare, floor_serves, interrupted, pause, log, plot)}
    test, build = tests[sys.argv[1]], sys.argv[2]
    with tempfile.TemporaryDirectory() as where, tempfile.TemporaryDirectory() as results:
        test(os.path.abspath(build), where, results)
        assert os.listdir(where) == [], os.listdir(where)
        assert children_of(where) == [], children_of(where)


main()
