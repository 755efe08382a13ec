// The runtime's side of NRI, by the library that containerd and CRI-O use, told what to do on stdin
// and telling of it on stdout, a line of JSON each; and its multiplexer alone.
//
//	nri-peer runtime SOCKET PLUGINS     a runtime; PLUGINS is the folder of those that it launches
//	nri-peer mux SOCKET                 sends back what comes on connections 1 to 3
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/containerd/nri/pkg/adaptation"
	"github.com/containerd/nri/pkg/api"
	"github.com/containerd/nri/pkg/net/multiplex"
)

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: nri-peer runtime SOCKET PLUGINS | mux SOCKET"))
	}
	switch os.Args[1] {
	case "mux":
		echo(os.Args[2])
	case "runtime":
		serve(os.Args[2], os.Args[3])
	default:
		fail(fmt.Errorf("no such role: %s", os.Args[1]))
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// echo reads as much as a frame may carry, so that nothing is too large for it.
func echo(path string) {
	listener, err := net.Listen("unix", path)
	if err != nil {
		fail(err)
	}
	tell(map[string]any{"listens": path})
	for {
		trunk, err := listener.Accept()
		if err != nil {
			fail(err)
		}
		mux := multiplex.Multiplex(trunk, multiplex.WithBlockedRead(), multiplex.WithReadQueueLength(1<<16))
		for id := multiplex.ConnID(1); id <= 3; id++ {
			conn, err := mux.Open(id)
			if err != nil {
				fail(err)
			}
			go func() {
				buffer := make([]byte, 4<<20+10)
				for {
					n, err := conn.Read(buffer)
					if err != nil {
						return
					}
					if _, err := conn.Write(buffer[:n]); err != nil {
						return
					}
				}
			}()
		}
		mux.Unblock()
	}
}

// command is what the test wants: a call to every plugin.
type command struct {
	Do         string            `json:"do"`
	Id         string            `json:"id"`
	Env        []string          `json:"env"`
	Containers int               `json:"containers"`
	Bytes      int               `json:"bytes"`
	Shares     uint64            `json:"shares"`
	Annotation map[string]string `json:"annotations"`
}

// runtime is what a container runtime does with NRI, and nothing else.
type runtime struct {
	sync.Mutex
	nri        *adaptation.Adaptation
	pods       []*api.PodSandbox
	containers []*api.Container
}

func serve(path, plugins string) {
	r := &runtime{}
	var err error
	// The tests' machine may be slow; the default is 2 s.
	adaptation.SetPluginRequestTimeout(20 * time.Second)
	r.nri, err = adaptation.New("nri-peer", "v1.2.3", r.synchronize, r.update,
		adaptation.WithSocketPath(path),
		adaptation.WithPluginPath(plugins),
		adaptation.WithPluginConfigPath(plugins+".conf"))
	if err != nil {
		fail(err)
	}
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<24)
	for input.Scan() {
		var c command
		if err := json.Unmarshal(input.Bytes(), &c); err != nil {
			fail(err)
		}
		result, err := r.run(c)
		if err != nil {
			tell(map[string]any{"did": c.Do, "error": err.Error()})
			continue
		}
		tell(map[string]any{"did": c.Do, "result": result})
	}
	r.nri.Stop()
}

func (r *runtime) run(c command) (any, error) {
	ctx := context.Background()
	pod := &api.PodSandbox{Id: "pod", Name: "pod", Namespace: "default", Annotations: c.Annotation}
	container := &api.Container{Id: c.Id, PodSandboxId: "pod", Name: c.Id, Env: c.Env}
	resources := &api.LinuxResources{Cpu: &api.LinuxCPU{Shares: api.UInt64(c.Shares)}}
	switch c.Do {
	case "fill":
		return r.fill(c.Containers, c.Bytes), nil
	case "start":
		return nil, r.nri.Start()
	case "stop":
		r.nri.Stop()
		return nil, nil
	case "run-pod":
		return nil, r.nri.RunPodSandbox(ctx, &api.RunPodSandboxRequest{Pod: pod})
	case "create":
		container.Annotations = map[string]string{"large": strings.Repeat("x", c.Bytes)}
		return r.nri.CreateContainer(ctx, &api.CreateContainerRequest{Pod: pod, Container: container})
	case "update":
		return r.nri.UpdateContainer(ctx, &api.UpdateContainerRequest{
			Pod: pod, Container: container, LinuxResources: resources,
		})
	case "stop-container":
		return r.nri.StopContainer(ctx, &api.StopContainerRequest{Pod: pod, Container: container})
	case "remove":
		return nil, r.nri.RemoveContainer(ctx, &api.RemoveContainerRequest{Pod: pod, Container: container})
	}
	return nil, fmt.Errorf("no such command: %s", c.Do)
}

// fill makes containers that the next plugin is synchronised with, each in a pod: the library that
// has to split its message never ends when there are few pods for its containers.
func (r *runtime) fill(count, bytes int) int {
	r.Lock()
	defer r.Unlock()
	r.pods, r.containers = nil, nil
	for n := range count {
		id := fmt.Sprintf("c%d", n)
		large := map[string]string{"large": strings.Repeat("x", bytes)}
		r.pods = append(r.pods, &api.PodSandbox{Id: id, Name: id})
		r.containers = append(r.containers, &api.Container{Id: id, PodSandboxId: id, Name: id, Annotations: large})
	}
	return count
}

func (r *runtime) synchronize(ctx context.Context, callback adaptation.SyncCB) error {
	r.Lock()
	pods, containers := r.pods, r.containers
	r.Unlock()
	updates, err := callback(ctx, pods, containers)
	told := map[string]any{"synchronized": len(containers), "updates": len(updates)}
	if err != nil {
		told["error"] = err.Error()
	}
	tell(told)
	return err
}

func (r *runtime) update(_ context.Context, updates []*api.ContainerUpdate) ([]*api.ContainerUpdate, error) {
	ids := []string{}
	for _, update := range updates {
		ids = append(ids, update.ContainerId)
	}
	tell(map[string]any{"updated": ids})
	return nil, nil
}

var output sync.Mutex

func tell(value any) {
	output.Lock()
	defer output.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		fail(err)
	}
}
