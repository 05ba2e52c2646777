# Thin over `nacelle` and pytest. `make up` needs Linux, make, and Python 3.11 to 3.13 with venv.
PYTHON ?= python3
UV_VERSION := 0.13.8
UV := .uv/bin/uv
export UV_PYTHON_DOWNLOADS := never
# Behind an office's proxy the machine's own certificate authorities are the ones that hold.
export UV_SYSTEM_CERTS := true
NACELLE := .venv/bin/nacelle
PORT ?=
DATA ?=
# Processes of the tests: they wait more than they compute.
WORKERS ?= 3
OPTIONS := $(if $(PORT),--port $(PORT)) 
WHERE := $(if $(DATA),--data $(DATA))

.PHONY: up down status doctor test drill bench lint clean-environment

up: .venv/.installed
	@exec $(NACELLE) up $(OPTIONS) $(WHERE) $(ARGS)

down status doctor: .venv/.installed
	@$(NACELLE) $@ $(WHERE)

test: .venv/.developer
	@.ci/packages
	.venv/bin/python -m pytest -m "not drill" -n $(WORKERS) --dist loadscope $(ARGS)

drill: .venv/.developer
	@.ci/packages
	.venv/bin/python -m pytest -m drill $(ARGS)

bench: .venv/.developer
	@.ci/packages
	.venv/bin/python -m benchmarks $(NAME)

lint: .venv/.developer
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 to 3.13 is needed, this is " + sys.version.split()[0] + "; give another with PYTHON=...") if not (3, 11) <= sys.version_info[:2] <= (3, 13) else None'
	@echo "Preparing the installer ..."
	@$(PYTHON) -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

LAB := $(shell find extensions/labextension -type f -not -path '*/node_modules/*' -not -path '*/nacelle_lab/labextension/*')

# The environment is made again when the lock or the extension changes; uv shows its progress.
.venv/.installed: $(UV) pyproject.toml uv.lock $(LAB)
	@echo "Installing the platform (about 1.5 GB on disk, once) ..."
	@$(UV) sync --frozen --no-dev --extra local --inexact --python $(PYTHON)
	@touch $@

.venv/.developer: $(UV) pyproject.toml uv.lock $(LAB)
	@$(UV) sync --frozen --group dev --extra local --python $(PYTHON)
	@touch $@ .venv/.installed
