// Command stand-in-device-plugin offers the functions of a stand-in card to the kubelet, as the SR-IOV network device
// plugin offers those of a real one. It reads the same configuration, and a device is a name that a pod holds.
//
// Usage: stand-in-device-plugin -config FILE -functions NUMBER
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"os/signal"
	"sync"
	"syscall"
	"time"

	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

// How often the cards and the kubelet's socket are looked at.
const interval = time.Second

func main() {
	config := flag.String("config", "/etc/pcidp/config.json", "configuration of the SR-IOV network device plugin")
	functions := flag.Int("functions", 0, "functions of each card")
	folder := flag.String("sockets", api.DevicePluginPath, "folder of the kubelet's sockets")
	descriptions := flag.String("descriptions", "/var/run/k8s.cni.cncf.io/devinfo/dp", "where Multus looks for devices")
	flag.Parse()
	resources, err := readResources(*config)
	if err != nil {
		log.Fatal(err)
	}
	if *functions < 1 {
		log.Fatalf("-functions %d: a card has at least one", *functions)
	}
	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	var all sync.WaitGroup
	for _, resource := range resources {
		offer := newPlugin(resource, *functions, *folder, isThere)
		offer.descriptions = *descriptions
		all.Add(1)
		go func() {
			defer all.Done()
			offer.run(ended, interval)
		}()
	}
	all.Wait()
}

func isThere(name string) bool {
	_, err := net.InterfaceByName(name)
	return err == nil
}
