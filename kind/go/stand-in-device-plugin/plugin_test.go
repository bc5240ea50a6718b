package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

const (
	config = `{"resourceList": [{"resourceName": "mlnx_sriov_netdevice", "resourcePrefix": "nvidia.com",
		"selectors": {"pfNames": ["ens9f0np0", "ens9f1np1"]}}]}`
	tick     = 5 * time.Millisecond
	deadline = 10 * time.Second
)

// kubelet is the part of a kubelet that plugins register with.
type kubelet struct {
	server   *grpc.Server
	requests chan *api.RegisterRequest
}

func (k *kubelet) Register(_ context.Context, request *api.RegisterRequest) (*api.Empty, error) {
	k.requests <- request
	return &api.Empty{}, nil
}

// startKubelet begins as the real one does: it removes all sockets that are in its folder.
func startKubelet(t *testing.T, folder string) *kubelet {
	t.Helper()
	sockets, _ := filepath.Glob(filepath.Join(folder, "*"))
	for _, socket := range sockets {
		if err := os.Remove(socket); err != nil {
			t.Fatal(err)
		}
	}
	listener, err := net.Listen("unix", filepath.Join(folder, "kubelet.sock"))
	if err != nil {
		t.Fatal(err)
	}
	found := &kubelet{grpc.NewServer(), make(chan *api.RegisterRequest, 10)}
	api.RegisterRegistrationServer(found.server, found)
	go func() { _ = found.server.Serve(listener) }()
	t.Cleanup(found.server.Stop)
	return found
}

func (k *kubelet) registered(t *testing.T) *api.RegisterRequest {
	t.Helper()
	select {
	case request := <-k.requests:
		return request
	case <-time.After(deadline):
		t.Fatal("nobody registered")
		return nil
	}
}

// cards are the interfaces of a node.
type cards struct {
	mutex sync.Mutex
	there map[string]bool
}

func (c *cards) set(card string, there bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.there[card] = there
}

func (c *cards) isThere(card string) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.there[card]
}

func read(t *testing.T, content string) ([]resource, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return readResources(path)
}

// offered runs a plugin on a node with the first card, until the test ends.
func offered(t *testing.T, folder string) (*plugin, *cards, func()) {
	t.Helper()
	resources, err := read(t, config)
	if err != nil {
		t.Fatal(err)
	}
	node := &cards{there: map[string]bool{"ens9f0np0": true}}
	offer := newPlugin(resources[0], 2, folder, node.isThere)
	ended, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		offer.run(ended, tick)
	}()
	end := func() {
		stop()
		<-done
	}
	t.Cleanup(end)
	return offer, node, end
}

func connect(t *testing.T, folder, endpoint string) api.DevicePluginClient {
	t.Helper()
	address := "unix://" + filepath.Join(folder, endpoint)
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return api.NewDevicePluginClient(connection)
}

func watch(t *testing.T, client api.DevicePluginClient) api.DevicePlugin_ListAndWatchClient {
	t.Helper()
	within, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	stream, err := client.ListAndWatch(within, &api.Empty{})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func expect(t *testing.T, stream api.DevicePlugin_ListAndWatchClient, wanted map[string]string) {
	t.Helper()
	answer, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, device := range answer.Devices {
		found[device.ID] = device.Health
	}
	if !reflect.DeepEqual(found, wanted) {
		t.Fatalf("%v, not %v", found, wanted)
	}
}

func TestTheFunctionsOfTheNodesCardAreOffered(t *testing.T) {
	folder := t.TempDir()
	node := startKubelet(t, folder)
	offered(t, folder)
	request := node.registered(t)
	if request.ResourceName != "nvidia.com/mlnx_sriov_netdevice" || request.Version != api.Version {
		t.Fatalf("%v", request)
	}
	stream := watch(t, connect(t, folder, request.Endpoint))
	expect(t, stream, map[string]string{"ens9f0np0v0": api.Healthy, "ens9f0np0v1": api.Healthy})
}

func TestFunctionsAreUnhealthyWhileTheirCardIsGone(t *testing.T) {
	folder := t.TempDir()
	kubelet := startKubelet(t, folder)
	_, node, _ := offered(t, folder)
	stream := watch(t, connect(t, folder, kubelet.registered(t).Endpoint))
	there := map[string]string{"ens9f0np0v0": api.Healthy, "ens9f0np0v1": api.Healthy}
	expect(t, stream, there)
	node.set("ens9f0np0", false)
	expect(t, stream, map[string]string{"ens9f0np0v0": api.Unhealthy, "ens9f0np0v1": api.Unhealthy})
	node.set("ens9f0np0", true)
	expect(t, stream, there)
}

func TestAContainerIsToldTheDevicesThatTheKubeletChose(t *testing.T) {
	folder := t.TempDir()
	node := startKubelet(t, folder)
	offered(t, folder)
	client := connect(t, folder, node.registered(t).Endpoint)
	answer, err := client.Allocate(context.Background(), &api.AllocateRequest{
		ContainerRequests: []*api.ContainerAllocateRequest{
			{DevicesIDs: []string{"ens9f0np0v1"}}, {DevicesIDs: []string{"ens9f0np0v0", "ens9f0np0v1"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	const name = "PCIDEVICE_NVIDIA_COM_MLNX_SRIOV_NETDEVICE"
	for number, wanted := range []string{"ens9f0np0v1", "ens9f0np0v0,ens9f0np0v1"} {
		if found := answer.ContainerResponses[number].Envs[name]; found != wanted {
			t.Errorf("%q, not %q", found, wanted)
		}
	}
}

func TestADeviceThatIsNotThereIsRefused(t *testing.T) {
	folder := t.TempDir()
	node := startKubelet(t, folder)
	offered(t, folder)
	client := connect(t, folder, node.registered(t).Endpoint)
	_, err := client.Allocate(context.Background(), &api.AllocateRequest{
		ContainerRequests: []*api.ContainerAllocateRequest{{DevicesIDs: []string{"ens9f1np1v0"}}},
	})
	if err == nil {
		t.Fatal("a function of another node's card was given")
	}
}

func TestItRegistersAgainWhenTheKubeletStartsAgain(t *testing.T) {
	folder := t.TempDir()
	first := startKubelet(t, folder)
	offered(t, folder)
	first.registered(t)
	first.server.Stop()
	second := startKubelet(t, folder)
	stream := watch(t, connect(t, folder, second.registered(t).Endpoint))
	expect(t, stream, map[string]string{"ens9f0np0v0": api.Healthy, "ens9f0np0v1": api.Healthy})
}

func TestItWaitsForAKubeletThatIsNotThereYet(t *testing.T) {
	folder := t.TempDir()
	offered(t, folder)
	startKubelet(t, folder).registered(t)
}

func TestItsSocketIsGoneWhenItEnds(t *testing.T) {
	folder := t.TempDir()
	node := startKubelet(t, folder)
	offer, _, end := offered(t, folder)
	node.registered(t)
	end()
	if exists(offer.socket()) {
		t.Fatal("the socket is still there")
	}
}

func TestAConfigurationThatSaysNothingIsRefused(t *testing.T) {
	for _, content := range []string{"", "{}", `{"resourceList": [{"resourceName": "x"}]}`} {
		if _, err := read(t, content); err == nil {
			t.Errorf("%q was accepted", content)
		}
	}
}
