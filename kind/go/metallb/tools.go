//go:build tools

// Package tools pins the commands this module builds, so that go.sum covers what they import.
package tools

import (
	_ "go.universe.tf/metallb/controller"
	_ "go.universe.tf/metallb/speaker"
)
