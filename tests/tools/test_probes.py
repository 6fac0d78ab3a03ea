"""The probes that were built are those src/base/probe.h lists, with as many arguments, and scripts use no other.

test_probes.py KARMA yes|no: is it built with them?
"""
import os
import re
import shutil
import subprocess
import sys
import unittest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
KARMA, BUILT = sys.argv[1], sys.argv[2] == 'yes'


def text_of(*path):
    with open(os.path.join(TOP, *path)) as file:
        return file.read()


def listed():
    """{name: count of arguments} of the header."""
    return {name: int(count) for name, count in re.findall(r'^\tX\((\w+), (\d), "', text_of('src', 'base', 'probe.h'), re.M)}


def noted():
    """The same of the ELF file's notes."""
    notes = subprocess.run(['readelf', '-n', '-W', KARMA], capture_output=True, text=True, check=True,
                           env=dict(os.environ, LC_ALL='C')).stdout
    probes = re.findall(r'Provider: karma\n\s+Name: (\w+)\n\s+Location: (\w+),.*Semaphore: (\w+)\n\s+Arguments:(.*)', notes)
    for name, _, semaphore, _ in probes:
        assert int(semaphore, 16) == 0, name
    return {name: len(arguments.split()) for name, _, _, arguments in probes}


class Probes(unittest.TestCase):
    def test_are_those_of_the_list(self):
        self.assertGreater(len(listed()), 20)
        self.assertEqual(noted(), listed() if BUILT else {})

    def test_script_uses_what_there_is(self):
        script = text_of('tools', 'latency.bt')
        script = re.sub(r'/\*.*?\*/', '', script, flags=re.S)
        probes = re.findall(r'^usdt:\*:karma:(\w+)([^{]*\{.*?)^(?=usdt:|END)', script, re.M | re.S)
        self.assertEqual(len(probes), script.count('usdt:'))
        arguments = listed()
        for name, body in probes:
            self.assertIn(name, arguments)
            used = [int(number) for number in re.findall(r'\barg(\d)', body)]
            self.assertLess(max(used, default=-1), arguments[name], name)

    def test_each_is_documented(self):
        for line in text_of('src', 'base', 'probe.h').splitlines():
            match = re.match(r'\tX\((\w+), (\d), "([^:]*): \S', line)
            self.assertEqual(line.startswith('\tX('), match is not None, line)
            if match and match[2] != '0':
                self.assertEqual(len(match[3].split(', ')), int(match[2]), line)


if __name__ == '__main__':
    if not shutil.which('readelf'):
        print('no readelf')
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
