"""tools/latency.bt shows times of every stage of a server at work. test_latency.py KARMA LOAD"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
KARMA, LOAD = sys.argv[1:3]
STAGES = ['kernel_us', 'requests', 'decode_us', 'execute_us', 'finish_us', 'settle_us', 'commit_wait_us', 'send_us',
          'commit_us', 'quiesce_us', 'write_us', 'write_bytes', 'publish_us', 'wake_us']  # sync_us: not where a write does it
DUMPS = ['first_quiescent_round', 'walk', 'second_quiescent_round', 'notes_collected', 'keys_set_aside', 'file_written',
         'log_synced', 'file_renamed']


def bpf_works():
    """As root, with uprobes."""
    return shutil.which('bpftrace') and os.path.exists('/sys/bus/event_source/devices/uprobe') and subprocess.run(
        ['bpftrace', '-e', 'BEGIN { exit(); }'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        check=False).returncode == 0


class Latency(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        self.server = subprocess.Popen([KARMA, '--bind=127.0.0.1', '--port=0', '--directory=' + self.directory,
                                        '--log-level=error'], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end, self.server)
        self.port = re.search(r' is on (\d+)', self.server.stdout.readline())[1]

    def end(self, process):
        if process.poll() is None:
            process.terminate()
        process.communicate()

    def wait_for(self, what, is_so):
        give_up = time.monotonic() + 60
        while not is_so():
            self.assertLess(time.monotonic(), give_up, 'waited for %s in vain: %s' % (what, self.said()))
            time.sleep(0.05)

    def said(self):
        with open(self.path) as file:
            return file.read()

    def interrupt(self, tracer):
        """bpftrace was once seen to run on after an interrupt, so it gets another; not at once, which would cut what it prints."""
        for _ in range(5):
            tracer.send_signal(signal.SIGINT)
            try:
                return tracer.wait(10)
            except subprocess.TimeoutExpired:
                pass
        return self.fail('bpftrace does not end: ' + self.said())

    def test_shows_every_stage(self):
        self.path = os.path.join(self.directory, 'said')
        with open(self.path, 'w') as said:
            tracer = subprocess.Popen([os.path.join(TOP, 'tools', 'latency.bt'), '-p', str(self.server.pid)], stdout=said,
                                      stderr=subprocess.STDOUT)
        self.addCleanup(self.end, tracer)
        self.wait_for('the tracer to look', lambda: 'Looking' in self.said())
        load = [LOAD, '--port=' + self.port, '--connections=4', '--warmup=0', '--requests=20000']
        subprocess.run(load, stdout=subprocess.DEVNULL, check=True)
        self.server.send_signal(signal.SIGUSR1)
        self.wait_for('the dump', lambda: any(name.endswith('.tree') for name in os.listdir(self.directory)))
        time.sleep(0.1)  # the name is there a moment before the last probe
        self.interrupt(tracer)
        text = self.said()
        for stage in STAGES:
            self.assertRegex(text, r'(?m)^@%s: \n(.*\|)' % stage)
        for number, phase in enumerate(DUMPS, 1):
            self.assertRegex(text, r'(?m)^@dump_%d_%s_us: count 1, ' % (number, phase))


if __name__ == '__main__':
    if not bpf_works():
        print('bpftrace may not look here')
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
