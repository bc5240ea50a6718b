package main

import (
	"context"
	"fmt"
	"io/fs"
	"log"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

// How long the kubelet may take to answer a registration.
const registrationDeadline = 5 * time.Second

// plugin offers the functions of the cards of one resource.
type plugin struct {
	api.UnimplementedDevicePluginServer
	resource  resource
	functions int
	folder    string
	isThere   func(card string) bool
	// Where functions are described to Multus; empty if they are not.
	descriptions string

	mutex   sync.Mutex
	devices []*api.Device
	changed chan struct{} // closed when the devices have changed
}

func newPlugin(resource resource, functions int, folder string, isThere func(string) bool) *plugin {
	return &plugin{
		resource: resource, functions: functions, folder: folder, isThere: isThere, changed: make(chan struct{}),
	}
}

// run serves until the context ends. A kubelet that starts again has removed the socket and made its own anew: then
// the plugin serves and registers again.
func (p *plugin) run(ended context.Context, interval time.Duration) {
	var server *grpc.Server
	var known fs.FileInfo
	stop := func() {
		if server != nil {
			server.Stop() // removes its socket
			server = nil
		}
	}
	defer stop()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	said := ""
	for {
		p.look()
		kubelet, err := os.Stat(p.kubelet())
		if err == nil {
			err = p.tell()
		}
		if err == nil && (server == nil || !os.SameFile(known, kubelet) || !exists(p.socket())) {
			stop()
			if server, err = p.start(ended); err == nil {
				known = kubelet
				log.Printf("%s: registered", p.resource.fullName())
			}
		}
		if err != nil && err.Error() != said {
			log.Printf("%s: %v; trying again", p.resource.fullName(), err)
		}
		said = fmt.Sprint(err)
		select {
		case <-ended.Done():
			return
		case <-tick.C:
		}
	}
}

// look finds out which cards are there. The functions of a card that has gone stay in the list, as unhealthy ones:
// a pod may hold them.
func (p *plugin) look() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	var found []*api.Device
	for _, card := range p.resource.Selectors.Cards {
		health := api.Unhealthy
		if p.isThere(card) {
			health = api.Healthy
		} else if !p.isKnown(card) {
			continue
		}
		for number := range p.functions {
			found = append(found, &api.Device{ID: function(card, number), Health: health})
		}
	}
	if !slices.EqualFunc(found, p.devices, isSame) {
		log.Printf("%s: %s", p.resource.fullName(), describe(found))
		p.devices = found
		close(p.changed)
		p.changed = make(chan struct{})
	}
}

func (p *plugin) isKnown(card string) bool {
	return slices.ContainsFunc(p.devices, func(known *api.Device) bool { return known.ID == function(card, 0) })
}

func (p *plugin) start(ended context.Context) (*grpc.Server, error) {
	if err := os.Remove(p.socket()); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	listener, err := net.Listen("unix", p.socket())
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer()
	api.RegisterDevicePluginServer(server, p)
	go func() {
		if err := server.Serve(listener); err != nil {
			log.Printf("%s: %v", p.resource.fullName(), err)
		}
	}()
	if err := p.register(ended); err != nil {
		server.Stop()
		return nil, err
	}
	return server, nil
}

func (p *plugin) register(ended context.Context) error {
	connection, err := grpc.NewClient("unix://"+p.kubelet(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	within, cancel := context.WithTimeout(ended, registrationDeadline)
	defer cancel()
	_, err = api.NewRegistrationClient(connection).Register(within, &api.RegisterRequest{
		Version:      api.Version,
		Endpoint:     filepath.Base(p.socket()),
		ResourceName: p.resource.fullName(),
		Options:      &api.DevicePluginOptions{},
	})
	return err
}

// GetDevicePluginOptions says that the kubelet needs to call nothing but ListAndWatch and Allocate.
func (p *plugin) GetDevicePluginOptions(context.Context, *api.Empty) (*api.DevicePluginOptions, error) {
	return &api.DevicePluginOptions{}, nil
}

// ListAndWatch sends the devices, and sends them again whenever they change.
func (p *plugin) ListAndWatch(_ *api.Empty, stream api.DevicePlugin_ListAndWatchServer) error {
	for {
		p.mutex.Lock()
		devices, changed := p.devices, p.changed
		p.mutex.Unlock()
		if err := stream.Send(&api.ListAndWatchResponse{Devices: devices}); err != nil {
			return err
		}
		select {
		case <-stream.Context().Done():
			return nil
		case <-changed:
		}
	}
}

// Allocate tells each container the devices that the kubelet chose for it, as the real plugin does.
func (p *plugin) Allocate(_ context.Context, asked *api.AllocateRequest) (*api.AllocateResponse, error) {
	answer := &api.AllocateResponse{}
	for _, container := range asked.ContainerRequests {
		for _, id := range container.DevicesIDs {
			if !p.has(id) {
				return nil, fmt.Errorf("%s: no device %s", p.resource.fullName(), id)
			}
		}
		answer.ContainerResponses = append(answer.ContainerResponses, &api.ContainerAllocateResponse{
			Envs: map[string]string{p.resource.variable(): strings.Join(container.DevicesIDs, ",")},
		})
	}
	return answer, nil
}

func (p *plugin) has(id string) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return slices.ContainsFunc(p.devices, func(known *api.Device) bool { return known.ID == id })
}

func (p *plugin) socket() string {
	return filepath.Join(p.folder, strings.ReplaceAll(p.resource.fullName(), "/", "_")+".sock")
}

func (p *plugin) kubelet() string {
	return filepath.Join(p.folder, filepath.Base(api.KubeletSocket))
}

// function is the name of a function of a card. It is the same whenever it is asked for: pods hold functions by name.
func function(card string, number int) string {
	return fmt.Sprintf("%sv%d", card, number)
}

func isSame(one, other *api.Device) bool {
	return one.ID == other.ID && one.Health == other.Health
}

func describe(devices []*api.Device) string {
	healthy := 0
	for _, device := range devices {
		if device.Health == api.Healthy {
			healthy++
		}
	}
	return fmt.Sprintf("%d stand-in functions, %d of them healthy", len(devices), healthy)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
