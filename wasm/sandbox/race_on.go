//go:build race

package sandbox

// raceDetector programs map more memory than any limit before they start.
const raceDetector = true
