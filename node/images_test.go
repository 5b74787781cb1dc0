package node

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/weft-network/weft/p2p/wire"
)

func TestAnImageThatDiffersIsSaidOnceAndMeasured(t *testing.T) {
	var log bytes.Buffer
	c := &chaincode{
		log:        slog.New(slog.NewTextHandler(&log, nil)),
		mismatches: map[mismatch]bool{},
		images:     prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "chaincode_image_mismatch"}, []string{"channel", "chaincode", "peer"}),
	}
	cc := func(profile, pkg, image string) *wire.InstalledChaincode {
		return &wire.InstalledChaincode{Name: "kv", Profile: profile, Package: []byte(pkg), Image: []byte(image)}
	}
	ours := cc("p", "package", "image")
	for _, same := range []*wire.InstalledChaincode{
		ours, cc("other", "package", "x"), cc("p", "other", "x"), cc("p", "package", ""), cc("", "package", "x"),
	} {
		if c.compareOne("ch", "peer", ours, same); len(c.mismatches) != 0 {
			t.Fatalf("%v is no mismatch", same)
		}
	}
	for range 2 {
		c.compareOne("ch", "peer", ours, cc("p", "package", strings.Repeat("x", 100)))
	}
	if n := strings.Count(log.String(), "from another image"); n != 1 || measured(c.images) != 1 {
		t.Errorf("said %d times: %s", n, &log)
	}
	c.compareOne("ch", "peer", ours, ours)
	if !strings.Contains(log.String(), "same image again") || measured(c.images) != 0 {
		t.Errorf("the end was not noticed: %s", &log)
	}
}

func measured(g *prometheus.GaugeVec) int {
	ch := make(chan prometheus.Metric, 8)
	g.Collect(ch)
	return len(ch)
}
