"""Servers for karma-load to load: they count what it asks for, and can be bent to answer wrongly, late, or not at all."""

import collections
import json
import socketserver
import threading
import time

ONE = b'{"success":true,"response":1}\r\n'


class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def setup(self):
        if self.server.unix:
            self.disable_nagle_algorithm = False
        super().setup()

    def handle(self):
        try:
            for line in self.rfile:
                reply = self.server.answer(self.server.read_request(line, self.rfile))
                if reply is None:
                    return
                # In two pieces now and then: a reply may be cut anywhere.
                self.wfile.write(reply[:7])
                self.wfile.write(reply[7:])
        except (ConnectionError, ValueError):
            pass


class Server:
    """Speaks v1. counts: of each key; seen: how often each command came."""

    def __init__(self, reply=None, stall_after=None, stall_s=0.0, closes_after=None, unix=None):
        self.closes_after = closes_after
        self.reply, self.stall_after, self.stall_s = reply, stall_after, stall_s
        self.lock = threading.Lock()
        self.seen, self.keys, self.counts = collections.Counter(), collections.Counter(), collections.Counter()
        self.started = time.monotonic()
        make = socketserver.ThreadingUnixStreamServer if unix else socketserver.ThreadingTCPServer
        make.request_queue_size, make.daemon_threads = 128, True
        server = make(unix or ("127.0.0.1", 0), Handler)
        server.unix, server.answer, server.read_request = unix, self.answer, self.read_request
        self.where = f"--unix-socket={unix}" if unix else f"--target=127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def answer(self, request):
        command, key, amount = request
        with self.lock:
            self.seen[command] += 1
            self.keys[key] += 1
            if self.stall_after is not None and time.monotonic() - self.started > self.stall_after:
                self.stall_after = None
                time.sleep(self.stall_s)
            if self.closes_after is not None and self.seen.total() > self.closes_after:
                return None
            reply = self.execute(command, key, amount)
            return self.reply(self.seen.total()) or reply if self.reply else reply

    @staticmethod
    def read_request(line, _):
        request = json.loads(line)
        assert request["tree_name"] == "load"
        return request["command"], request["key"], {"increment": 1, "decrement": -1, "sum": 0}[request["command"]]

    def execute(self, command, key, amount):
        self.counts[key] += amount
        return ONE if command != "sum" else b'{"success":true,"response":%d}\r\n' % abs(self.counts[key])


class Redis(Server):
    AMOUNTS = {"INCR": 1, "DECR": -1, "GET": 0, "HGET": 0}

    def read_request(self, line, rfile):
        words = []
        assert line[:1] == b"*", line
        for _ in range(int(line[1:])):
            length = int(rfile.readline()[1:])
            words.append(rfile.read(length + 2)[:-2].decode())
        if words[0].startswith("H"):
            assert words[1] == "load", words
            return words[0], int(words[2]), int(words[3]) if words[0] == "HINCRBY" else 0
        assert words[1].startswith("load:"), words
        return words[0], int(words[1][5:]), self.AMOUNTS[words[0]]

    def execute(self, command, key, amount):
        if "GET" in command:
            value = b"%d" % self.counts[key]
            return b"$-1\r\n" if key not in self.counts else b"$%d\r\n%s\r\n" % (len(value), value)
        self.counts[key] += amount
        return b":%d\r\n" % self.counts[key]


class Memcached(Server):
    AMOUNTS = {"incr": 1, "decr": -1, "get": 0, "add": 0}

    def __init__(self, forgets=None, **more):
        self.forgets = forgets
        super().__init__(**more)

    def read_request(self, line, rfile):
        words = line.decode().split()
        assert words[1].startswith("load:"), words
        if words[0] == "add":
            assert words[2:] == ["0", "0", "1"] and rfile.readline() == b"0\r\n", words
        return words[0], int(words[1][5:]), self.AMOUNTS[words[0]]

    def execute(self, command, key, amount):
        if command == "add":
            found = key in self.counts
            self.counts[key] += 0
            return b"NOT_STORED\r\n" if found else b"STORED\r\n"
        if key not in self.counts or key == self.forgets:
            return b"END\r\n" if command == "get" else b"NOT_FOUND\r\n"
        self.counts[key] = max(0, self.counts[key] + amount)
        value = b"%d" % self.counts[key]
        return b"VALUE load:%d 0 %d\r\n%s\r\nEND\r\n" % (key, len(value), value) if command == "get" else value + b"\r\n"
