package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"
)

const (
	chunkSize  = 64 * 1024
	headerSize = 16
	mib        = 1024 * 1024
)

const (
	kindCount = iota
	kindHash
	kindFair
	kindEndless
	kindEcho
)

// pattern repeats every 64 KiB: the byte at position p of a stream is known to both ends.
var pattern = func() []byte {
	bytes := make([]byte, chunkSize)
	state := uint32(0x9e3779b9)
	for i := range bytes {
		state ^= state << 13
		state ^= state >> 17
		state ^= state << 5
		bytes[i] = byte(state)
	}
	return bytes
}()

func introduce(stream io.Writer, kind int, length int64) {
	header := make([]byte, headerSize)
	binary.BigEndian.PutUint32(header, uint32(kind))
	binary.BigEndian.PutUint64(header[8:], math.Float64bits(float64(length)))
	_, err := stream.Write(header)
	check(err)
}

// transfer sends one stream from header to answer, in writes of `size` bytes.
func transfer(stream io.ReadWriteCloser, kind int, size int, length int64) []byte {
	introduce(stream, kind, length)
	for sent := int64(0); sent < length; sent += int64(size) {
		at := int(sent % chunkSize)
		_, err := stream.Write(pattern[at : at+size])
		check(err)
	}
	answer := make([]byte, 1)
	if kind == kindHash {
		answer = make([]byte, sha256.Size)
	}
	_, err := io.ReadFull(stream, answer)
	check(err)
	check(stream.Close())
	return answer
}

func verify(stream io.ReadWriteCloser, size int, length int64) {
	expected := sha256.New()
	for sent := int64(0); sent < length; sent += chunkSize {
		expected.Write(pattern)
	}
	if string(transfer(stream, kindHash, size, length)) != string(expected.Sum(nil)) {
		fail(fmt.Errorf("the receiver's SHA-256 differs"))
	}
}

type sinks struct {
	lock     sync.Mutex
	streams  int
	fair     []*int64
	fairness float64
	endless  int64
}

func (s *sinks) note() {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.fairness != 0 || len(s.fair) < s.streams {
		return
	}
	least, most := int64(math.MaxInt64), int64(0)
	for _, count := range s.fair {
		value := atomic.LoadInt64(count)
		if value < least {
			least = value
		}
		if value > most {
			most = value
		}
	}
	s.fairness = float64(least) / float64(most)
}

func (s *sinks) accept(stream io.ReadWriteCloser) {
	defer stream.Close()
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(stream, header); err != nil {
		return
	}
	kind := int(binary.BigEndian.Uint32(header))
	length := int64(math.Float64frombits(binary.BigEndian.Uint64(header[8:])))
	switch kind {
	case kindEcho:
		s.echo(stream)
	case kindHash:
		hash := sha256.New()
		_, err := io.CopyN(hash, stream, length)
		check(err)
		_, err = stream.Write(hash.Sum(nil))
		check(err)
	case kindEndless:
		s.count(stream, &s.endless, math.MaxInt64)
		return
	default:
		counter := new(int64)
		if kind == kindFair {
			s.lock.Lock()
			s.fair = append(s.fair, counter)
			s.lock.Unlock()
		}
		s.count(stream, counter, length)
		if kind == kindFair {
			s.note()
		}
		_, err := stream.Write([]byte{0})
		check(err)
	}
	// Until the other side has closed: smux drops what is on its way when we close first.
	_, _ = io.Copy(io.Discard, stream)
}

func (s *sinks) count(stream io.Reader, counter *int64, length int64) {
	buffer := make([]byte, chunkSize)
	received := int64(0)
	for received < length {
		n, err := stream.Read(buffer)
		if n > 0 {
			if buffer[0] != pattern[received%chunkSize] || buffer[n-1] != pattern[(received+int64(n)-1)%chunkSize] {
				fail(fmt.Errorf("wrong byte near %d", received))
			}
			received += int64(n)
			atomic.StoreInt64(counter, received)
		}
		if err != nil {
			if length == math.MaxInt64 {
				return
			}
			fail(fmt.Errorf("%d of %d bytes: %w", received, length, err))
		}
	}
}

func (s *sinks) echo(stream io.ReadWriter) {
	buffer := make([]byte, pingSize)
	for {
		if _, err := io.ReadFull(stream, buffer); err != nil {
			return
		}
		binary.BigEndian.PutUint64(buffer, math.Float64bits(float64(atomic.LoadInt64(&s.endless))))
		if _, err := stream.Write(buffer); err != nil {
			return
		}
	}
}
