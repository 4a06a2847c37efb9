# Two commands set up all that is needed on a fresh machine: `make demo` and `make test`.
VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
BROWSER := $(VENV)/.browser
DEMO := build/demo
# Neighbours in the order of the tests share what a module makes, so a worker begins with half of them and takes over
# what the other has left; more than eight would take 1.5 GB each for little.
PYTEST := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(PY) -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help install demo test test-slow lint types suite docs pictures clean

help:
	@echo "make demo   install what is needed, then the whole job on the embedded demo catalogue"
	@echo "make test   install what is needed, then linters, types, import contracts and the tests that take no seconds"
	@echo "make test-slow   the tests that take seconds: trainings, kills, every command of the docs; CI runs both"
	@echo "make docs   write the generated pages of docs/ anew"
	@echo "make pictures   take the page's pictures for docs/ anew, from the demo"
	@echo "make clean  remove the demo's files (the virtual environment stays)"

# One stamp per set of requirements: a second `make` installs nothing.
$(INSTALLED): setup.cfg pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Rayonnage needs Python 3.11 or newer; 'python3' here is $$(python3 --version)."; exit 1; }
	python3 -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade pip
	@$(PY) -m pip install --quiet --editable '.[test,web,search]' \
	  || { echo "The packages could not be installed. They take 7 GB in $(VENV), and as much again while they are unpacked;"; \
	       df -h . "$${TMPDIR:-/tmp}"; exit 1; }
	sh .ci/debian.sh tesseract
	@touch $@

# only tests need it: a demo is not kept waiting for a browser
$(BROWSER): $(INSTALLED)
	sh .ci/debian.sh chromium
	@touch $@

install: $(INSTALLED)

demo: $(INSTALLED)
	rm -rf $(DEMO)
	$(VENV)/bin/rayonnage demo $(DEMO)

lint: $(INSTALLED)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(MAKE) types

types: $(INSTALLED)
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# mypy computes for most of a minute on one core, and tests wait for processes and pages: both at once take no longer
# than the tests
test: $(INSTALLED) $(BROWSER)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(MAKE) --jobs=2 types suite

suite: $(INSTALLED) $(BROWSER)
	$(PYTEST) -m "not slow"

test-slow: $(INSTALLED) $(BROWSER)
	$(PYTEST) -m slow

docs: $(INSTALLED)
	$(PY) docs/configuration_page.py
	$(PY) docs/rooms_picture.py

# apart from `docs`: no two machines take the same bytes, so no test compares them
pictures: $(INSTALLED) $(BROWSER)
	$(PY) docs/screenshots.py $(DEMO)

clean:
	rm -rf build
