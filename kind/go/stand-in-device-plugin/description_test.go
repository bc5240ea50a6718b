package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestEachFunctionIsDescribedWhereMultusLooks(t *testing.T) {
	resources, err := read(t, config)
	if err != nil {
		t.Fatal(err)
	}
	offer := newPlugin(resources[0], 2, t.TempDir(), func(card string) bool { return card == "ens9f0np0" })
	offer.descriptions = filepath.Join(t.TempDir(), "devinfo", "dp")
	offer.look()
	for range 2 { // what is there stays
		if err := offer.tell(); err != nil {
			t.Fatal(err)
		}
	}
	found, err := os.ReadDir(offer.descriptions)
	if err != nil || len(found) != 2 {
		t.Fatalf("%d descriptions, %v", len(found), err)
	}
	name := filepath.Join(offer.descriptions, "nvidia.com-mlnx_sriov_netdevice-ens9f0np0v1-device.json")
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var told description
	if err := json.Unmarshal(content, &told); err != nil {
		t.Fatal(err)
	}
	if told.Type != "pci" || told.PCI["pci-address"] != "ens9f0np0v1" {
		t.Fatalf("told %s", content)
	}
}

func TestNothingIsOfferedThatCannotBeDescribed(t *testing.T) {
	resources, err := read(t, config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	offer := newPlugin(resources[0], 2, t.TempDir(), func(string) bool { return true })
	offer.descriptions = file
	if err := offer.tell(); err == nil {
		t.Fatal("described into a file")
	}
}
