// Command ca-server offers one file, the registry's CA certificate, by HTTP as harbor does.
//
// Usage: ca-server ADDRESS PATH FILE
package main

import (
	"log"
	"net/http"
	"os"
	"time"
)

const (
	arguments     = 4
	headerTimeout = 5 * time.Second
)

func main() {
	if len(os.Args) != arguments {
		log.Fatalf("usage: %s ADDRESS PATH FILE", os.Args[0])
	}
	address, path, file := os.Args[1], os.Args[2], os.Args[3]
	mux := http.NewServeMux()
	mux.HandleFunc(path, func(answer http.ResponseWriter, request *http.Request) {
		answer.Header().Set("Content-Type", "application/x-pem-file")
		http.ServeFile(answer, request, file)
	})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: headerTimeout}
	log.Fatal(server.ListenAndServe())
}
