#!/usr/bin/env bash
# Compiles a Go program that links libfpga, and gathers the shared libraries that it needs beside those of the base.
# Usage: compile PACKAGE PROGRAM; /source is the Go module, /go the toolchain, /modules its modules, /cache kept between
# builds, /output gets bin/PROGRAM and lib/.
set -euo pipefail
package=$1
program=$2
drivers=/source/openkasugai-hardware-drivers
# The database of bitstreams, where the program's source comes with it.
database=/source/fpgadb
# Stands in for the JSON parser, where the drivers' source lacks it.
json=/usr/local/include/parson-stand-in
parson=()
sources=("$drivers" "$json")
[[ ! -d $database ]] || sources+=("$database")

# The libraries are kept under a digest of all that they are made of. Their path is a part of the key of Go's own cache,
# which does not look at headers outside its packages: it must be the same for the same headers, and for no others.
version=$({
    find "${sources[@]}" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
    cat "$0"
    gcc --version
    pkg-config --modversion --cflags libdpdk
} | sha256sum | cut -c 1-16)
made=/tmp/made-$version
kept=/cache/libraries-$version.tar

make_libraries() {
    mkdir -p "$made/include" "$made/objects"
    # Where the Go source looks for the headers; what it names below /usr/local is found there first on a machine with FPGAs.
    cp -r "$drivers"/lib/libfpga/include/. "$drivers"/lib/libptu/include/. "$drivers/driver/xpcie_device.h" "$made/include/"
    if [[ -f $drivers/lib/JSON/parson/parson.c ]]; then
        json=$drivers/lib/JSON/parson
        parson=("$json/parson.c")
    fi

    read -r -a dpdk <<< "$(pkg-config --cflags libdpdk)"
    flags=(-O2 -fPIC -w "-I$made/include" "-I$drivers/lib/libptu/src" "-I$drivers/driver" "-I$json" "${dpdk[@]}"
           '-DLIBRARY_NAME="libfpga"' -DLIBRARY_TYPE=0 -DLIBRARY_VERSION1=1 -DLIBRARY_VERSION2=0
           -DLIBRARY_REVISION_H=0 -DLIBRARY_REVISION_L=0)
    for file in "$drivers"/lib/libfpga/src/*.c "$drivers"/lib/libfpga/src/*.cpp "$drivers"/lib/libptu/src/*.cpp "${parson[@]}"
    do
        case $file in *.cpp) compiler=g++ ;; *) compiler=gcc ;; esac
        echo "compiling ${file#"$drivers"/}"
        $compiler -c "${flags[@]}" -o "$made/objects/$(basename "$file").o" "$file"
    done
    ar rcs "$made/libfpga.a" "$made"/objects/*.o

    if [[ -d $database ]]; then
        cp "$database"/include/*.h "$made/include/"
        for file in "$database"/src/*.c; do
            echo "compiling ${file#"$database"/}"
            gcc -c "${flags[@]}" -o "$made/$(basename "$file").o" "$file"
        done
        ar rcs "$made/libfpgadb.a" "$made"/*.c.o
    fi
}

if [[ -f $kept ]]; then
    tar -xf "$kept" -C /tmp
else
    make_libraries
    part=$(mktemp "$kept.part-XXXXXX")
    tar -cf "$part" -C /tmp "made-$version"
    mv "$part" "$kept"
fi

# libfpga calls DPDK; a program whose source does not ask for DPDK itself gets it here.
libraries=()
if ! grep -rqs --include=*.go 'cgo pkg-config: libdpdk' /source; then
    read -r -a libraries <<< "$(pkg-config --libs libdpdk)"
    libraries=(-Wl,--no-as-needed "${libraries[@]/-Wl,--as-needed/}" -lnuma)
fi

mkdir -p /output/bin /output/lib
echo "compiling $program"
cd /source
PATH=/go/bin:$PATH CGO_ENABLED=1 CGO_CFLAGS="-O2 -I$made/include" CGO_LDFLAGS="-L$made ${libraries[*]}" CGO_CFLAGS_ALLOW=-mrtm \
    GOROOT=/go GOTOOLCHAIN=local GOPROXY=off GOWORK=off GOMODCACHE=/modules GOCACHE=/cache \
    GOFLAGS="-mod=readonly -trimpath -buildvcs=false" \
    go build -ldflags "-s -w" -o "/output/bin/$program" "$package"

# The C library itself is the base's.
ldd "/output/bin/$program" | awk '$3 ~ /^\// && $3 !~ /\/(libc|libm)\.so/ {print $3}' | while read -r library; do
    cp -L "$library" /output/lib/
done
