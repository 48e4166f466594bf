#!/usr/bin/env bash
# nbformat 5.11.1, jsonschema 4.26.0, rfc3987-syntax 1.1.0, lark 1.3.1 (all there wherever JupyterLab is installed).
# Expected: importing nbformat, as papermill, nbclient and nbconvert do at their start, loads a JSON schema validator.
# Seen: with rfc3987-syntax beside it, which jupyter-events asks for, the import also compiles a grammar for international
#   web addresses, which no notebook's schema uses: several times the processor time (here 1.2 s in the place of 0.1 s).
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check nbformat==5.11.1 jsonschema==4.26.0 rfc3987-syntax==1.1.0 lark==1.3.1
cd "$work"
cat > look.py <<'PY'
import sys
import time

if sys.argv[1] == "without":
    sys.modules["rfc3987_syntax"] = None  # as if it were not installed
started = time.process_time()
import nbformat  # noqa: E402, F401

print(round(1000 * (time.process_time() - started)), int("lark" in sys.modules))
PY
least() { for _ in 1 2 3; do venv/bin/python look.py "$1"; done | sort -n | head -1; }
venv/bin/python look.py with > /dev/null  # files that Python compiles once
read -r with grammar < <(least with)
read -r without no_grammar < <(least without)
echo "processor time of the import: $with ms (grammar compiled: $grammar), without rfc3987-syntax $without ms ($no_grammar)"
[ "$grammar" = 1 ] && [ "$no_grammar" = 0 ] && [ "$with" -gt $((3 * without)) ]
