# A short front to the CMake presets. `make help` lists what there is.

PRESETS = dev tiny asan tsan coverage release
PREFIX ?= /usr/local

.PHONY: all run test check check-long bench install format tidy tree setup clean help

all: build/.setup-build
	@tools/build.sh release gcc velocidb_product

# At a terminal the shell on DB, which is made when it does not exist (.demo there makes something to
# play with); else a data set of about 200,000 rows, and queries on it.
DB ?= build/velocidb.db
run: all
	@if [ -t 0 ]; then \
	    build/release/velocidb "$(DB)"; \
	else \
	    rm -rf build/demo && mkdir build/demo && build/release/velocidb --demo build/demo/demo.db; \
	fi

test: build/.setup-build
	@tools/check.sh quick

check: build/.setup-check
	@tools/check.sh full

check-long: build/.setup-check
	@tools/check.sh long

bench: build/.setup-bench build/.setup-build
	@tools/build.sh release
	@tools/bench.sh

install: all
	@cmake --install build/release --prefix "$(PREFIX)"

format: build/.setup-check
	@tools/check_format.sh --fix

tidy: build/.setup-check
	@tools/check_tidy.sh

tree:
	@tools/check_tree

# Install the packages that building, checking or benchmarking needs; nothing when none is missing.
setup: build/.setup-check build/.setup-bench

build/.setup-%: tools/setup.sh
	@tools/setup.sh $*
	@mkdir -p build && touch $@

# Configure, build and test one preset: make dev, make asan ...
$(PRESETS): build/.setup-check
	@tools/check.sh suite $@

fuzz: build/.setup-check
	@tools/check.sh suite fuzz

.PHONY: $(PRESETS) fuzz

clean:
	rm -rf build

help:
	@echo "make            build/release/velocidb, build/release/libvelocidb.so, and"
	@echo "                build/release/compat/libsqlite3.so.0 for programs written for SQLite"
	@echo "make run        build, then the shell on DB ($(DB)); without a terminal a demonstration"
	@echo "make test       the quick suite: unit tests of the dev build, and the tree check"
	@echo "make check      everything CI runs: all presets, gcc or clang, format, tidy, tree"
	@echo "make check-long check with both compilers, 100,000 power cuts, planted faults"
	@echo "make bench      benchmarks, side by side with peers; see docs/performance.md"
	@echo "make install    into PREFIX ($(PREFIX))"
	@echo "make format     clang-format over all C files"
	@echo "make dev, tiny, asan, tsan, fuzz, coverage, release: build and test one preset"
