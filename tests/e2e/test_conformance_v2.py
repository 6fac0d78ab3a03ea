#!/usr/bin/env python3
"""The recorded behaviour of upstream, where it is at hand: conformance/v2 beside the source tree.

tests/conformance/v2_not_built.txt lists the cases whose operations are still to be built, each with its profile. It can only
shrink: a listed case that holds, and any other that does not, is a fault.
"""
import subprocess
import sys

from harness import *

CASES = os.path.join(SHARED, 'conformance', 'v2')
NOT_BUILT = os.path.join(ROOT, 'tests', 'conformance', 'v2_not_built.txt')
UPSTREAM = ['--max-request-bytes=4096', '--max-response-bytes=1048576', '--idle-timeout=5']
PROFILES = {
    'default': UPSTREAM,
    'auth': UPSTREAM + ['--auth-token=write-secret', '--read-auth-token=read-secret'],
    'nowal': UPSTREAM + ['--wal=false'],
    'small': UPSTREAM + ['--max-response-bytes=150', '--max-request-bytes=200'],
    'big': UPSTREAM + ['--max-request-bytes=1048576'],
}


def not_built(profile):
    with open(NOT_BUILT) as f:
        lines = [line.split() for line in f if line.strip() and not line.startswith('#')]
    names = [line[1] for line in lines if line[0] == profile]
    if len(set(names)) != len(names):
        raise AssertionError('a case is listed twice')
    return set(names)


class ConformanceV2(KarmaTest):
    def replay(self, profile):
        server = self.start(*PROFILES[profile])
        done = subprocess.run([sys.executable, os.path.join(CASES, 'replay.py'), '127.0.0.1:%d' % server.port,
                               '--profile', profile, '--verbose'],
                              env=clean_environment({'TZ': 'UTC', 'PYTHONDONTWRITEBYTECODE': '1'}),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        found = re.findall(r'^(ok  |FAIL) (\S+/\S+)$', done.stdout, re.M)
        held = {name for what, name in found if what == 'ok  '}
        failed = {name for what, name in found if what == 'FAIL'}
        listed = not_built(profile)
        self.assertTrue(re.search(r'^\d+ passed, \d+ failed$', done.stdout, re.M), done.stdout)
        self.assertEqual(sorted(failed - listed), [], done.stdout)
        self.assertEqual(sorted(held & listed), [], 'listed in %s, but held' % NOT_BUILT)
        self.assertEqual(sorted(listed - held - failed), [], 'listed, but no case')
        print('   %s: %d held, %d not built' % (profile, len(held), len(failed)))

    def test_default(self):
        """cases with upstream's limits"""
        self.replay('default')

    def test_auth(self):
        """cases with tokens"""
        self.replay('auth')

    def test_nowal(self):
        """cases without the log"""
        self.replay('nowal')

    def test_small(self):
        """cases with small bounds"""
        self.replay('small')

    def test_big(self):
        """cases with long requests"""
        self.replay('big')


if __name__ == '__main__':
    if not os.path.exists(os.path.join(CASES, 'replay.py')):
        skip('no recorded cases at ../shared/conformance/v2')
    main()
