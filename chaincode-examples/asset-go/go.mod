module github.com/weft-network/weft/chaincode-examples/asset-go

go 1.24

require github.com/weft-network/weft v1.0.0
