package node

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/weft-network/weft/node/commit"
)

// peerMetrics are those of a peer's channels. Names of Fabric's metrics mean
// what they mean there; the others begin with weft.
type peerMetrics struct {
	height  *prometheus.GaugeVec
	commits *prometheus.CounterVec
	streams *prometheus.GaugeVec
	// images are the chaincodes whose image differs on another peer.
	images *prometheus.GaugeVec
	// blocks is the time from a block's arrival to its commit, stages where it went.
	blocks, stages *prometheus.HistogramVec
	groups         *prometheus.HistogramVec
	// diverged counts the peers whose state differs from this one's.
	diverged *prometheus.GaugeVec
}

// stageBuckets reach from 100 µs to 26 s.
func stageBuckets() []float64 { return prometheus.ExponentialBuckets(100e-6, 4, 10) }

func newPeerMetrics(r prometheus.Registerer, waiting func(func(channel string, blocks int))) peerMetrics {
	m := peerMetrics{
		height:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "ledger_blockchain_height", Help: "Height of the chain in blocks."}, []string{"channel"}),
		commits: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ledger_transaction_count", Help: "Number of transactions processed."}, []string{"channel", "validation_code"}),
		streams: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "gossip_orderer_streams", Help: "Open streams of blocks from orderers; 0 on a peer that takes its blocks from other peers."}, []string{"channel"}),
		images: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "chaincode_image_mismatch",
			Help: "1 where another peer runs the same package under the same execution profile from another image."}, []string{"channel", "chaincode", "peer"}),
		blocks: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ledger_block_processing_time",
			Help: "Time taken in seconds for ledger block processing.", Buckets: stageBuckets()}, []string{"channel"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "weft_commit_stage_seconds",
			Help: "Time that a block spent being checked, waiting, having its signatures verified, queued, validated, and appended.", Buckets: stageBuckets()}, []string{"channel", "stage"}),
		groups: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "weft_commit_group_blocks",
			Help: "Blocks that shared one fsync.", Buckets: []float64{1, 2, 4, 8, 16}}, []string{"channel"}),
		diverged: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "weft_state_divergence",
			Help: "Peers whose state was found to differ from this peer's since it was started; anything but 0 is an alarm."}, []string{"channel"}),
	}
	r.MustRegister(m.height, m.commits, m.streams, m.images, m.blocks, m.stages, m.groups, m.diverged, pendingBlocks{waiting})
	return m
}

// committed notes a block and where its time went.
func (m *peerMetrics) committed(channel string, done *commit.Committed) {
	m.height.WithLabelValues(channel).Set(float64(done.Block.Header.Number + 1))
	for _, code := range done.Codes {
		m.commits.WithLabelValues(channel, code.String()).Inc()
	}
	t := done.Times
	for _, s := range []struct {
		stage string
		took  time.Duration
	}{{"check", t.Check}, {"wait", t.Wait}, {"verify", t.Verify}, {"queue", t.Queue}, {"validate", t.Validate}, {"append", t.Append}} {
		m.stages.WithLabelValues(channel, s.stage).Observe(s.took.Seconds())
	}
	m.blocks.WithLabelValues(channel).Observe(t.Total().Seconds())
	m.groups.WithLabelValues(channel).Observe(float64(t.Group))
}

// pendingBlocks is a metric that is looked at when it is asked for.
type pendingBlocks struct {
	each func(func(channel string, blocks int))
}

func (p pendingBlocks) desc() *prometheus.Desc {
	return prometheus.NewDesc("weft_commit_pending_blocks", "Blocks that are here and not on the ledger yet.", []string{"channel"}, nil)
}

// Describe implements prometheus.Collector.
func (p pendingBlocks) Describe(out chan<- *prometheus.Desc) { out <- p.desc() }

// Collect implements prometheus.Collector.
func (p pendingBlocks) Collect(out chan<- prometheus.Metric) {
	p.each(func(channel string, blocks int) {
		out <- prometheus.MustNewConstMetric(p.desc(), prometheus.GaugeValue, float64(blocks), channel)
	})
}
