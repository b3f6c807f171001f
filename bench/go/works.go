package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

const (
	pingSize = 100
	inFlight = 100
)

func serve(work string, o options) (answers, func(io.ReadWriteCloser)) {
	switch work {
	case "C":
		return serveOpens()
	case "D":
		return serveIdle()
	}
	all := &sinks{streams: o.Streams}
	return answers{
		"fairness": func(float64) measures {
			return measures{"slowestToFastest": all.fairness, "serverPeakRss": peakRss()}
		},
		"bulk": func(expected float64) measures {
			for end := time.Now().Add(10 * time.Second); float64(atomic.LoadInt64(&all.endless)) < expected && time.Now().Before(end); {
				time.Sleep(5 * time.Millisecond)
			}
			return measures{"received": float64(atomic.LoadInt64(&all.endless))}
		},
	}, all.accept
}

func run(work string, s session, o options) measures {
	switch work {
	case "A":
		return stream(s, o, chunkSize, 4096*mib)
	case "B":
		return manyBulk(s, o)
	case "C":
		return opens(s, o)
	case "D":
		return idle(s, o)
	case "E":
		return pingPong(s, o, false)
	case "E2":
		return pingPong(s, o, true)
	}
	m := stream(s, o, 1024, 4_000_000*1024)
	m["messagesPerSecond"] = m["bytesPerSecond"] / 1024
	m["count"] = m["bytes"] / 1024
	return m
}

func mustOpen(s session) io.ReadWriteCloser {
	stream, err := s.open()
	check(err)
	return stream
}

func wholeChunks(bytes float64, unit int64) int64 {
	return int64(math.Ceil(bytes/float64(unit))) * unit
}

// timed runs the timed part: its wall time, and the CPU time of both processes.
func timed(part func()) measures {
	server, client, start := ask("cpu", 0)["seconds"], cpuSeconds(), time.Now()
	part()
	seconds := time.Since(start).Seconds()
	client = cpuSeconds() - client
	return measures{"seconds": seconds, "clientCpuSeconds": client, "serverCpuSeconds": ask("cpu", 0)["seconds"] - server}
}

// stream is works A and F: one stream, writes of `size` bytes.
func stream(s session, o options, size int, most float64) measures {
	warmUp := int64(64 * mib)
	start := time.Now()
	transfer(mustOpen(s), kindCount, size, warmUp)
	rate := float64(warmUp) / time.Since(start).Seconds()
	total := wholeChunks(math.Min(math.Max(rate*o.Seconds, float64(warmUp)), most), chunkSize)
	bulk := mustOpen(s)
	result := timed(func() { transfer(bulk, kindCount, size, total) })
	verify(mustOpen(s), size, 8*mib)
	result["bytesPerSecond"] = float64(total) / result["seconds"]
	result["bytes"] = float64(total)
	return result
}

func sendOnAll(s session, streams int, kind int, each int64) time.Duration {
	opened := make([]io.ReadWriteCloser, streams)
	for i := range opened {
		opened[i] = mustOpen(s)
	}
	var all sync.WaitGroup
	all.Add(streams)
	start := time.Now()
	for _, stream := range opened {
		go func(stream io.ReadWriteCloser) {
			transfer(stream, kind, chunkSize, each)
			all.Done()
		}(stream)
	}
	all.Wait()
	return time.Since(start)
}

func manyBulk(s session, o options) measures {
	n := int64(o.Streams)
	warmUp := wholeChunks(float64(128*mib/n), chunkSize)
	rate := float64(warmUp*n) / sendOnAll(s, o.Streams, kindCount, warmUp).Seconds()
	each := wholeChunks(math.Min(math.Max(rate*o.Seconds, 64*mib), 4096*mib)/float64(n), chunkSize)
	result := timed(func() { sendOnAll(s, o.Streams, kindFair, each) })
	for name, value := range ask("fairness", 0) {
		result[name] = value
	}
	result["clientPeakRss"] = peakRss()
	verify(mustOpen(s), chunkSize, 8*mib)
	result["bytes"] = float64(each * n)
	result["bytesPerSecond"] = result["bytes"] / result["seconds"]
	return result
}

func serveOpens() (answers, func(io.ReadWriteCloser)) {
	var streams, bytes int64
	return answers{
			"counted": func(float64) measures {
				return measures{"streams": float64(atomic.LoadInt64(&streams)), "bytes": float64(atomic.LoadInt64(&bytes))}
			},
		}, func(stream io.ReadWriteCloser) {
			atomic.AddInt64(&streams, 1)
			buffer := make([]byte, pingSize)
			for {
				n, err := stream.Read(buffer)
				if n > 0 {
					atomic.AddInt64(&bytes, int64(n))
					_, err := stream.Write(buffer[:n])
					check(err)
				}
				if err != nil {
					break
				}
			}
			_ = stream.Close()
		}
}

func openMany(s session, count int) time.Duration {
	var next int64
	var all sync.WaitGroup
	all.Add(inFlight)
	start := time.Now()
	for worker := 0; worker < inFlight; worker++ {
		go func() {
			defer all.Done()
			payload, echo := make([]byte, pingSize), make([]byte, pingSize)
			for {
				i := atomic.AddInt64(&next, 1)
				if i > int64(count) {
					return
				}
				for at := range payload {
					payload[at] = byte(i % 251)
				}
				stream := mustOpen(s)
				_, err := stream.Write(payload)
				check(err)
				_, err = io.ReadFull(stream, echo)
				check(err)
				if string(echo) != string(payload) {
					fail(fmt.Errorf("an echo came on the wrong stream"))
				}
				check(stream.Close())
				// yamux: until the other side's end. smux has no half-close, this returns at once.
				_, _ = stream.Read(echo)
			}
		}()
	}
	all.Wait()
	return time.Since(start)
}

func opens(s session, o options) measures {
	warmUp := 2_500
	openMany(s, warmUp)
	rate := float64(warmUp) / openMany(s, warmUp).Seconds()
	count := int(math.Min(math.Max(rate*o.Seconds*1.5, inFlight), float64(o.MaxOpens-2*warmUp)))
	result := timed(func() { openMany(s, count) })
	expected := float64(2*warmUp + count)
	if counted := ask("counted", 0); counted["streams"] != expected || counted["bytes"] != expected*pingSize {
		fail(fmt.Errorf("the server counted %v, not %v streams", counted, expected))
	}
	result["streamsPerSecond"] = float64(count) / result["seconds"]
	result["count"] = float64(count)
	return result
}

type sortable []float64

func (s sortable) at(q float64) float64 {
	return s[int(math.Min(float64(len(s)-1), math.Floor(q*float64(len(s)))))]
}

// ping gives the microseconds of each round trip, and the bulk counter's first and last value with the time between.
func ping(stream io.ReadWriter, count int, seconds float64) (times sortable, bulk float64, lasted float64) {
	payload, echo := make([]byte, pingSize), make([]byte, pingSize)
	for i := range payload {
		payload[i] = 7
	}
	counter := func() float64 { return math.Float64frombits(binary.BigEndian.Uint64(echo)) }
	start := time.Now()
	var first float64
	var firstAt time.Time
	for len(times) < count && time.Since(start).Seconds() < seconds {
		sent := time.Now()
		_, err := stream.Write(payload)
		check(err)
		_, err = io.ReadFull(stream, echo)
		check(err)
		if echo[pingSize-1] != 7 {
			fail(fmt.Errorf("a wrong echo"))
		}
		times = append(times, float64(time.Since(sent).Nanoseconds())/1000)
		if len(times) == 1 {
			first, firstAt = counter(), time.Now()
		}
	}
	bulk, lasted = counter()-first, time.Since(firstAt).Seconds()
	sort.Float64s(times)
	return
}

func pingPong(s session, o options, underBulk bool) measures {
	stream := mustOpen(s)
	introduce(stream, kindEcho, 0)
	ping(stream, 3_000, o.Seconds)
	if !underBulk {
		times, _, _ := ping(stream, 20_000, o.Seconds*2)
		return measures{"p50Micros": times.at(0.5), "p99Micros": times.at(0.99), "pings": float64(len(times))}
	}
	bulkStream := mustOpen(s)
	var stop int32
	sent := make(chan int64)
	go func() {
		introduce(bulkStream, kindEndless, 0)
		total := int64(0)
		for atomic.LoadInt32(&stop) == 0 {
			_, err := bulkStream.Write(pattern)
			check(err)
			total += chunkSize
		}
		sent <- total
	}()
	ping(stream, 20_000, o.Seconds/3)
	times, bulk, lasted := ping(stream, 20_000, o.Seconds*2)
	atomic.StoreInt32(&stop, 1)
	total := <-sent
	if received := ask("bulk", float64(total))["received"]; received != float64(total) {
		fail(fmt.Errorf("%d bulk bytes were sent, %.0f came", total, received))
	}
	return measures{"p50Micros": times.at(0.5), "p99Micros": times.at(0.99), "pings": float64(len(times)), "bytesPerSecond": bulk / lasted, "bytes": float64(total)}
}
