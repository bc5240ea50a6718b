package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

const (
	accountDir = "/var/run/secrets/kubernetes.io/serviceaccount"
	// The server ends a watch after this time; a watch it forgot about does not last longer.
	watchSeconds = "300"
)

type event struct {
	Type   string
	Object struct {
		Message string
		Data    map[string]string
	}
}

// watch reports the configuration in a ConfigMap, now and at each change, until the server ends the watch.
func watch(ctx context.Context, namespace, name string, report func(config string) error) error {
	client, token, err := account()
	if err != nil {
		return err
	}
	query := url.Values{
		"watch":          {"1"},
		"fieldSelector":  {"metadata.name=" + name},
		"timeoutSeconds": {watchSeconds},
	}
	server := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	address := fmt.Sprintf("https://%s/api/v1/namespaces/%s/configmaps?%s", server, namespace, query.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", name, answer.Status)
	}
	return follow(answer.Body, report)
}

// follow reports the configuration of each event of a stream.
func follow(stream io.Reader, report func(config string) error) error {
	events := json.NewDecoder(stream)
	for {
		var next event
		if err := events.Decode(&next); err != nil {
			return err
		}
		switch next.Type {
		case "ADDED", "MODIFIED":
			if err := report(next.Object.Data["config"]); err != nil {
				return err
			}
		case "ERROR":
			return fmt.Errorf("the server says: %s", next.Object.Message)
		default:
			log.Printf("event %s", next.Type)
		}
	}
}

func account() (*http.Client, string, error) {
	authority, err := os.ReadFile(filepath.Join(accountDir, "ca.crt"))
	if err != nil {
		return nil, "", err
	}
	token, err := os.ReadFile(filepath.Join(accountDir, "token"))
	if err != nil {
		return nil, "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	return &http.Client{Transport: transport}, strings.TrimSpace(string(token)), nil
}
