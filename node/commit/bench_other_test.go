//go:build !unix

package commit

import "time"

func processTime() time.Duration { return 0 }
