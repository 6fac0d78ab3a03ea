#!/usr/bin/env python3
"""karma-inspect shows the idempotency records of the log, and finds the ledger's file sound, or names it as damaged."""
import os
import re
import subprocess

from inspecting import *

FILE = 'karma-ledger-%020d.records' % 1


class Ledger(InspectTest):
    def setUp(self):
        super().setUp()
        subprocess.run([os.environ['MAKE_LEDGER'], self.directory], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)

    def test_shown(self):
        """list names the file, verify reads it, records tells uses and prunings"""
        listed, _ = self.inspect('list', self.directory)
        self.assertRegex(listed, r'(?m)^manifest .*, ledger 1$')
        self.assertRegex(listed, r'(?m)^ledger +\d+  %s  number 1, needed$' % re.escape(FILE))
        verified, _ = self.inspect('verify', self.directory)
        self.assertRegex(verified, r'(?m)^sound    %s$' % re.escape(FILE))
        use, pruned = [r for r in self.records() if r['kind'] == 'ledger']
        self.assertEqual((use['idempotency_key'], use['operation'], use['response'], use['sequence'], use['created_at_unix']),
                         ('d', 'increment', '20', 4, 1000))
        self.assertRegex(use['fingerprint'], '^[0-9a-f]{64}$')
        self.assertEqual((pruned['removed_from'], pruned['removed_to']), (1, 4))
        self.assertEqual([r for r in self.records('--tree=t') if r['kind'] == 'ledger'], [])

    def test_damaged(self):
        """a changed byte and a missing file are damage, by name"""
        path = os.path.join(self.directory, FILE)
        with open(path, 'r+b') as f:
            f.seek(60)
            byte = f.read(1)
            f.seek(60)
            f.write(bytes([byte[0] ^ 1]))
        out, _ = self.inspect('verify', self.directory, status=1)
        self.assertRegex(out, r'(?m)^DAMAGED  %s is damaged at offset 40: a checksum' % re.escape(FILE))
        os.remove(path)
        out, _ = self.inspect('verify', self.directory, status=1)
        self.assertRegex(out, r'(?m)^DAMAGED  %s is missing$' % re.escape(FILE))


if __name__ == '__main__':
    main()
