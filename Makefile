.PHONY: check test notebooks site hooks

check:      ## style, format, types, and no notebook older than its text
	ruff check .
	ruff format --check rtuning_helpers tests benchmarks site notebooks/build.py notebooks/colab_setup.py
	mypy
	python notebooks/build.py --check

test:       ## the unit tests and every notebook
	pytest

notebooks:  ## execute the notebooks' sources and rewrite the notebooks
	python notebooks/build.py

site:       ## the notebooks, the glossary and the README as a static site in site/html
	python site/book.py

hooks:      ## the checks of .pre-commit-config.yaml before each commit
	pip install pre-commit
	pre-commit install
