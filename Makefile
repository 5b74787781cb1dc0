# Weft. `make demo` shows it, `make test` proves it; `make help` lists the rest.
GO ?= go
BIN := bin
PROTOC ?= protoc
# Everything the demo deploys is built from source, here too.
EXAMPLES := $(BIN)/asset.wasm $(BIN)/counter.wasm

.DEFAULT_GOAL := build
.PHONY: help build examples demo port test race lint fuzz bench generate clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

build: ## build weftd and weft into bin/
	$(GO) build -o $(BIN)/ ./cmd/weftd ./cmd/weft

examples: $(EXAMPLES) ## build the example chaincodes into bin/

$(BIN)/%.wasm: build $(wildcard chaincode-examples/*/*.go)
	$(BIN)/weft chaincode build chaincode-examples/$* -o $@

demo: build examples ## three organisations, two channels, nine steps, borders and faults
	$(BIN)/weft demo

port: build ## build the Fabric chaincode in DIR as it is, start it and report: make port DIR=~/src/cc
	@test -n "$(DIR)" || { echo "make port DIR=FOLDER: name a folder of Fabric chaincode in Go"; exit 2; }
	$(BIN)/weft chaincode port $(DIR)

# A package may take long on a small machine with nothing in its caches.
TIMEOUT ?= 30m

test: build examples ## all tests, those over real processes too
	@compiled=$$(mktemp -d) && trap "rm -rf $$compiled" EXIT && set -x && \
	WEFT_TEST_COMPILED=$$compiled/code $(GO) test -timeout $(TIMEOUT) ./...

race: ## the tests of packages under the race detector
	$(GO) test -timeout $(TIMEOUT) -race -short ./...

lint: ## formatting, vet, staticcheck, layering, generated code
	@files=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$files" ]; then echo "not gofmt-clean:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -run 'TestEveryDependencyHasItsOwner|TestArrowsPointDown|TestProductionCodeImportsNoTestHelper|TestEveryPackageSaysWhatItPromises|TestLedgerReadsNoClock' .
	$(GO) mod tidy -diff
	$(MAKE) generate
	git diff --exit-code -- '*.pb.go'

FUZZTIME ?= 20s
FUZZ ?= ./...
TARGETS ?= ^Fuzz
fuzz: ## the fuzz targets TARGETS (a regular expression) of the packages FUZZ for FUZZTIME each
	@for pkg in $$($(GO) list $(FUZZ)); do \
		for target in $$($(GO) test -list '$(TARGETS)' $$pkg | grep '^Fuzz'); do \
			GO=$(GO) .ci/fuzz $$pkg $$target $(FUZZTIME) || exit 1; \
		done; \
	done

bench: build examples ## print figures: latency, throughput, start, memory
	$(GO) test -run '^$$' -bench . -benchtime 300ms ./ledger/... ./wasm/... ./p2p/... ./node/...
	$(BIN)/weft bench

PLUGINS = --plugin=protoc-gen-go=$$($(GO) tool -n protoc-gen-go) --plugin=protoc-gen-go-grpc=$$($(GO) tool -n protoc-gen-go-grpc)
generate: ## generated code from .proto files (needs protoc, Debian's protobuf-compiler)
	$(PROTOC) $(PLUGINS) --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative p2p/wire/wire.proto

clean: ## remove what was built
	rm -rf $(BIN)
