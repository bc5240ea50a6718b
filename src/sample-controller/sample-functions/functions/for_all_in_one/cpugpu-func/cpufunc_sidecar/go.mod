module sidecar

go 1.21
