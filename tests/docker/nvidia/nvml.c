/* A stand-in for libnvidia-ml.so.1: one GPU, and only what `nvidia-ctk cdi generate` asks for. */
#include <stdio.h>
#include <string.h>

typedef struct {
    char legacy[16];
    unsigned domain, bus, device, id, subsystem;
    char address[32];
} pci_info;

static int gpu;

int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return code ? "not supported by this stand-in" : "success"; }
int nvmlSystemGetDriverVersion(char *text, unsigned size) { snprintf(text, size, "%s", VERSION); return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 1; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { *device = &gpu; return index ? 2 : 0; }
int nvmlDeviceGetUUID(void *device, char *text, unsigned size) { snprintf(text, size, "%s", UUID); return 0; }
int nvmlDeviceGetName(void *device, char *text, unsigned size) { snprintf(text, size, "%s", MODEL); return 0; }
int nvmlDeviceGetMinorNumber(void *device, unsigned *number) { *number = 0; return 0; }
int nvmlDeviceGetMigMode(void *device, unsigned *now, unsigned *later) { return 3; }
int nvmlDeviceGetMaxMigDeviceCount(void *device, unsigned *count) { *count = 0; return 0; }
int nvmlDeviceIsMigDeviceHandle(void *device, unsigned *answer) { *answer = 0; return 0; }
int nvmlDeviceGetPciInfo_v3(void *device, pci_info *info) {
    memset(info, 0, sizeof *info);
    info->device = 6;
    snprintf(info->address, sizeof info->address, "00000000:00:06.0");
    return 0;
}
