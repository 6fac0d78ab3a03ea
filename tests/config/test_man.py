#!/usr/bin/env python3
"""The man page names every option of --help with its variable and default, and no other. Run as test_man.py KARMA PAGE."""
import re
import subprocess
import sys

text = subprocess.run([sys.argv[1], '--help'], stdout=subprocess.PIPE, check=True, text=True).stdout
with open(sys.argv[2]) as f:
    page = f.read().replace('\\-', '-').replace('" ', '').replace('"', '')
entries = {}
for entry in re.split(r'\.T[PQ]\n', page)[1:]:
    head, _, body = entry.partition('\n')
    for name in re.findall(r'--[a-z-]+', head):
        entries[name] = head + '\n' + body

faults = []
variables = {name: variable for variable, name in re.findall(r'^    (KARMA_\w+) +(--\S+)$', text, re.M)}
options = re.findall(r'^    (?:-\w(?: \w+)?, )?(--[a-z-]+)\S* +(.*)$', text, re.M)
for name, help_line in options:
    entry = entries.pop(name, '')
    default = re.search(r'\(default: (\S+)\)$', help_line)
    if not entry:
        faults.append('no entry for ' + name)
    elif name in variables and '(%s)' % variables[name] not in entry:
        faults.append('%s without %s' % (name, variables[name]))
    elif default and 'efault %s' % default[1] not in entry:
        faults.append('%s without its default %s' % (name, default[1]))
entries.pop('--read-timeout', None)  # the other name of --idle-timeout
faults += ['an entry for %s, which is no option' % name for name in entries]
if len(options) < 20:
    faults.append('--help could not be read')
print('\n'.join(faults) or '%d options' % len(options))
sys.exit(bool(faults))
