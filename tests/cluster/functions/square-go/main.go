// Command square is a hop of the sample's calcapp: it adds the sum of the inputs' squares to the results, and hands the
// request on. Hops speak JSON-RPC over TCP. The sidecar writes which hop is next.
package main

import (
	"encoding/json"
	"log"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

const (
	config = "/config/config.json"
	port   = ":8080"
)

// Request goes from hop to hop; what other hops found is passed on as it is.
type Request struct {
	Inputs  []float64
	Results []any
}

// Result is what this hop found.
type Result struct {
	Operator string
	Value    float64
}

// Response answers a request.
type Response struct{ Status string }

// Hop answers the hop before.
type Hop struct{}

// Operate answers OK even if a later hop fails: only the log of the last hop tells what arrived.
func (Hop) Operate(request *Request, response *Response) error {
	sum := 0.0
	for _, input := range request.Inputs {
		sum += input * input
	}
	log.Printf("square of %v: %v", request.Inputs, sum)
	request.Results = append(request.Results, Result{"square", sum})
	if err := handOn(request); err != nil {
		log.Printf("the next hop failed: %v", err)
	}
	response.Status = "OK"
	return nil
}

func handOn(request *Request) error {
	content, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	var following struct {
		Next struct {
			Host string
			Port int
		}
	}
	if err := json.Unmarshal(content, &following); err != nil {
		return err
	}
	next := following.Next
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
