//go:build tools

// Package tools pins the commands this module builds, so that go.sum covers what they import.
package tools

import (
	_ "github.com/Mellanox/nvidia-k8s-ipam/cmd/ipam-controller"
	_ "github.com/Mellanox/nvidia-k8s-ipam/cmd/ipam-node"
	_ "github.com/Mellanox/nvidia-k8s-ipam/cmd/nv-ipam"
)
