package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// description is what the real plugin tells Multus about a function. Multus adds it to the status of a pod's networks,
// and the controller takes no network without it for a virtual function.
type description struct {
	Type    string            `json:"type"`
	Version string            `json:"version"`
	PCI     map[string]string `json:"pci"`
}

// tell describes the functions that are not described yet. A function has no PCI address, so its name stands for it.
func (p *plugin) tell() error {
	if p.descriptions == "" {
		return nil
	}
	if err := os.MkdirAll(p.descriptions, 0o755); err != nil {
		return err
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, device := range p.devices {
		if err := p.describe(device.ID); err != nil {
			return err
		}
	}
	return nil
}

func (p *plugin) describe(id string) error {
	path := p.description(id)
	if exists(path) {
		return nil
	}
	content, err := json.Marshal(description{"pci", "1.1.0", map[string]string{"pci-address": id}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".part", content, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

// description is where Multus looks for that of a function.
func (p *plugin) description(id string) string {
	resource := strings.ReplaceAll(p.resource.fullName(), "/", "-")
	return filepath.Join(p.descriptions, resource+"-"+id+"-device.json")
}
