# `make demo` and `make test` are all that a newcomer needs; `make` lists the rest. docs/set-up.md: what set-up fetches.

SHELL := /bin/bash
.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

MVAR := .build/release/mvar
DEMO := out/demo.png

# Tests and parity share one configuration, so that `make test` builds once. Debug: it builds in half the time of release
# and checks more, and what is slow in it, loops over elements in Swift, is little beside LibTorch's work.
TEST_CONFIGURATION ?= debug
# More golden files than Tests/Fixtures has, which the team keeps beside the repository; elsewhere their checks are skipped.
PARITY ?= ../shared/parity

# Package.swift reads it. A relative path would depend on the folder that SwiftPM happens to run in.
ifneq ($(LIBTORCH),)
override LIBTORCH := $(abspath $(LIBTORCH))
export LIBTORCH
endif

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: set-up
set-up: ## what building needs: system libraries, LibTorch (other targets do this when needed)
	@scripts/set-up.sh

.PHONY: build
build: set-up ## .build/release/mvar
	swift build -c release --product mvar

.PHONY: static
static: set-up ## out/static, a folder that needs LibTorch but neither Swift nor Debian's packages where it runs
	swift build -c release --product mvar --static-swift-stdlib --scratch-path .build-static
	@scripts/pack.sh .build-static/release/mvar out/static

.PHONY: demo
demo: build ## pictures of the embedded default model: out/demo.png
	@$(MAKE) --no-print-directory $(DEMO)
	@echo "The pictures are in $(DEMO)."

# Made again only when the program or the model changed.
$(DEMO): $(MVAR) $(wildcard models/default/*)
	@mkdir -p $(@D)
	$(MVAR) sample --model models/default --class 0,1,4,5,6,7,8,9 --count 16 --seed 1 --grid -o $@

# Once more with the optimised program: what only a process of its own shows.
PROCESS_TESTS := ManyProcessesTests|ProcessTests

.PHONY: test
test: set-up ## all tests, and parity where the team's golden files (../shared/parity) are
	@scripts/test-tools.sh
	swift test -c $(TEST_CONFIGURATION) --explicit-target-dependency-import-check error
	@$(MAKE) --no-print-directory build
	MVAR_TEST_PROGRAM=$(abspath $(MVAR)) swift test -c $(TEST_CONFIGURATION) --skip-build --filter '$(PROCESS_TESTS)' \
		--explicit-target-dependency-import-check error
	@if [ -d "$(PARITY)" ]; then $(MAKE) --no-print-directory parity; else \
		echo "Skipped: parity with the golden files of $(PARITY), which is not here (CONTRIBUTING.md)."; fi

# Their tests reach every kernel in every instruction set, at odd sizes, on one thread and on two.
KERNEL_TESTS := NeuralNetworksTests|NeighborhoodAttentionTests|KeyedUniformTests

.PHONY: sanitize
sanitize: set-up ## the kernels' tests under AddressSanitizer, built apart
	swift test --sanitize=address --disable-xctest --scratch-path .build/sanitized --filter '$(KERNEL_TESTS)'

.PHONY: parity
parity: set-up ## what PyTorch recorded against what mvar computes; PARITY=folder if not ../shared/parity
	swift build -c $(TEST_CONFIGURATION) --product mvar
	@scripts/parity.sh .build/$(TEST_CONFIGURATION)/mvar "$(PARITY)"

.PHONY: lint
lint: ## form of the code and of the repository; builds nothing
	@scripts/lint.sh

.PHONY: format
format: ## rewrites Swift and C++ in the house's form (C++ by clang-format 14)
	swift format --in-place --recursive --parallel Package.swift Sources Tests
	find Sources/CTorch Sources/CKernels Tests/CUDAEmulator -name '*.cpp' -o -name '*.h' -o -name '*.cu' | xargs clang-format -i

# MVAR and what it re-exports.
DOCUMENTED := MVAR Checkpoints Images ImageTokenizer Models NeuralNetworks Sampling ScaleTransformer TokenPyramid Torch Training

.PHONY: docs
docs: set-up ## the library's documentation: out/docs
	@mkdir -p out
	swift package --allow-writing-to-directory out/docs generate-documentation --output-path out/docs \
		--enable-experimental-combined-documentation $(addprefix --target ,$(DOCUMENTED)) --transform-for-static-hosting

.PHONY: doctor
doctor: build ## what mvar finds on this machine
	@$(MVAR) doctor

.PHONY: clean
clean: ## removes what was built
	rm -rf .build out/docs $(DEMO)

.PHONY: clean-cache
clean-cache: ## removes the downloaded LibTorch (498 MB; the next build fetches it again)
	@scripts/set-up.sh --clean-cache
