package main

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// lockedBuffer lets hops that run side by side share one log.
type lockedBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(content []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(content)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}

func captureLog(t *testing.T) *lockedBuffer {
	t.Helper()
	buffer := &lockedBuffer{}
	logOutput = buffer
	t.Cleanup(func() { logOutput = os.Stderr })
	return buffer
}

func startHop(t *testing.T, name, next string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	hop := &Hop{operator: operators[name]}
	hop.next.Store(next)
	go accept(listener, hop)
	return listener.Addr().String()
}

func TestChainGathersTheResultsOfTheContract(t *testing.T) {
	log := captureLog(t)
	address := ""
	for _, name := range []string{"receiver", "average_results", "divide", "multiply", "minus", "plus"} {
		address = startHop(t, name, address)
	}
	response, err := send(address, &Request{Inputs: []Number{1, 2, 3, 4, 5}})
	if err != nil || response.Status != "OK" {
		t.Fatal(response, err)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	received := ""
	for _, line := range lines {
		if strings.Contains(line, "\tstart call Do\t") {
			received = line
		}
	}
	want := `{"req": "inputs:1 inputs:2 inputs:3 inputs:4 inputs:5` +
		` results:{operator:\"plus\" value:15} results:{operator:\"minus\" value:-13}` +
		` results:{operator:\"multiply\" value:120} results:{operator:\"divide\" value:0.008333333333333333}` +
		` results:{operator:\"average\" value:30.502083333333335}"}`
	columns := strings.Split(received, "\t")
	if len(columns) != 5 || columns[1] != "INFO" || columns[4] != want {
		t.Fatalf("received %q", received)
	}
}

func TestClientIsToldOkEvenIfALaterHopIsMissing(t *testing.T) {
	log := captureLog(t)
	address := startHop(t, "plus", "")
	response, err := send(address, &Request{Inputs: []Number{1, 2}})
	if err != nil || response.Status != "OK" {
		t.Fatal(response, err)
	}
	if !strings.Contains(log.String(), "ERROR") {
		t.Fatal("the hop did not say that it failed")
	}
}

func TestZeroValuesAreLeftOut(t *testing.T) {
	request := &Request{Inputs: []Number{0, 2}, Results: []Result{{"minus", 0}}}
	if got := request.String(); got != `inputs:0 inputs:2 results:{operator:"minus"}` {
		t.Fatal(got)
	}
}

func TestDivisionByZeroTravels(t *testing.T) {
	log := captureLog(t)
	address := startHop(t, "divide", startHop(t, "receiver", ""))
	if _, err := send(address, &Request{Inputs: []Number{1, 0}}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "value:inf") {
		t.Fatal(log.String())
	}
}

func TestASingleInputHasNothingToBeCombinedWith(t *testing.T) {
	if got := operators["plus"].compute(&Request{Inputs: []Number{7}}); got != 0 {
		t.Fatal(got)
	}
}

func TestNextHopComesFromTheConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	cases := map[string]string{
		`{"next": {"host": "10.96.0.7", "port": 8080}}`: "10.96.0.7:8080",
		`{}`:   "",
		`oops`: "",
	}
	for content, want := range cases {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, _ := readNext(file); got != want {
			t.Errorf("%s: %q", content, got)
		}
	}
}

func TestInputsMustBeNumbers(t *testing.T) {
	for _, arguments := range [][]string{{}, {"1", "two"}} {
		if _, err := parseInputs(arguments); err == nil {
			t.Errorf("%v was taken", arguments)
		}
	}
}

func TestMessagesAreLinesOfJSONThatAnyLanguageCanSpeak(t *testing.T) {
	captureLog(t)
	connection, err := net.Dial("tcp", startHop(t, "receiver", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	request := `{"method": "Hop.Operate", "params": [{"Inputs": [1, 2.5],` +
		` "Results": [{"Operator": "plus", "Value": "-inf"}]}], "id": 7}`
	if _, err := connection.Write([]byte(request + "\n")); err != nil {
		t.Fatal(err)
	}
	answer, err := bufio.NewReader(connection).ReadString('\n')
	if want := `{"id":7,"result":{"Status":"OK"},"error":null}` + "\n"; err != nil || answer != want {
		t.Fatal(answer, err)
	}
}
