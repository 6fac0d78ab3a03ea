"""karma-load sends every paced request that has room, however the room is scattered over the connections."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from fake_server import ONE


def sends_at_once_when_room_is_scattered(program):
    """Room on several connections, not alike: every request that takes it is sent, none waits for the next turn."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    command = [program, f"--port={listener.getsockname()[1]}", "-c", "8", "-d", "4", "--rate=1000", "--duration=0.5", "--warmup=0", "--json=-"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    connections = [listener.accept()[0] for _ in range(8)]
    files = [connection.makefile("rb") for connection in connections]
    for file in files:
        for _ in range(4):
            assert file.readline()
    # Stopped, so that it sees both at once.
    os.kill(run.pid, signal.SIGSTOP)
    os.waitpid(run.pid, os.WUNTRACED)
    connections[0].sendall(ONE * 3)
    connections[5].sendall(ONE)
    time.sleep(0.02)  # more than four are due
    os.kill(run.pid, signal.SIGCONT)
    for at in (0, 0, 0, 5):
        connections[at].settimeout(5)
        assert files[at].readline()
    threads = [threading.Thread(target=answer_all, args=pair) for pair in zip(connections, files)]
    for connection, thread in zip(connections, threads):
        connection.settimeout(None)
        connection.sendall(ONE * 4)
        thread.start()
    report = json.loads(run.communicate(timeout=20)[0])
    assert run.returncode == 0 and report["unanswered"] == 0, report
    for thread in threads:
        thread.join()


def answer_all(connection, file):
    for _ in file:
        connection.sendall(ONE)


sends_at_once_when_room_is_scattered(sys.argv[1])
print("sends_at_once_when_room_is_scattered: ok")
