package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	configFile = "/config/config.json"
	method     = "Hop.Operate"
	// A hop answers after all later hops have: as long as the whole chain may take.
	answerTimeout  = 30 * time.Second
	connectTimeout = 5 * time.Second
)

// Hop is the server of one function of the chain.
type Hop struct {
	operator operator
	next     atomic.Value // string: address of the following hop
}

// Operate logs the request and hands it on with this hop's result. It answers OK even if a later hop failed:
// only the log of the last hop tells what arrived.
func (h *Hop) Operate(request *Request, response *Response) error {
	logLine("INFO", "start call Do", "req", request)
	response.Status = "OK"
	if !h.operator.forwards {
		return nil
	}
	address, _ := h.next.Load().(string)
	answer, err := send(address, h.operator.next(request))
	if err != nil {
		logLine("ERROR", "send message failed", "address", address, "error", err)
		return nil
	}
	logLine("INFO", "send message", "address", address, "res", answer)
	return nil
}

// loadNext takes the following hop from the configuration, if it names one.
func (h *Hop) loadNext(file string) {
	address, err := readNext(file)
	if err != nil {
		logLine("INFO", "no next hop", "reason", err)
		return
	}
	h.next.Store(address)
	logLine("INFO", "load config", "next", address)
}

// serve answers requests on a port until the process ends. SIGHUP reloads the configuration.
func serve(port int, op operator) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	hop := &Hop{operator: op}
	hop.loadNext(configFile)
	go func() {
		for range hangup {
			hop.loadNext(configFile)
		}
	}()
	listener, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	logLine("INFO", "start server", "operator", op.name, "port", port)
	return accept(listener, hop)
}

func accept(listener net.Listener, hop *Hop) error {
	server := rpc.NewServer()
	if err := server.Register(hop); err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go server.ServeCodec(jsonrpc.NewServerCodec(connection))
	}
}

// send hands a request to the hop at an address and waits for its answer.
func send(address string, request *Request) (*Response, error) {
	if address == "" {
		return nil, fmt.Errorf("the next hop is not known yet")
	}
	connection, err := net.DialTimeout("tcp", address, connectTimeout)
	if err != nil {
		return nil, err
	}
	if err := connection.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return nil, err
	}
	client := jsonrpc.NewClient(connection)
	defer client.Close()
	response := &Response{}
	return response, client.Call(method, request, response)
}

// readNext reads the address of the following hop from a configuration file.
func readNext(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var config struct {
		Next *struct {
			Host string
			Port int
		}
	}
	if err := json.Unmarshal(content, &config); err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	if config.Next == nil {
		return "", fmt.Errorf("%s names none", file)
	}
	return net.JoinHostPort(config.Next.Host, strconv.Itoa(config.Next.Port)), nil
}
