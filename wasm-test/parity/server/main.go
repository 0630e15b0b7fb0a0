// Parity-server is a Temporal server that authorizes by itself: started from a configuration file as the server's own
// command does it, with the authorizer and the claim mapper that the file names.
package main

import (
	"fmt"
	"os"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	_ "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite" // the store that the file names
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
)

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("one argument is needed: a configuration file"))
	}
	if err := serve(os.Args[1]); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "parity-server:", err)
	os.Exit(1)
}

// serve returns when the process is told to end.
func serve(file string) error {
	cfg, err := config.Load(config.WithConfigFile(file))
	if err != nil {
		return err
	}
	settings := &cfg.Global.Authorization
	logger := log.NewZapLogger(log.BuildZapLogger(cfg.Log))
	authorizer, err := authorization.GetAuthorizerFromConfig(settings)
	if err != nil {
		return err
	}
	// Both sides of a comparison would agree on everything if this server let everybody in.
	if authorization.IsNoopAuthorizer(authorizer) {
		return fmt.Errorf("%s names no authorizer", file)
	}
	mapper, err := authorization.GetClaimMapperFromConfig(settings, logger)
	if err != nil {
		return err
	}
	audience, err := authorization.GetAudienceMapperFromConfig(settings)
	if err != nil {
		return err
	}
	server, err := temporal.NewServer(
		temporal.ForServices(append(temporal.DefaultServices, string(primitives.InternalFrontendService))),
		temporal.WithConfig(cfg),
		temporal.WithLogger(logger),
		temporal.InterruptOn(temporal.InterruptCh()),
		temporal.WithAuthorizer(authorizer),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return mapper }),
		temporal.WithAudienceGetter(func(*config.Config) authorization.JWTAudienceMapper { return audience }),
	)
	if err != nil {
		return err
	}
	return server.Start()
}
