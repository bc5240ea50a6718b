"""The checks of doctor, and what needs each of them; `tasks.doctor.looks` holds the code of each."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.settings.nics import WORKERS

IMAGES = "images"
REGISTRY = "registry"
CLUSTER = "cluster"
CONTROLLER = "controller"
NICS = "nics"
# Not a part of NICS, because the tasks of NICS are the cure.
LENT_NICS = "lent-nics"
GPU = "gpu"
VIDEO = "video"
LOADBALANCER = "loadbalancer"
FPGA = "fpga"
# The files of patterns: those of one for that one, else those that are not valid.
PATTERNS = "patterns"
# The versions alone: they are asked for before something is made of them, even if the machine has been checked before.
VERSIONS = "versions"
# What EMULATE stands in for, although the machine has it: refused before anything is made, whatever is there already.
EMULATION = "emulation"
# An existing cluster, before anything is made in it.
ATTACH = "attach"

# What every dataflow needs.
BASE = (IMAGES, REGISTRY, CLUSTER, CONTROLLER)

# The purposes of the tasks that a user runs by name; the purposes of a dataflow follow from its pattern.
TASK_PURPOSES: dict[str, tuple[str, ...]] = {
    "images": (IMAGES,),
    "registry": (REGISTRY,),
    "create_cluster": BASE,
    "create_cluster_without_scenario": BASE,
    "create_cluster_with_all": (*BASE, PATTERNS),
    "controller": BASE,
    "prepare_scenario": (*BASE, PATTERNS),
    "dataflow": (*BASE, PATTERNS),
    "nics": (NICS,),
    "nics_status": (LENT_NICS,),
    **{worker.target: (NICS,) for worker in WORKERS},
    "gpu_lease": (GPU,),
    "send_video_tool": (VIDEO,),
    "attach": (ATTACH,),
}
PURPOSES = (*BASE, NICS, LENT_NICS, GPU, VIDEO, LOADBALANCER, FPGA, PATTERNS, VERSIONS, EMULATION, ATTACH)
# What only a machine needs that holds the nodes of kind, and lends them its devices.
OF_KIND = (IMAGES, REGISTRY, CLUSTER, NICS, LENT_NICS, GPU, LOADBALANCER, FPGA, VERSIONS, EMULATION)
# The purposes that are checked as the first step of the tasks that need them.
FIRST_STEPS = (
    *("images", "create_cluster", NICS, GPU, VIDEO, LOADBALANCER, FPGA, VERSIONS, EMULATION),
    *(worker.target for worker in WORKERS),
)

# A run asks for root before it starts, so a ticket that is missing leaves nothing out.
ASKED_FOR = ("sudo", "sudo-nics")

# The results of a check: the last means that something could not be seen.
OK = "ok"
FAILED = "failed"
UNKNOWN = "unknown"

# The results of these checks if what they look for is absent; a machine that lacks all is not the manual's server.
ABSENT_ON_OTHERS = {
    "ofed": (UNKNOWN,),  # for a card that is there, it would name the driver
    "gpu": (FAILED,),
    "archive": (FAILED,),
    "registry-ca": (FAILED, UNKNOWN),
}

# A kind node runs systemd and a container runtime; below these limits, the second or third node fails to start.
INOTIFY = {"max_user_watches": 524288, "max_user_instances": 512}


# The index of a repository may have some megabytes.
_INDEX_SECONDS = 10.0
_CARDS = " and ".join(worker.interface for worker in WORKERS)


@dataclass(frozen=True)
class Check:
    """A prerequisite that can be looked at without touching anything.

    Attributes:
        name: What IGNORE_CHECKS calls it.
        title: What is looked at.
        purposes: What needs it.
        cure: What to do if it fails, unless the check itself knows the exact command.
        seconds: How long its look may take. The usual time is longer than that of a request without an answer, so that
            each look can report what it waited for.
    """

    name: str
    title: str
    purposes: tuple[str, ...]
    cure: str
    seconds: float = 2.2


CHECKS: tuple[Check, ...] = (
    Check("cores", "processor cores", (CLUSTER,), "use a larger server, or lower MIN_CORES"),
    Check("memory", "main memory", (CLUSTER,), "use a larger server, or lower MIN_MEMORY_GB"),
    Check("disk", "disk space", (IMAGES, CLUSTER), "docker system prune, or use a larger disk"),
    Check("system", "distribution", (CLUSTER,), "install Ubuntu 22.04 or newer, or Debian 12 or newer"),
    Check("kernel", "kernel", (CLUSTER,), "sudo apt-get install linux-generic, then reboot"),
    Check("swap", "swap", (CLUSTER,), "sudo swapoff -a, and remove it from /etc/fstab"),
    Check("inotify", "inotify limits", (CLUSTER,), "sudo sysctl fs.inotify.max_user_instances=1024"),
    Check("docker", "Docker engine", (IMAGES, REGISTRY, CLUSTER), "sudo apt-get install docker.io"),
    Check(
        "docker-access",
        "right to use Docker",
        (IMAGES, REGISTRY, CLUSTER),
        "sudo usermod -aG docker $USER, then log out and in again",
    ),
    Check("cluster-owner", "owner of the cluster", (CLUSTER,), "CLUSTER_NAME=<another name> with the same command"),
    Check("registry-owner", "owner of the registry", (REGISTRY,), "docker ps --all --filter name=openkasugai-registry"),
    Check("versions", "chosen versions", (IMAGES, CLUSTER, VERSIONS), "./doit parameters"),
    Check("emulation", "EMULATE", (IMAGES, CLUSTER, NICS, GPU, EMULATION), "take it out of EMULATE"),
    Check("addresses", "address plan", (CLUSTER,), "./doit parameters"),
    Check("card-addresses", "address plan of the cards", (NICS,), "./doit parameters"),
    Check("kubeconfig", "the user's kubeconfig", (CLUSTER,), "export KUBECONFIG=/path/to/another/file"),
    Check("kubectl", "kubectl", (CLUSTER,), "./doit kubectl version --client"),
    Check("ports", "loopback ports", (REGISTRY,), "choose other ports with REGISTRY_PORT and CA_PORT"),
    Check("dns", "name resolution", (IMAGES, REGISTRY), "resolvectl status"),
    Check("proxy", "HTTP proxies", (IMAGES, REGISTRY), "env | grep -i _proxy"),
    Check("crio-packages", "packages of CRI-O", (IMAGES,), "CRIO_FROM=modules", _INDEX_SECONDS),
    Check(
        "toolkit-packages",
        "packages of the NVIDIA container toolkit",
        (IMAGES,),
        "./doit parameters",
        _INDEX_SECONDS,
    ),
    Check("dcgm-packages", "package of DCGM", (IMAGES,), "./doit parameters", _INDEX_SECONDS),
    Check("clock", "clock", (REGISTRY, CLUSTER), "sudo timedatectl set-ntp true"),
    Check("registry-ca", "CA of the registry", (REGISTRY,), "curl -fv $DCI_REGISTRY_CERT_URL"),
    Check("registry", "registry", (REGISTRY,), "curl -v https://$DCI_REGISTRY_ADDR_ALT"),
    Check("registry-trust", "Docker's trust in the registry", (REGISTRY,), "sudo -v, then the same command"),
    Check("archive", "controller archive", (CONTROLLER,), "cp controller.tar.gz src/"),
    Check("sudo", "sudo without a password", (GPU,), "sudo -v"),
    Check("sudo-nics", "sudo without a password for lending cards", (NICS,), "sudo -v"),
    Check("pf", "physical functions", (NICS,), f"ip -br link, then set {_CARDS}"),
    Check("ofed", "driver of the physical functions", (NICS,), "sudo modprobe mlx5_core, or install MLNX_OFED"),
    Check("vfs", "virtual functions", (NICS,), "turn on SR-IOV in the firmware of the server and of the card"),
    Check("nic-rules", "rules that keep others away from lent cards", (LENT_NICS,), "./doit nics, which writes them"),
    Check("gpu", "NVIDIA GPU", (GPU,), "lspci -d 10de:"),
    Check("gpu-way", "how the first worker gets the GPU", (CLUSTER, GPU), "GPU=no with the same command"),
    Check("gpu-driver", "NVIDIA driver file", (GPU,), "cp NVIDIA-Linux-x86_64-*.run driver/nvidia/"),
    Check("kernel-headers", "headers of the running kernel", (GPU,), "sudo apt-get install linux-headers-$(uname -r)"),
    Check(
        "nouveau",
        "nouveau driver",
        (GPU,),
        "echo 'blacklist nouveau' | sudo tee /etc/modprobe.d/nouveau.conf; sudo update-initramfs -u; sudo reboot",
    ),
    Check("videos", "H.264 videos", (VIDEO,), "cp *.mp4 work/DATA/video/"),
    Check("load-balancer", "addresses for Services of type LoadBalancer", (LOADBALANCER,), "./doit parameters"),
    Check("patterns", "files of patterns", (PATTERNS,), "edit these lines; what they may hold is in README.md"),
    Check("target-cluster", "existing cluster", (ATTACH,), "kubectl --kubeconfig <file> --context <context> version"),
    Check("target-uid", "consent", (ATTACH,), "TARGET_UID=<that UID>, if you agree to what would be made"),
    Check("target-tool", "maker of the cluster", (ATTACH,), "TARGET=kind for a cluster of this tool"),
    Check("target-owner", "checkout that is attached", (ATTACH,), "./doit detach there"),
    Check("target-version", "Kubernetes", (ATTACH,), "IGNORE_CHECKS=target-version, at your own risk"),
    Check("target-nodes", "workers", (ATTACH,), "TARGET_WORKERS=<nodes>"),
    Check("target-names", "what would be made", (ATTACH,), "ask those who made it"),
    Check("target-security", "Pod Security", (ATTACH,), "ask the administrator: README.md, Several servers"),
    Check("target-addons", "add-ons that are there", (ATTACH,), "ADDONS without them: what is there is used"),
    Check("target-sriov", "virtual functions", (ATTACH,), "README.md, Several servers"),
    Check("target-rights", "rights", (ATTACH,), "./doit target_rbac prints the role to ask an administrator for"),
    Check("hugepages", "hugepages of 1 GiB", (FPGA,), "add hugepagesz=1G hugepages=32 to the kernel command line"),
)
