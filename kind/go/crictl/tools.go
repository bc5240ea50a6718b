//go:build tools

// Package tools pins the command this module builds, so that go.sum covers what it imports.
package tools

import _ "github.com/kubernetes-sigs/cri-tools/cmd/crictl"
