# memviz: every task of the project. `make help` lists them.
# Needs only make and Python 3.11 or newer; everything else goes into .venv.

PYTHON ?= python3
PORT ?= 8501
WORKERS ?= auto
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help run dev test fuzz lint format bench models pictures docs clean
.DELETE_ON_ERROR:

help: ## list the tasks
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1|/' | \
		while IFS='|' read -r task text; do printf '%-14s %s\n' "$$task" "$$text"; done
	@echo "  PORT=8600 chooses the port, WORKERS=1 the test processes, ARGS='...' adds to streamlit's or pytest's arguments."

run: $(RUN_STAMP) ## open the app on http://localhost:8501
	$(BIN)/streamlit run app.py --server.port $(PORT) $(ARGS)

dev: $(RUN_STAMP) ## open the app, rerun it when a file changes, show errors in full
	$(BIN)/streamlit run app.py --server.port $(PORT) --server.fileWatcherType auto --server.runOnSave true \
		--client.showErrorDetails full --client.toolbarMode developer $(ARGS)

test: lint ## lint, types, and every test (also in a real browser, if there is one)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

fuzz: $(DEV_STAMP) ## feed damaged model files to the strict reader; ARGS="--count 100000 --seed 0"
	PYTHONPATH=. $(BIN)/python tests/fuzz/model_files.py $(ARGS)

lint: $(DEV_STAMP) ## formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(DEV_STAMP) ## format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEV_STAMP) ## run every benchmark
	@for script in benchmarks/*.py; do \
		[ -e "$$script" ] || { echo "There is no benchmark yet."; continue; }; \
		echo "== $$script"; PYTHONPATH=. $(BIN)/python "$$script" || exit 1; \
	done

models: $(RUN_STAMP) ## train the networks of assets/models/ anew; ARGS=latch-100 trains one
	$(BIN)/python -m memviz.models $(ARGS)

pictures: $(DEV_STAMP) ## draw the pictures of docs/ anew, of the app on http://localhost:8501
	$(BIN)/python docs/pictures.py

docs: $(DEV_STAMP) ## write the reference of the library into site/
	PYTHONPATH=. $(BIN)/python -W error docs/api.py
	@echo "Open site/index.html"

clean: ## remove .venv and every cache
	rm -rf $(VENV) build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: an installation is repeated only when its list of requirements changes.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "memviz needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)

$(RUN_STAMP): requirements.txt constraints.txt | $(BIN)/python
	@echo "Installing what memviz needs into $(VENV) (the first time takes a minute or more)"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	@touch $@

$(DEV_STAMP): requirements-dev.txt requirements.txt constraints.txt | $(BIN)/python
	@echo "Installing memviz's tools into $(VENV) (the first time takes a minute or more)"
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-dev.txt
	@touch $@ $(RUN_STAMP)
