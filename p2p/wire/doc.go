// Package wire holds the messages that Weft's nodes exchange, generated from
// wire.proto. Fabric's messages travel inside them as bytes.
package wire
