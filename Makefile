# Every target sets up what it needs first; a second call skips what is there.
.PHONY: help demo test test-long check setup bench-detection bench-narration bench-pipeline keep-pipeline bench-rivals bench-spreading docs format sbom vulnerabilities screenshots lock clean
.DEFAULT_GOAL := help
PYTEST := .venv/bin/python -m pytest

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: ## virtual environment, locked packages, llama.cpp, model (about 8 minutes the first time)
	@./scripts/setup

demo: setup ## sample ledger, plant and customers, end to end, in ./sereno-demo
	@.venv/bin/sereno demo

test: setup ## all tests but the long ones (at most 10 minutes); REQUIRE_ALL=1 makes a skip a failure
	@$(PYTEST) -m 'not long' -n 2 --dist loadgroup

test-long: setup ## all tests, properties on new examples
	@NEW_EXAMPLES=1 $(PYTEST) -n 2 --dist loadgroup

check: setup ## lint, format, types, import contracts, lock, generated docs
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache
	@./scripts/check-lock
	@.venv/bin/python -m flows.model_store.page docs/models.md --check
	@.venv/bin/python -m flows.configuration.page docs/configuration.md --check

bench-detection: setup ## measured detection figures, for a folder of public data: make bench-detection DATA=DIR
	@UV_PROJECT_ENVIRONMENT=.venv .venv/bin/uv sync --locked --group benchmark --inexact --quiet
	@.venv/bin/python benchmarks/detection.py --data "$(DATA)" --write

bench-narration: setup ## measured narratives: false claims, planted instructions, speed (about half an hour)
	@.venv/bin/python benchmarks/narration.py --write

bench-pipeline: setup ## time and memory of scans and nights of up to 10 million records (about half an hour)
	@.venv/bin/python benchmarks/pipeline.py --compare

keep-pipeline: setup ## the same, kept: ratios to compare with, docs/measured-pipeline.md, the README's rows
	@.venv/bin/python benchmarks/pipeline.py --keep

bench-rivals: setup ## a scan of a million records beside what a user would pick instead (about half an hour)
	@UV_PROJECT_ENVIRONMENT=.venv .venv/bin/uv sync --locked --group benchmark --inexact --quiet
	@.venv/bin/python benchmarks/pipeline.py --rivals

bench-spreading: setup ## nights over Dask workers beside nights in one process (about 10 minutes)
	@.venv/bin/python benchmarks/spreading.py

docs: setup ## write the generated parts of the documentation
	@.venv/bin/python -m flows.model_store.page docs/models.md
	@.venv/bin/python -m flows.configuration.page docs/configuration.md

format: setup ## format and mend what the linter can
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

lock: setup ## resolve the newest versions that pyproject.toml allows
	@.venv/bin/uv lock --upgrade
	@.venv/bin/uv export --locked --only-group bootstrap --no-emit-project --no-header -o scripts/bootstrap.txt --quiet

sbom: setup ## bill of materials (CycloneDX 1.5, with hashes) from the lock, offline: sereno.cdx.json
	@.venv/bin/python scripts/sbom.py sereno.cdx.json

vulnerabilities: setup ## locked packages against a copy of the OSV database, offline: make vulnerabilities DATABASE=all.zip
	@.venv/bin/python scripts/vulnerabilities.py "$(DATABASE)" $(foreach id,$(ACCEPT),--accept $(id))

screenshots: setup ## the README's pictures, from ./sereno-demo (needs chromium)
	@.venv/bin/python scripts/screenshots.py sereno-demo docs/images

clean: ## remove everything that was made here, the environment included
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis sereno-demo
