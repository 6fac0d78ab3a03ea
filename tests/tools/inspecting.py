"""What the tests of karma-inspect share. They are run as test_x.py KARMA [test …], the tool's path in KARMA_INSPECT."""
import csv
import io
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
import harness
from harness import KarmaTest, SLOW

COLUMNS = ['tree', 'key', 'day', 'count', 'total']


class InspectTest(KarmaTest):
    def inspect(self, *arguments, status=0, data=b'', env=None):
        """Runs the tool, which must end with this status: (stdout, stderr) as text."""
        done = subprocess.run([os.environ['KARMA_INSPECT']] + list(arguments), input=data, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120 * SLOW, env=env)
        out, err = done.stdout.decode(), done.stderr.decode()
        self.assertEqual(done.returncode, status, '%s: %s%s' % (arguments, out[-2000:], err[-2000:]))
        self.assertIsNone(harness.REPORTS.search(done.stderr), err)
        if status == 0:
            self.assertEqual(err, '', arguments)
        return out, err

    def export(self, path, *options, format='csv'):
        """{tree: {key: ({day: count}, total)}} of what is exported."""
        return trees_of(rows_of(self.inspect('export', path, '--format=' + format, *options)[0], format))

    def imports(self, data, *options, directory=None, format='csv'):
        """Imports rows, returns the names of the files."""
        out, _ = self.inspect('import', directory or self.directory, '--format=' + format, *options,
                              data=data if isinstance(data, bytes) else data.encode())
        return out.splitlines()

    def records(self, *options, directory=None, status=0):
        out, _ = self.inspect('records', directory or self.directory, *options, status=status)
        return [json.loads(line) for line in out.splitlines()]


def rows_of(text, format):
    """Rows as dicts, read by other tools than ours."""
    if format == 'jsonl':
        return [json.loads(line) for line in text.split('\n')[:-1]]
    rows = list(csv.reader(io.StringIO(text, newline=''), strict=True))
    assert rows[0] == COLUMNS, rows[0]
    out = []
    for row in rows[1:]:
        assert len(row) == 5, row
        out.append({name: value if name == 'tree' else int(value)
                    for name, value in zip(COLUMNS, row) if name == 'tree' or value != ''})
    return out


def trees_of(rows):
    trees, totals = {}, {}
    for row in rows:
        keys = trees.setdefault(row['tree'], {})
        if 'key' not in row:
            assert not keys, row
            continue
        days = keys.setdefault(row['key'], {})
        if 'total' in row:
            totals[row['tree'], row['key']] = row['total']
        if 'day' in row:
            assert row['day'] not in days, row
            days[row['day']] = row['count']
    return {tree: {key: (days, totals.get((tree, key), sum(days.values()))) for key, days in keys.items()}
            for tree, keys in trees.items()}


def main():
    harness.main()
