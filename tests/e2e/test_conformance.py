#!/usr/bin/env python3
"""The recorded behaviour of the original, where it is at hand: conformance/v1 beside the source tree."""
import subprocess
import sys

from harness import *

CASES = os.path.join(SHARED, 'conformance', 'v1')


class Conformance(KarmaTest):
    def test_replay(self):
        """every recorded case of the original holds (replay.py closes with 0 failed)"""
        server = self.start()
        done = subprocess.run([sys.executable, os.path.join(CASES, 'replay.py'), '127.0.0.1:%d' % server.port,
                               '--dump-dir', self.directory, '--timeout', str(10 * SLOW)],
                              env=clean_environment({'TZ': 'UTC', 'PYTHONDONTWRITEBYTECODE': '1'}),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lines = done.stdout.splitlines()
        faults = [line for line in lines if not line.startswith(('PASS ', 'BUG'))]
        self.assertTrue(lines and re.fullmatch(r'[1-9]\d* passed, 0 failed', lines[-1]), '\n'.join(faults))
        self.assertEqual(done.returncode, 0)
        print('  ', lines[-1])


if __name__ == '__main__':
    if not os.path.exists(os.path.join(CASES, 'replay.py')):
        skip('no recorded cases at ../shared/conformance/v1')
    main()
