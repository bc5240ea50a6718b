#!/usr/bin/env bash
# Compiles programs of the NVIDIA container toolkit.
# Usage: compile [PACKAGE PROGRAM]..., each program named after its package; /source requires the Go module, /go is the
# toolchain, /modules its modules, /cache kept between builds, /output gets bin/.
set -euo pipefail
export PATH=/go/bin:$PATH CGO_ENABLED=1 GOROOT=/go GOTOOLCHAIN=local GOPROXY=off GOWORK=off GOMODCACHE=/modules \
    GOCACHE=/cache GOFLAGS="-mod=readonly -trimpath -buildvcs=false"
packages=()
while (($#)); do
    packages+=("$1")
    shift 2
done
module=github.com/NVIDIA/nvidia-container-toolkit
mkdir -p /output/bin
cd /source

version=$(go list -m -f '{{.Version}}' "$module")
echo "compiling ${packages[*]##*/}"
# The driver's functions are looked up when they are called: what compiles or starts these programs may have no driver.
go build -ldflags "-s -w -X $module/internal/info.version=${version#v} -extldflags=-Wl,-z,lazy" \
    -o /output/bin/ "${packages[@]}"
