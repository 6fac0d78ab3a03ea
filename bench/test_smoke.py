"""A bench program works: it measures all it says it does, as JSON and as a table, and refuses what it does not know.

  test_smoke.py FIGURES PROGRAM [option …]      FIGURES: what has to be there, with commas between
  test_smoke.py "" PROGRAM [option …]           of one that has no figures, and options that are not enough for it

No figure is judged, but by being a number above 0 where 0 would mean that nothing ran.
"""

import json
import math
import os
import subprocess
import sys
import tempfile


def run(*command):
    with tempfile.TemporaryDirectory() as directory:  # for files with relative names
        return subprocess.run(
            command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60
        )


def check(condition, what):
    if not condition:
        sys.exit(f"{sys.argv[2]}: {what}")


def check_row(row):
    for name, value in row.items():
        if not isinstance(value, str):
            check(math.isfinite(value) and value >= 0, f"{name} is {value}: {row}")
        if name == "per_s":
            check(value > 0, f"nothing was done: {row}")


def check_figures(wanted, command):
    done = run(*command, "--json=-")
    check(done.returncode == 0, f"status {done.returncode}: {done.stderr}")
    check(done.stderr == "", f"said {done.stderr}")
    result = json.loads(done.stdout)
    check(command[0].endswith("/" + result["program"]), f"program is {result['program']}")
    seen = {row["what"] for row in result["figures"]}
    check(seen == wanted, f"measured {sorted(seen)}, not {sorted(wanted)}")
    for row in result["figures"]:
        check_row(row)


def check_refused(program, *bad):
    done = run(program, *bad)
    check(done.returncode == 2 and done.stdout == "", f"{bad}: status {done.returncode}")
    check(len(done.stderr.splitlines()) == 1, f"{bad}: {done.stderr}")


def check_options(program, has_figures):
    for bad in ("--no-such-option", "word", "--json"):
        check_refused(program, bad)
    done = run(program, "--help")
    check(done.returncode == 0 and done.stderr == "" and ("--json" in done.stdout) == has_figures, "--help")


def main():
    figures, program, options = sys.argv[1], os.path.abspath(sys.argv[2]), sys.argv[3:]
    check_options(program, figures != "")
    if figures:
        check_figures(set(figures.split(",")), [program, *options])
    else:
        check_refused(program, *options)


main()
