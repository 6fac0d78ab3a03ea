#!/usr/bin/env python3
"""The original's Ruby client, as client.rb replays it, works unmodified: all commands, and a restart in the middle."""
import shutil
import subprocess

from harness import *


class Ruby(KarmaTest):
    def test_ruby_client(self):
        """what the original's Ruby client sends is answered, call by call, and it survives a restart of the server"""
        server = self.start()
        port = server.port
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'client.rb')
        ruby = subprocess.Popen(['ruby', '--encoding=UTF-8', script, '127.0.0.1', str(port)], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(ruby.kill)
        line = ruby.stdout.readline()
        if line == b'restart\n':
            server.stop()
            server = self.start('--port=%d' % port)
            ruby.stdin.write(b'done\n')
            ruby.stdin.flush()
        out, err = ruby.communicate(timeout=120 * SLOW)
        self.assertEqual((line, out, ruby.returncode), (b'restart\n', b'finished\n', 0), err.decode())
        server.stop()
        self.assertEqual({key: total for key, (_, total) in server.newest('shared').items()}, {7: 500})


if __name__ == '__main__':
    if shutil.which('ruby') is None:
        skip('no ruby')
    main()
