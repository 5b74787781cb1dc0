package bench

// Headlines are the four figures that people ask for first, each from one of the
// loads; 0 where none of them tells it.
type Headlines struct {
	// LoneUpdate and LoneQuery are median latencies in milliseconds with one
	// operation under way: put, and get.
	LoneUpdate float64 `json:"loneUpdateMs,omitempty"`
	LoneQuery  float64 `json:"loneQueryMs,omitempty"`
	// Updates and Queries are valid puts and gets a second, each at the largest
	// number of workers that was measured, which need not be the best.
	Updates       float64 `json:"validUpdatesPerSecond,omitempty"`
	UpdateWorkers int     `json:"updateWorkers,omitempty"`
	Queries       float64 `json:"queriesPerSecond,omitempty"`
	QueryWorkers  int     `json:"queryWorkers,omitempty"`
}

// Headlines picks them.
func (r *Report) Headlines() Headlines {
	var h Headlines
	for _, l := range r.Loads {
		switch {
		case l.Op == Put && l.Workers == 1:
			h.LoneUpdate = l.Latency.P50
		case l.Op == Get && l.Workers == 1:
			h.LoneQuery = l.Latency.P50
		case l.Op == Put && l.Workers > h.UpdateWorkers:
			h.Updates, h.UpdateWorkers = l.PerSecond, l.Workers
		case l.Op == Get && l.Workers > h.QueryWorkers:
			h.Queries, h.QueryWorkers = l.PerSecond, l.Workers
		}
	}
	return h
}
