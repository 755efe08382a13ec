// The Go peer of the benchmark: ttrpc as containerd has it, both roles.
//
//	peer serve go SOCKET
//	peer drive go SOCKET
//
// It says what ../protocol.ts describes. The messages are generated ones that Go's modules bring
// along, with the fields of those in ../bench.proto.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
)

const service = "bench.v1.Bench"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: peer serve|drive go SOCKET")
	}
	answer := func(line string) (any, error) { return nil, fmt.Errorf("a server takes no job") }
	if args[0] == "serve" {
		if err := serve(args[2]); err != nil {
			return err
		}
	} else {
		driver, err := newDriver(args[2])
		if err != nil {
			return err
		}
		answer = driver.run
	}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var result any
		var err error
		switch line := lines.Text(); line {
		case "usage":
			result = usage()
		case "settle":
			result = settle()
		default:
			result, err = answer(line)
		}
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
			return err
		}
	}
	return lines.Err()
}

type used struct {
	CPUSeconds float64 `json:"cpuSeconds"`
	PeakBytes  int64   `json:"peakBytes"`
	RSSBytes   int64   `json:"rssBytes"`
}

func usage() used {
	var self syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &self); err != nil {
		return used{}
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return used{CPUSeconds: seconds(self.Utime) + seconds(self.Stime), PeakBytes: peak(int64(self.Maxrss) * 1024), RSSBytes: status("VmRSS")}
}

type settled struct {
	RSSBytes    int64 `json:"rssBytes"`
	HeapBytes   int64 `json:"heapBytes"`
	Timers      int64 `json:"timers"`
	OpenStreams int64 `json:"openStreams"`
}

// settle collects garbage, gives what is free back to the system, and says what remains.
func settle() settled {
	debug.FreeOSMemory()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return settled{RSSBytes: status("VmRSS"), HeapBytes: int64(memory.HeapAlloc)}
}

// peak prefers Linux's VmHWM: Maxrss counts what the parent had before the program was loaded.
func peak(otherwise int64) int64 {
	if bytes := status("VmHWM"); bytes > 0 {
		return bytes
	}
	return otherwise
}

// status reads a number of bytes that Linux says of this process; elsewhere it is 0.
func status(name string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		var kilobytes int64
		if _, err := fmt.Sscanf(line, name+": %d kB", &kilobytes); err == nil {
			return kilobytes * 1024
		}
	}
	return 0
}
