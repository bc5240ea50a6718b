// Command wrapper runs the pipeline that the sidecar's configuration names. SIGHUP makes it run another pipeline if the
// configuration then names another. A pipeline that has ended is not started again.
package main

import (
	"encoding/json"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"
)

const configFile = "/config/config.json"

func main() {
	log.SetFlags(log.LstdFlags | log.LUTC | log.Lmicroseconds)
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	var running pipeline
	for {
		running = running.as(readCommand(configFile))
		<-hangup
	}
}

// pipeline is a program with its arguments, and the process that runs it.
type pipeline struct {
	command []string
	process *os.Process
	ended   chan struct{}
}

// as returns the pipeline of a command, started unless it was started before.
func (p pipeline) as(command []string) pipeline {
	if len(command) == 0 || slices.Equal(p.command, command) {
		return p
	}
	if p.runs() {
		_ = p.process.Kill()
		<-p.ended
	}
	return start(command)
}

func (p pipeline) runs() bool {
	if p.process == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func start(command []string) pipeline {
	program := exec.Command(command[0], command[1:]...)
	program.Stdout, program.Stderr = os.Stdout, os.Stderr
	if err := program.Start(); err != nil {
		log.Fatal(err)
	}
	log.Printf("started %q", command)
	ended := make(chan struct{})
	go func() {
		log.Printf("%s ended: %v", command[0], program.Wait())
		close(ended)
	}()
	return pipeline{command, program.Process, ended}
}

// readCommand returns the command of a configuration, none where it is not there yet or names none.
func readCommand(file string) []string {
	content, err := os.ReadFile(file)
	if err != nil {
		log.Printf("no configuration: %v", err)
		return nil
	}
	var config struct{ Command []string }
	if err := json.Unmarshal(content, &config); err != nil {
		log.Printf("%s: %v", file, err)
	}
	return config.Command
}
