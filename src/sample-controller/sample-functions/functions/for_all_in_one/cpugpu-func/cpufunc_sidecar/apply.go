package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"text/template"
)

const templateSuffix = ".tmpl"

// render fills every template of a folder with a JSON document; each file appears whole or not at all.
func render(folder, config string) error {
	values := map[string]any{}
	if err := json.Unmarshal([]byte(config), &values); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	templates, err := template.ParseGlob(filepath.Join(folder, "*"+templateSuffix))
	if err != nil {
		return err
	}
	for _, each := range templates.Templates() {
		name, found := strings.CutSuffix(each.Name(), templateSuffix)
		if !found {
			continue
		}
		var text strings.Builder
		if err := each.Execute(&text, values); err != nil {
			return err
		}
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file+".part", []byte(text.String()), 0o644); err != nil {
			return err
		}
		if err := os.Rename(file+".part", file); err != nil {
			return err
		}
		log.Printf("wrote %s: %s", file, strings.TrimSpace(text.String()))
	}
	return nil
}

// hangUp sends SIGHUP to the processes whose command line starts with a name. One that is not running yet reads its
// configuration when it starts.
func hangUp(proc, name string) error {
	processes, err := processesOf(proc, name)
	if err != nil {
		return err
	}
	for _, process := range processes {
		if err := syscall.Kill(process, syscall.SIGHUP); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("SIGHUP to %d: %w", process, err)
		}
		log.Printf("SIGHUP to %d", process)
	}
	return nil
}

func processesOf(proc, name string) ([]int, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	found := []int{}
	for _, entry := range entries {
		process, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		// A process may end between the listing and the look.
		command, err := os.ReadFile(filepath.Join(proc, entry.Name(), "cmdline"))
		if err == nil && strings.HasPrefix(string(command), name) {
			found = append(found, process)
		}
	}
	return found, nil
}
