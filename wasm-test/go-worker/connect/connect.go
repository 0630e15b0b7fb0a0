// Package connect is how worker and starter reach Temporal: no TLS of their own, the token in a header of every call.
package connect

import (
	"context"
	"os"

	"go.temporal.io/sdk/client"
)

const (
	Namespace = "bitovi-project"
	TaskQueue = "hello-world"
)

// bearer adds the token to each call. It reads the environment every time, as a program with short-lived tokens would
// read a file.
type bearer struct{}

func (bearer) GetHeaders(context.Context) (map[string]string, error) {
	return map[string]string{"Authorization": "Bearer " + os.Getenv("TEMPORAL_AUTH_TOKEN")}, nil
}

// Dial fails when the server cannot be reached or refuses GetSystemInfo.
func Dial() (client.Client, error) {
	return client.Dial(client.Options{
		HostPort:        os.Getenv("TEMPORAL_ADDRESS"),
		Namespace:       Namespace,
		HeadersProvider: bearer{},
	})
}
