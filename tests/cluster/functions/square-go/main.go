// Command square is a hop of the sample's calcapp: it adds the sum of the inputs' squares to the results, and hands the
// request on. As the last hop, it logs what arrived. Hops speak JSON-RPC over TCP. The sidecar writes which hop is next.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

const (
	config = "/config/config.json"
	port   = ":8080"
)

// Request goes from hop to hop.
type Request struct {
	Inputs  []float64
	Results []Result
}

// Result is what this hop found.
type Result struct {
	Operator string
	Value    float64
}

// Response answers a request.
type Response struct{ Status string }

// Next is the hop to which requests are handed on; without a host, there is none.
type Next struct {
	Host string
	Port int
}

// String writes a request as calcapp's logs have it.
func (request *Request) String() string {
	words := []string{}
	for _, input := range request.Inputs {
		words = append(words, fmt.Sprintf("inputs:%v", input))
	}
	for _, result := range request.Results {
		words = append(words, fmt.Sprintf("results:{operator:%q value:%v}", result.Operator, result.Value))
	}
	return strings.Join(words, " ")
}

// Hop answers the hop before.
type Hop struct{}

// Operate answers OK even if a later hop fails: only the log of the last hop tells what arrived.
func (Hop) Operate(request *Request, response *Response) error {
	response.Status = "OK"
	next, err := readNext()
	if err == nil && next.Host == "" {
		log.Printf("start call Do %v", request)
		return nil
	}
	sum := 0.0
	for _, input := range request.Inputs {
		sum += input * input
	}
	log.Printf("square of %v: %v", request.Inputs, sum)
	request.Results = append(request.Results, Result{"square", sum})
	if err == nil {
		err = handOn(request, next)
	}
	if err != nil {
		log.Printf("the next hop failed: %v", err)
	}
	return nil
}

func readNext() (Next, error) {
	var found struct{ Next Next }
	content, err := os.ReadFile(config)
	if err == nil {
		err = json.Unmarshal(content, &found)
	}
	return found.Next, err
}

func handOn(request *Request, next Next) error {
	client, err := jsonrpc.Dial("tcp", net.JoinHostPort(next.Host, strconv.Itoa(next.Port)))
	if err != nil {
		return err
	}
	defer client.Close()
	return client.Call("Hop.Operate", request, &Response{})
}

func main() {
	// The sidecar signals that the configuration changed; it is read for each request.
	signal.Ignore(syscall.SIGHUP)
	if err := rpc.Register(Hop{}); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", port)
	if err != nil {
		log.Fatal(err)
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go jsonrpc.ServeConn(connection)
	}
}
