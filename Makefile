.PHONY: check test notebooks hooks

check:      ## style, format, types, and no notebook older than its text
	ruff check .
	ruff format --check rtuning_helpers tests benchmarks notebooks/build.py notebooks/colab_setup.py
	mypy
	python notebooks/build.py --check

test:       ## the unit tests and every notebook
	pytest

notebooks:  ## execute the notebooks' sources and rewrite the notebooks
	python notebooks/build.py

hooks:      ## the checks of .pre-commit-config.yaml before each commit
	pip install pre-commit
	pre-commit install
