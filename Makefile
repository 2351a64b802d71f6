# On a fresh machine: `make demo`, `make test`, `make test-all`, `make lint`. Each sets itself up.

PYTHON ?= python3
# Tests run in this many processes, each on one thread. A file stays in one process: its tests share
# servers, browsers and trained runs.
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
SCENES := runs/demo-heldout
DEMO := runs/demo

.PHONY: demo picker test test-all lint clean

# Trains on the built-in street scenes, then translates label maps it has not seen.
demo: $(VENV)/installed
	$(BIN)/python tools/train.py --config configs/demo.yaml --run $(DEMO) --overwrite
	$(BIN)/python datasets/make_scenes.py --out $(SCENES) --train 0 --val 8 --height 64 --width 128 --overwrite
	$(BIN)/python tools/cluster_styles.py --run $(DEMO) --k auto --limit 1000 --overwrite
	$(BIN)/python tools/translate.py $(SCENES)/val_label --run $(DEMO) --style random --seed 1 --out $(DEMO)/translated --sheet $(DEMO)/contact_sheet.png
	@echo
	@echo "The contact sheet (label | boundary map | translated | real): $(CURDIR)/$(DEMO)/contact_sheet.png"
	@echo "The styles of every class: $(CURDIR)/$(DEMO)/styles/index.html"
	@echo "Pick them object by object in the browser: make picker"

# The demo's styles, object by object, in the browser.
picker: $(VENV)/installed-ui
	$(BIN)/python tools/pick_style.py --run $(DEMO)

# Unit tests, and one small run of every command.
test: $(VENV)/installed-tests
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile

# Everything: trainings that learn, several processes, compilers, browsers.
test-all: $(VENV)/installed-tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/installed: setup.cfg pyproject.toml | $(VENV)/bin/pip
	$(BIN)/python -m pip install --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-ui: $(VENV)/installed
	$(BIN)/python -m pip install --disable-pip-version-check --editable ".[ui]"
	@touch $@

# OpenCV's packages share the folder `cv2`, and the one installed last stays. This one has all that
# opencv-python-headless has, and the cascades that find faces.
$(VENV)/installed-tests: $(VENV)/installed
	$(BIN)/python -m pip install --disable-pip-version-check --editable ".[test]"
	$(BIN)/python -m pip install --disable-pip-version-check --force-reinstall --no-deps opencv-contrib-python-headless
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed-tests
	$(BIN)/python -m pip install --disable-pip-version-check --editable ".[dev]"
	@touch $@

# pip is what a venv gets last: without it, the venv was never finished.
$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "img2img needs Python 3.11 or newer; found: $$($(PYTHON) --version 2>&1)"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "Python's venv is missing; install it with: sudo apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) runs/demo runs/demo-heldout
