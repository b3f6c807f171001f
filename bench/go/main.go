// The Go peers of the benchmark: the same works, options, questions and answers as work/*.ts, over
// hashicorp/yamux and xtaci/smux as Debian packages them. Built without modules, GOPATH=/usr/share/gocode.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

type arguments struct {
	Role    string  `json:"role"`
	Work    string  `json:"work"`
	Port    int     `json:"port"`
	Options options `json:"options"`
}

type options struct {
	Seconds  float64 `json:"seconds"`
	Streams  int     `json:"streams"`
	Idle     int     `json:"idle"`
	MaxOpens int     `json:"maxOpens"`
}

type measures map[string]float64

func fail(err error) {
	tell(map[string]string{"error": err.Error()})
	os.Exit(1)
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}

func peakRss() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Maxrss) * 1024
}

// settledRss is what is resident after a collection that gives all free pages back.
func settledRss() float64 {
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/statm")
	check(err)
	pages, err := strconv.ParseFloat(strings.Fields(string(status))[1], 64)
	check(err)
	return pages * float64(os.Getpagesize())
}

func main() {
	var args arguments
	check(json.Unmarshal([]byte(os.Args[2]), &args))
	peer := os.Args[1]
	if args.Role == "server" {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		answers, handle := serve(args.Work, args.Options)
		answers["cpu"] = func(float64) measures { return measures{"seconds": cpuSeconds()} }
		go func() {
			conn, err := listener.Accept()
			check(err)
			session, err := newSession(peer, conn, true)
			check(err)
			for {
				stream, err := session.accept()
				if err != nil {
					return
				}
				go handle(stream)
			}
		}()
		tell(map[string]int{"port": listener.Addr().(*net.TCPAddr).Port})
		answerAll(answers)
		return
	}
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", args.Port))
	check(err)
	session, err := newSession(peer, conn, false)
	check(err)
	tell(map[string]measures{"result": run(args.Work, session, args.Options)})
}
