#!/usr/bin/env bash
# papermill 2.7.0: -p gives every value to int() and float() before it is taken for text, with all that Python allows in a number.
# Expected: the name of a table such as 5_11, or a model called nan, arrives in the notebook as it was typed.
# Seen:
#   -p name 5_11 arrives as int 511
#   -p name nan arrives as float nan
#   -p name 007 arrives as int 7
#   -r name 5_11 arrives as str '5_11'
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check papermill==2.7.0 ipykernel==7.4.0 nbformat==5.11.1
export JUPYTER_PATH="$work/venv/share/jupyter" PATH="$work/venv/bin:$PATH"
cd "$work"
python - <<'PY'
import nbformat

cells = [nbformat.v4.new_code_cell("name = ''", metadata={"tags": ["parameters"]})]
cells.append(nbformat.v4.new_code_cell("print(type(name).__name__, repr(name))"))
kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), "in.ipynb")
PY
status=0
check() { # option, value, what is expected to arrive
  papermill in.ipynb out.ipynb "$1" name "$2" --no-progress-bar > log 2>&1
  found=$(python -c "import nbformat; print(nbformat.read('out.ipynb', 4).cells[-1].outputs[0].text.strip())")
  echo "$1 name $2 arrives as $found"
  [ "$found" = "$3" ] || status=1
}
check -p 5_11 "int 511"
check -p nan "float nan"
check -p 007 "int 7"
check -r 5_11 "str '5_11'"
exit $status
