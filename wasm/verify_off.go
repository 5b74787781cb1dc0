//go:build !weftverify

package wasm

// verifyEvery is how many resets there are for one whose memory is compared
// with the image: none. Build with the tag weftverify to sample them.
const verifyEvery = 0
