"""karma-load counts what it should, paces without coordinated omission, and calls a wrong reply wrong."""

import json
import socketserver
import subprocess
import sys
import threading
import time

ONE = b'{"success":true,"response":1}\r\n'


class Server(socketserver.ThreadingTCPServer):
    """Answers lines like a v1 server; `reply` and a stall bend it."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, reply=None, stall_after=None, stall_s=0.0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply = reply
        self.stall_after = stall_after
        self.stall_s = stall_s
        self.lock = threading.Lock()
        self.seen = {"increment": 0, "sum": 0}
        self.keys = set()
        self.started = time.monotonic()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def answer(self, line):
        request = json.loads(line)
        with self.lock:
            self.seen[request["command"]] += 1
            self.keys.add(request["key"])
            assert request["tree_name"] == "load"
            if self.stall_after is not None and time.monotonic() - self.started > self.stall_after:
                self.stall_after = None
                time.sleep(self.stall_s)
            count = sum(self.seen.values())
        if self.reply is not None:
            return self.reply(count)
        return ONE if request["command"] == "increment" else b'{"success":true,"response":12345}\r\n'


class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        try:
            for line in self.rfile:
                reply = self.server.answer(line)
                if reply is None:
                    return
                # In two pieces now and then: a reply may be cut anywhere.
                self.wfile.write(reply[:7])
                self.wfile.write(reply[7:])
        except (ConnectionError, json.JSONDecodeError):
            pass


def load(program, server, *options):
    command = [program, f"--target=127.0.0.1:{server.server_address[1]}", "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout or "null"), done.stderr


def counts_exactly(program):
    """Every request is answered once, and keys and mix are as asked."""
    server = Server()
    status, report, errors = load(program, server, "-n", "3001", "-c", "7", "-d", "5", "-t", "2", "--mix=75:25", "--keys=50")
    assert status == 0 and errors == "", errors
    assert report["requests"] == 3001 == sum(server.seen.values()), report
    assert 0.7 < server.seen["increment"] / 3001 < 0.8, server.seen
    assert server.keys == set(range(50)), server.keys
    assert 0 < report["p50_us"] <= report["p99_us"] <= report["p99.9_us"] <= report["max_us"]


def keeps_the_pace(program):
    """A paced run sends what the rate says, and a stall shows in every request that was due in it."""
    server = Server(stall_after=0.8, stall_s=0.5)
    status, report, errors = load(program, server, "--rate=500", "-c", "4", "-d", "2", "--duration=2", "--warmup=0.2", "--pid", "1")
    assert status == 0 and errors == "", errors
    assert 1098 <= sum(server.seen.values()) <= 1102, server.seen
    assert 600 <= report["requests"] <= 1400, report
    # 250 of 1000 requests were due in the stall; a sender that waits would tell of eight slow ones, fewer than 1 %.
    assert report["p99_us"] > 400000, report
    assert report["server_cpu_us_per_request"] >= 0


def tells_wrong_replies(program):
    """A reply that is not the right one, an extra one, none, or a closed connection make the run fail."""
    wrong = [
        lambda count: ONE if count < 100 else b'{"success":false,"response":"Arithmetic overflow"}\r\n',
        lambda count: ONE if count < 100 else b'{"success":true,"response":2}\r\n',
        lambda count: ONE if count < 100 else ONE[:-2] + b"\n",
        lambda count: ONE if count < 100 else ONE + ONE,
        lambda count: ONE if count < 100 else b"x" * 2000,
        lambda count: ONE if count < 100 else None,
    ]
    for reply in wrong:
        status, report, errors = load(program, Server(reply), "-n", "300", "-c", "2", "-d", "4")
        assert status == 1 and "karma-load: " in errors, (status, report, errors)
        assert report["wrong"] + report["unanswered"] > 0, report


def refuses_bad_options(program):
    """A bad option is one line on stderr and status 2; no server is status 1."""
    bad = ["--mix=50:40", "--port=0", "--target=x", "--depth=0", "--cpus=a", "--tree=a\"b", "--rate=-1", "--duration=x", "--pid=999999999", "x", "--nope"]
    for option in bad:
        done = subprocess.run([program, option], capture_output=True, text=True, timeout=10)
        assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1, (option, done)
    done = subprocess.run([program, "--port=1"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and "Connection refused" in done.stderr, done


for test in (counts_exactly, keeps_the_pace, tells_wrong_replies, refuses_bad_options):
    test(sys.argv[1])
    print(f"{test.__name__}: ok")
