// Command sidecar keeps the configuration of the function beside it: it watches the ConfigMap ethcrl.<pod>, fills the
// function's templates with it and sends SIGHUP to the function.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

const (
	configDir = "/config"
	// The function's container copies its templates when it starts.
	templateInterval = 100 * time.Millisecond
	retryInterval    = time.Second
)

func main() {
	log.SetFlags(log.LstdFlags | log.LUTC | log.Lmicroseconds)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	namespace, pod, process, err := environment()
	if err != nil {
		return err
	}
	if err := waitForTemplates(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		err := watch(ctx, namespace, "ethcrl."+pod, func(config string) error {
			if err := render(configDir, config); err != nil {
				return err
			}
			return hangUp("/proc", process)
		})
		log.Printf("watch ended: %v", err)
		pause(ctx, retryInterval)
	}
	return ctx.Err()
}

func environment() (namespace, pod, process string, err error) {
	values := map[string]*string{
		"K8S_POD_NAMESPACE":        &namespace,
		"K8S_POD_NAME":             &pod,
		"SIDECAR_MNG_PROSESS_NAME": &process,
	}
	for name, value := range values {
		if *value = os.Getenv(name); *value == "" {
			err = fmt.Errorf("%s is not set", name)
		}
	}
	return namespace, pod, process, err
}

func waitForTemplates(ctx context.Context) error {
	for ctx.Err() == nil {
		if found, _ := filepath.Glob(filepath.Join(configDir, "*"+templateSuffix)); len(found) > 0 {
			return nil
		}
		pause(ctx, templateInterval)
	}
	return ctx.Err()
}

func pause(ctx context.Context, length time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(length):
	}
}
