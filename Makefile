# `make help` explains the targets. Nothing needs to be installed but Python (3.11 or newer), git and make.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
# Paths in rules are relative, so that the checkout may stand in a folder with spaces in its name.
BIN := .venv/bin
READY := .venv/.ready
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadgroup
export PATH := $(CURDIR)/$(BIN):$(PATH)
SIZE ?= small
SERVER ?= valkey
SECONDS ?= 30
FUZZ_EXAMPLES ?= 200
ONLY ?= feed, first page
BASE ?= HEAD~1

.DEFAULT_GOAL := help
.PHONY: help run test test-slow check lint format types contracts migrations deploy-check messages schema schema-check demo-data shell system-check doctor freeze backup restore sbom fuzz screenshots vendor flamegraph bench bench-compare bench-tuning bench-growth bench-fanout bench-statements bench-pipeline bench-search bench-console bench-faults lock clean

help: ## Show this text
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 18

run: $(READY) ## Start everything: servers, API, workers, dispatcher (PORT, STATE_DIR, LAN=1, DEMO=0, RATE_LIMITS=off)
	@exec $(BIN)/python -m devstack run

test: $(READY) ## Run the tests that are not slow, against real servers (ARGS="tests/social -k follow")
	@$(PYTEST) -m "not slow" $(ARGS)

test-slow: $(READY) ## Run the slow tests: faults, whole stacks, browsers, fuzzing, tables of all routes
	@$(PYTEST) -m slow $(ARGS)

check: lint types contracts migrations deploy-check schema-check ## Run every check that needs no test run

lint: $(READY) ## Check formatting and lint
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

format: $(READY) ## Format the code and apply the fixes of the linter
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

types: $(READY) ## Check types (mypy, strict)
	@$(BIN)/mypy apps config demo devstack bench

contracts: $(READY) ## Check the import contracts
	@$(BIN)/lint-imports --no-cache --no-logo

migrations: $(READY) ## Check that every model change has a migration
	@$(BIN)/python -m devstack exec --fresh -- python manage.py makemigrations --check --dry-run

deploy-check: $(READY) ## Run Django's deployment checks with production settings
	@config/deploy/with-placeholders python manage.py check --fail-level WARNING
	@config/deploy/with-placeholders python manage.py check --deploy --tag security --fail-level WARNING

SPECTACULAR := $(BIN)/python manage.py spectacular --validate --fail-on-warn
COMPACT := $(BIN)/python -m json.tool --compact --no-ensure-ascii
HTMX := $(BIN)/python -c "import django_htmx, pathlib; print(pathlib.Path(django_htmx.__file__).parent / 'static/django_htmx')"
vendor: $(READY) ## Write static/web/vendor/htmx.js from the package django-htmx
	@cd "$$($(HTMX))" && cat htmx-4.min.js ext/hx-head-4.min.js ext/hx-preload-4.min.js ext/hx-optimistic-4.min.js > "$(CURDIR)/static/web/vendor/htmx.js"

messages: $(READY) ## Update and compile the message catalogues in locale, and list what is not translated
	@$(BIN)/python -m devstack.messages

schema: $(READY) ## Write static/openapi.yaml and static/openapi.json, which the API serves
	@$(SPECTACULAR) --file static/openapi.yaml
	@$(SPECTACULAR) --format openapi-json | $(COMPACT) - static/openapi.json
	@$(BIN)/openapi-spec-validator static/openapi.yaml

schema-check: $(READY) ## Check that static/openapi.yaml and static/openapi.json are valid and up to date
	@$(BIN)/openapi-spec-validator static/openapi.yaml
	@{ $(SPECTACULAR) | diff -u static/openapi.yaml - && $(SPECTACULAR) --format openapi-json | $(COMPACT) | cmp static/openapi.json -; } \
		|| { echo 'The OpenAPI document is stale: run make schema.'; exit 1; }

demo-data: $(READY) ## Create sample users and photos (SIZE=small|medium)
	@$(BIN)/python -m devstack exec -- python manage.py demo_data --size $(SIZE)

shell: $(READY) ## Open Django's shell for the running stack
	@$(BIN)/python -m devstack exec --existing -- python manage.py shell

system-check: $(READY) ## Check the running stack, and suggest an action for each finding
	@$(BIN)/python -m devstack exec --running -- python manage.py system_check $(ARGS)

doctor: system-check  # the former name, until the next release

freeze: $(READY) ## Suspend a server of the running stack (SERVER=postgresql|valkey|seaweedfs SECONDS=30)
	@$(BIN)/python -m devstack freeze "$(SERVER)" --seconds "$(SECONDS)"

backup: $(READY) ## Back up the database and all objects to a new folder (BACKUP=folder)
	@$(BIN)/python -m devstack exec --existing -- python manage.py backup --output "$(or $(BACKUP),$(error Which folder? make backup BACKUP=folder))"

restore: $(READY) ## Restore a backup to empty servers (BACKUP=folder STATE_DIR=new-folder)
	@$(BIN)/python -m devstack exec --bare -- python manage.py restore "$(or $(BACKUP),$(error Which folder? make restore BACKUP=folder STATE_DIR=new-folder))"

sbom: $(READY) ## Write the bill of materials (CycloneDX) to build/sbom.json
	@mkdir -p build
	@$(ENSURE_UV)
	@uvx --quiet --from cyclonedx-bom==$(CYCLONEDX) cyclonedx-py requirements --output-reproducible --output-file build/sbom.json requirements/prod.txt

fuzz: $(READY) ## Run schemathesis on the whole schema, longer than the tests do (FUZZ_EXAMPLES)
	@FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest tests/api/test_fuzz.py --timeout 3600

screenshots: $(READY) ## Take screenshots of the console and the pages, also those of README.md and docs/moderation.md
	@mkdir -p .state/screenshots docs/moderation docs/screenshots
	@SCREENSHOTS=$(CURDIR)/.state/screenshots $(BIN)/python -m pytest -q tests/console/browser/test_pages.py tests/web/browser/test_screenshots.py
	@cp .state/screenshots/web-*.jpg docs/screenshots/
	@grep -o 'moderation/[a-z-]*\.jpg' docs/moderation.md | cut -d/ -f2 | while read -r name; do cp ".state/screenshots/$$name" docs/moderation/; done

bench: $(READY) ## Measure the hot endpoints against two baselines (SIZE=small|large, ARGS="--keep --only feed")
	@$(BIN)/python -m bench.load --size $(SIZE) $(ARGS)

bench-compare: $(READY) ## Compare the present code with a commit (BASE=commit ARGS="--paths 'profile;like'")
	@mkdir -p .state/bench
	@[ -e .state/bench/base ] || git worktree add --quiet --force --detach .state/bench/base "$(BASE)"
	@git -C .state/bench/base checkout --quiet "$(BASE)"
	@$(BIN)/python -m bench.compare .state/bench/base $(ARGS)

bench-tuning: $(READY) ## Other numbers of workers than the defaults, of the API and of the queue (ARGS="--only web")
	@$(BIN)/python -m bench.tuning $(ARGS)

bench-growth: $(READY) ## Measure pages with 1,000, 10,000 and 100,000 users
	@$(BIN)/python -m bench.growth $(ARGS)

bench-statements: $(READY) ## Measure the statements of hot pages in PostgreSQL alone (SIZE=large)
	@$(BIN)/python -m bench.statements --size $(SIZE) $(ARGS)

bench-fanout: $(READY) ## Measure the time from a post to the feeds of 5,000 followers
	@$(BIN)/python -m bench.fanout $(ARGS)

flamegraph: $(READY) ## Draw a flame graph of a request (ONLY="single post" SIZE=small|large)
	@$(BIN)/python -m bench.profile "$(ONLY)" --size $(SIZE) $(ARGS)

bench-pipeline: $(READY) ## Measure the image pipeline against plain Pillow and libvips
	@$(BIN)/python -m bench.pipeline

bench-search: $(READY) ## Measure searches among 100,000 users and 500,000 posts
	@$(BIN)/python -m devstack exec --fresh -- python -m bench.search

bench-console: $(READY) ## Measure every page of the console (beside the running stack; ARGS="--rows 100000" in a separate database)
	@$(BIN)/python -m devstack exec $(if $(findstring --rows,$(ARGS)),--fresh) -- python -m bench.console $(ARGS)

bench-faults: $(READY) ## Inject faults under load and check that no acknowledged write is lost (ARGS="--quick", "kills redis")
	@$(BIN)/python -m bench.faults $(ARGS)

CYCLONEDX := 7.5.0
ENSURE_UV := uv --version >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml
lock: $(READY) ## Compile requirements/*.txt from pyproject.toml
	@$(ENSURE_UV)
	@$(COMPILE) --output-file requirements/base.txt
	@$(COMPILE) --extra dev --constraint requirements/base.txt --output-file requirements/dev.txt
	@$(COMPILE) --extra prod --constraint requirements/base.txt --output-file requirements/prod.txt

clean: ## Remove the virtual environment and all state
	@rm -rf .venv .state
	@$(PYTHON) -m devstack.binaries

$(READY): requirements/dev.txt
	@PYTHON="$(PYTHON)" devstack/bootstrap.sh requirements/dev.txt
	@touch $(READY)
