"""tools/profile records a server and draws it, and says what to do where perf may not. test_profile.py BUILD"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
BUILD = os.path.abspath(sys.argv[1])


def profile(directory, *options, path=None):
    environment = dict(os.environ, PATH=path or os.environ['PATH'])
    return subprocess.run([sys.executable, os.path.join(TOP, 'tools', 'profile'), '--build', BUILD, *options],
                          cwd=directory, env=environment, capture_output=True, text=True, check=False, timeout=60)


def perf_works(directory):
    return shutil.which('perf') and subprocess.run(
        ['perf', 'record', '-q', '-e', 'cpu-clock:u', '-o', os.path.join(directory, 'try'), '--', 'true'],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


class Profile(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)

    def test_records_and_draws(self):
        if not perf_works(self.directory):
            self.skipTest('perf may not record here')
        done = profile(self.directory, '--seconds=0.5', '--folded=stacks', '--', '--connections=4')
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(os.path.join(self.directory, 'profile.svg')) as file:
            svg = file.read()
        self.assertIn('Karma under karma-load --connections=4', svg)
        self.assertIn('worker-0', svg)
        with open(os.path.join(self.directory, 'stacks')) as file:
            self.assertIn('worker-0;', file.read())

    def test_says_that_perf_is_missing(self):
        done = profile(self.directory, path=self.directory)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn('perf is not installed', done.stderr)

    def test_server_that_is_not_there(self):
        if not perf_works(self.directory):
            self.skipTest('perf may not record here')
        done = profile(self.directory, '--pid=999999999')
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn('has ended', done.stderr)


if __name__ == '__main__':
    result = unittest.main(argv=sys.argv[:1], exit=False).result
    sys.exit(77 if result.wasSuccessful() and result.skipped else not result.wasSuccessful())
