package raft

import (
	"errors"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/weft-network/weft/ledger/store"
	"github.com/weft-network/weft/ledger/store/storetest"
)

// Whatever write or sync fails, the log says so and takes no more: nobody knows
// what the disk holds. What it took before is there after a restart.
func TestALogThatCouldNotBeWrittenTakesNoMore(t *testing.T) {
	failed := errors.New("the disk failed")
	open := func(disk *storetest.Disk) (*store.Log, *diskLog, error) {
		files, err := store.OpenLog("raft", store.Options{FS: disk, Forgets: true, SegmentBytes: 200})
		if err != nil {
			return nil, nil, err
		}
		l, err := openLog(files, []uint64{1}, snapData{hash: []byte("genesis")})
		return files, l, err
	}
	for cut := int64(1); ; cut++ {
		disk := storetest.NewDisk()
		disk.BeforeWrite = func(i int64, _ string) error {
			if i == cut {
				return failed
			}
			return nil
		}
		saved := uint64(1)
		files, l, err := open(disk)
		for i := saved + 1; err == nil && i <= 6; i++ {
			if err = l.save(nil, []*pb.Entry{{Index: new(i), Term: new(uint64(1)), Data: []byte("some data")}}, nil, true); err == nil {
				saved = i
			}
		}
		if err == nil {
			if cut < 10 {
				t.Fatalf("there were %d writes only", cut)
			}
			return
		}
		if !errors.Is(err, failed) {
			t.Fatalf("write %d: %v", cut, err)
		}
		if l != nil && l.snap != nil {
			if err := l.save(nil, []*pb.Entry{{Index: new(saved + 1), Term: new(uint64(1))}}, nil, true); !errors.Is(err, errLog) {
				t.Fatalf("write %d: the log goes on: %v", cut, err)
			}
		}
		if files != nil {
			_ = files.Close() // it says once more what failed
		}
		files, l, err = open(disk)
		if err != nil {
			t.Fatalf("write %d: opened again: %v", cut, err)
		}
		if last, err := l.LastIndex(); err != nil || last < saved {
			t.Fatalf("write %d: the log ends at entry %d, and %d was saved", cut, last, saved)
		}
		if err := files.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
