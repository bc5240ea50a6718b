#!/usr/bin/env bash
# Compiles CRI-O, and pinns, which it calls to pin a pod's namespaces and is written in C.
# Usage: compile PACKAGE PROGRAM; /source requires the Go module, /go is the toolchain, /modules its modules, /cache kept
# between builds, /output gets bin/.
set -euo pipefail
export PATH=/go/bin:$PATH CGO_ENABLED=1 GOROOT=/go GOTOOLCHAIN=local GOPROXY=off GOWORK=off GOMODCACHE=/modules \
    GOCACHE=/cache GOFLAGS="-mod=readonly -trimpath -buildvcs=false"
package=$1
program=$2
mkdir -p /output/bin
cd /source

# Signatures are checked in Go instead of by gpgme; drivers of storage that need other libraries are left out.
tags=containers_image_openpgp,containers_image_ostree_stub,exclude_graphdriver_btrfs,exclude_graphdriver_devicemapper
echo "compiling $program"
go build -tags "$tags,seccomp,selinux" -ldflags "-s -w" -o "/output/bin/$program" "$package"

pinns=$(go list -m -f '{{.Dir}}' github.com/cri-o/cri-o)/pinns/src
echo "compiling pinns"
gcc -std=c99 -Os -static -s -o /output/bin/pinns "$pinns"/*.c
