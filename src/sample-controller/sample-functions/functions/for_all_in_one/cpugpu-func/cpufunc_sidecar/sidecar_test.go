package main

import (
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// The template of the function that this sidecar runs beside.
const calcappTemplate = "../../calc-func/cpufunc_calcapp/config.json.tmpl"

func rendered(t *testing.T, config string) string {
	t.Helper()
	folder := t.TempDir()
	content, err := os.ReadFile(calcappTemplate)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "config.json.tmpl"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := render(folder, config); err != nil {
		t.Fatal(err)
	}
	result, err := os.ReadFile(filepath.Join(folder, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(result))
}

func TestTemplateGetsTheNextHop(t *testing.T) {
	got := rendered(t, `{"ips": ["10.96.3.4"], "ports": [{"port": 8080, "protocol": "TCP"}]}`)
	if got != `{"next": {"host": "10.96.3.4", "port": 8080}}` {
		t.Fatal(got)
	}
}

func TestLastHopHasNoNext(t *testing.T) {
	if got := rendered(t, `{}`); got != `{}` {
		t.Fatal(got)
	}
}

func TestBrokenConfigurationIsAnError(t *testing.T) {
	if err := render(t.TempDir(), `{`); err == nil {
		t.Fatal("it was taken")
	}
}

func TestProcessesAreFoundByTheStartOfTheirCommandLine(t *testing.T) {
	proc := t.TempDir()
	commands := map[string]string{
		"1":    "/pause",
		"7":    "bash\x00-c\x00/calcapp -server",
		"12":   "/calcapp\x00-server",
		"self": "/calcapp",
	}
	for process, command := range commands {
		if err := os.MkdirAll(filepath.Join(proc, process), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(proc, process, "cmdline"), []byte(command), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := processesOf(proc, "/calcapp")
	if err != nil || !reflect.DeepEqual(found, []int{12}) {
		t.Fatal(found, err)
	}
}

func TestEachChangeIsReportedUntilTheStreamEnds(t *testing.T) {
	stream := `{"type":"ADDED","object":{"data":{"config":"one"}}}
{"type":"MODIFIED","object":{"data":{"config":"two"}}}
{"type":"DELETED","object":{"data":{"config":"two"}}}
`
	seen := []string{}
	err := follow(strings.NewReader(stream), func(config string) error {
		seen = append(seen, config)
		return nil
	})
	if err != io.EOF || !reflect.DeepEqual(seen, []string{"one", "two"}) {
		t.Fatal(seen, err)
	}
}

func TestServersErrorEndsTheWatch(t *testing.T) {
	stream := `{"type":"ERROR","object":{"message":"too old"}}`
	err := follow(strings.NewReader(stream), func(string) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "too old") {
		t.Fatal(err)
	}
}
