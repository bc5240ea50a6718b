package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestTheCommandComesFromTheConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	if command := readCommand(file); command != nil {
		t.Errorf("%q without a configuration", command)
	}
	if err := os.WriteFile(file, []byte(`{"command": ["sleep", "60"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if command := readCommand(file); !slices.Equal(command, []string{"sleep", "60"}) {
		t.Errorf("%q", command)
	}
}

func TestWhatRunsAlreadyGoesOnAndWhatEndedIsNotStartedAgain(t *testing.T) {
	first := pipeline{}.as([]string{"sleep", "60"})
	if same := first.as([]string{"sleep", "60"}); same.process.Pid != first.process.Pid {
		t.Error("started twice")
	}
	other := first.as([]string{"sleep", "61"})
	if first.runs() || !other.runs() {
		t.Error("another command has to replace the first")
	}
	_ = other.process.Kill()
	<-other.ended
	if again := other.as([]string{"sleep", "61"}); again.runs() {
		t.Error("started again")
	}
}
