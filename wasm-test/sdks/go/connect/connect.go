// Package connect is the connection that worker and client share.
package connect

import (
	"context"
	"os"
	"strings"

	"go.temporal.io/sdk/client"
)

// token returns the token that is valid now. The SDK asks for it with every call, so it must be at hand: here, something
// else keeps the file fresh. If getting a token is a call to your provider, keep the token until half of its life is over.
func token(context.Context) (string, error) {
	text, err := os.ReadFile(os.Getenv("TOKEN_FILE"))
	return strings.TrimSpace(string(text)), err
}

func Dial() (client.Client, error) {
	return client.Dial(client.Options{
		HostPort:    os.Getenv("TEMPORAL_ADDRESS"),
		Namespace:   os.Getenv("TEMPORAL_NAMESPACE"),
		Credentials: client.NewAPIKeyDynamicCredentials(token),
		// Only where the hop to Envoy is local: with credentials, TLS is the default.
		ConnectionOptions: client.ConnectionOptions{TLSDisabled: true},
	})
}
