//go:build weftverify

package wasm

// verifyEvery is how many resets there are for one whose memory is compared
// with the image.
const verifyEvery = 64
