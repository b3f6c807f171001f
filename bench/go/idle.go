package main

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const openers = 200

func serveIdle() (answers, func(io.ReadWriteCloser)) {
	var lock sync.Mutex
	var held []io.ReadWriteCloser
	var reading int32
	var base float64
	return answers{
			"base": func(float64) measures {
				lock.Lock()
				held = nil
				lock.Unlock()
				base = settledRss()
				return measures{}
			},
			"rss":     func(float64) measures { return measures{"bytes": settledRss() - base} },
			"streams": func(float64) measures { return measures{"streams": float64(len(held))} },
			"read": func(float64) measures {
				atomic.StoreInt32(&reading, 1)
				for _, stream := range held {
					go readOne(stream)
				}
				time.Sleep(200 * time.Millisecond)
				return measures{"bytes": settledRss() - base}
			},
		}, func(stream io.ReadWriteCloser) {
			lock.Lock()
			held = append(held, stream)
			lock.Unlock()
			if readOne(stream) == nil {
				_, err := stream.Write([]byte{1})
				check(err)
			}
		}
}

func readOne(stream io.Reader) error {
	_, err := io.ReadFull(stream, make([]byte, 1))
	return err
}

func openAll(s session, count int) []io.ReadWriteCloser {
	held := make([]io.ReadWriteCloser, count)
	var next int64 = -1
	var all sync.WaitGroup
	all.Add(openers)
	for worker := 0; worker < openers; worker++ {
		go func() {
			defer all.Done()
			for {
				i := atomic.AddInt64(&next, 1)
				if i >= int64(count) {
					return
				}
				stream := mustOpen(s)
				_, err := stream.Write([]byte{1})
				check(err)
				check(readOne(stream))
				held[i] = stream
			}
		}()
	}
	all.Wait()
	return held
}

// idle is work D. A pending read costs a goroutine with its stack: that is what "reading" means here.
func idle(s session, o options) measures {
	for _, stream := range openAll(s, 2_000) {
		check(stream.Close())
	}
	ask("base", 0)
	base := settledRss()
	start := time.Now()
	held := openAll(s, o.Idle)
	seconds := time.Since(start).Seconds()
	if streams := ask("streams", 0)["streams"]; streams != float64(o.Idle) {
		fail(fmt.Errorf("the server holds %.0f streams of %d", streams, o.Idle))
	}
	n := float64(o.Idle)
	result := measures{"count": n, "openSeconds": seconds, "streamsPerSecond": n / seconds}
	result["clientHeldBytes"] = (settledRss() - base) / n
	result["serverHeldBytes"] = ask("rss", 0)["bytes"] / n
	for _, stream := range held {
		go func(stream io.Reader) { _ = readOne(stream) }(stream)
	}
	time.Sleep(200 * time.Millisecond)
	result["clientPendingBytes"] = (settledRss() - base) / n
	result["serverPendingBytes"] = ask("read", 0)["bytes"] / n
	return result
}
