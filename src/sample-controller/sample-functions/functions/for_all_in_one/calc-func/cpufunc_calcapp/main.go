// Command calcapp is a chain of calculators: every hop computes over the same inputs, appends its result and hands
// the request on; the last one logs what it received. Hops speak JSON-RPC over TCP, one line for each message, so that
// a hop of a chain can be written in any language.
//
//	calcapp -server -port 8080 -operator plus    one hop
//	calcapp 1 2 3 4 5                            the client: sends the inputs to the first hop
package main

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
)

func main() {
	server := flag.Bool("server", false, "run a hop")
	host := flag.String("host", "", "first hop of the client; without it the one in "+configFile)
	port := flag.Int("port", 8080, "port of the hop, or of the client's first hop")
	operatorName := flag.String("operator", "", "plus, minus, multiply, divide, average_results or receiver")
	flag.Parse()

	var err error
	if *server {
		err = runHop(*port, *operatorName)
	} else {
		err = runClient(*host, *port, flag.Args())
	}
	if err != nil {
		logLine("ERROR", "stopped", "error", err)
		os.Exit(1)
	}
}

func runHop(port int, name string) error {
	op, found := operators[name]
	if !found {
		return fmt.Errorf("no operator %q", name)
	}
	return serve(port, op)
}

// runClient fails only if it has nothing to send or nowhere to send it.
func runClient(host string, port int, arguments []string) error {
	// The sidecar signals every process of this name.
	signal.Ignore(syscall.SIGHUP)
	inputs, err := parseInputs(arguments)
	if err != nil {
		return err
	}
	address := net.JoinHostPort(host, strconv.Itoa(port))
	if host == "" {
		if address, err = readNext(configFile); err != nil {
			return err
		}
	}
	request := &Request{Inputs: inputs}
	logLine("INFO", "send message", "address", address, "request", request)
	response, err := send(address, request)
	if err != nil {
		logLine("ERROR", "send message failed", "address", address, "error", err)
		return nil
	}
	logLine("INFO", "receive message", "address", address, "response", response)
	return nil
}

func parseInputs(arguments []string) ([]Number, error) {
	if len(arguments) == 0 {
		return nil, fmt.Errorf("no inputs: calcapp 1 2 3")
	}
	inputs := []Number{}
	for _, argument := range arguments {
		input, err := strconv.ParseFloat(argument, 64)
		if err != nil {
			return nil, fmt.Errorf("input %q is not a number", argument)
		}
		inputs = append(inputs, Number(input))
	}
	return inputs, nil
}
