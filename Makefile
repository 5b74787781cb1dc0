GO ?= go
PROTO_PLUGINS := --plugin=protoc-gen-go=$$($(GO) tool -n protoc-gen-go) --plugin=protoc-gen-go-grpc=$$($(GO) tool -n protoc-gen-go-grpc)

.PHONY: generate
generate: ## regenerate Go code from .proto files (needs protoc)
	protoc $(PROTO_PLUGINS) --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative p2p/wire/wire.proto
