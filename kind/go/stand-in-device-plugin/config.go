package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// resource is what the configuration says about one kind of device.
type resource struct {
	Name      string `json:"resourceName"`
	Prefix    string `json:"resourcePrefix"`
	Selectors struct {
		Cards []string `json:"pfNames"`
	} `json:"selectors"`
}

// fullName is what pods ask for: nvidia.com/mlnx_sriov_netdevice.
func (r resource) fullName() string {
	return r.Prefix + "/" + r.Name
}

// variable is where a container finds its devices, as with the real plugin.
func (r resource) variable() string {
	return "PCIDEVICE_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_", "/", "_").Replace(r.fullName()))
}

func readResources(path string) ([]resource, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var config struct {
		Resources []resource `json:"resourceList"`
	}
	if err := json.Unmarshal(content, &config); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, one := range config.Resources {
		if one.Name == "" || one.Prefix == "" || len(one.Selectors.Cards) == 0 {
			return nil, fmt.Errorf("%s: a resource lacks resourceName, resourcePrefix or pfNames", path)
		}
	}
	if len(config.Resources) == 0 {
		return nil, fmt.Errorf("%s: no resource in resourceList", path)
	}
	return config.Resources, nil
}
