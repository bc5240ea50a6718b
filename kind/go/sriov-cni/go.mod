module openkasugai.local/artifacts/sriov-cni

go 1.23.0

// v2 of a module whose path does not end in /v2: Go knows a version of it by its commit, and the comment names the tag.
require github.com/k8snetworkplumbingwg/sriov-cni v0.0.0-20240820084249-fca6591297c0 // v2.8.1

require (
	github.com/containernetworking/cni v1.2.0-rc0.0.20240317203738-a448e71e9867 // indirect
	github.com/containernetworking/plugins v1.4.2-0.20240312120516-c860b78de419 // indirect
	github.com/coreos/go-iptables v0.7.0 // indirect
	github.com/k8snetworkplumbingwg/cni-log v0.0.0-20230801160229-b6e062c9e0f2 // indirect
	github.com/safchain/ethtool v0.3.0 // indirect
	github.com/vishvananda/netlink v1.2.1-beta.2.0.20240221172127-ec7bcb248e94 // indirect
	github.com/vishvananda/netns v0.0.4 // indirect
	golang.org/x/net v0.23.0 // indirect
	golang.org/x/sys v0.18.0 // indirect
	gopkg.in/natefinch/lumberjack.v2 v2.0.0 // indirect
)

// As the plugin's own go.mod has it, which holds in a main module only.
replace github.com/vishvananda/netlink => github.com/vishvananda/netlink v1.2.1-beta.2.0.20240806173335-3b7e16c5f836
