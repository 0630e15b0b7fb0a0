// Command opa-ext-authz answers Envoy's ext_authz with a policy in Rego, which OPA's library evaluates in this process.
//
// It does what such a service cannot leave out, and nothing else: no decision log, no bundles, no metrics.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown/cache"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

const query = "data.envoy.authz.allow"

func main() {
	address := flag.String("listen", "127.0.0.1:9191", "where Envoy finds this service")
	descriptors := flag.String("descriptors", "", "a FileDescriptorSet with the methods whose bodies are decoded")
	tokens := flag.Int("tokens", 0, "how many verified tokens OPA keeps; 0 is its default")
	flag.Parse()
	if err := run(*address, *descriptors, *tokens, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

// run serves until a signal; `policy` are the files of policy and data. Without any, every call is allowed unread.
func run(address, descriptors string, tokens int, policy []string) error {
	service := &authorizer{}
	if len(policy) > 0 {
		var err error
		if service.decoder, err = newDecoder(descriptors); err != nil {
			return err
		}
		if err = service.prepare(context.Background(), tokens, policy); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, service)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		server.Stop()
	}()
	return server.Serve(listener)
}

type authorizer struct {
	authv3.UnimplementedAuthorizationServer
	decoder *decoder
	query   *rego.PreparedEvalQuery
	// What OPA's functions keep from one evaluation to the next.
	values cache.InterQueryValueCache
}

func (a *authorizer) prepare(ctx context.Context, tokens int, policy []string) error {
	configuration, err := cache.ParseCachingConfig(cachingConfig(tokens))
	if err != nil {
		return err
	}
	a.values = cache.NewInterQueryValueCache(ctx, configuration)
	prepared, err := rego.New(rego.Query(query), rego.Load(policy, nil)).PrepareForEval(ctx)
	a.query = &prepared
	return err
}

func (a *authorizer) Check(ctx context.Context, request *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	if a.query == nil {
		return answer(codes.OK), nil
	}
	allowed, err := a.allows(ctx, request)
	if err != nil {
		log.Print(err)
	}
	if err != nil || !allowed {
		return answer(codes.PermissionDenied), nil
	}
	return answer(codes.OK), nil
}

func (a *authorizer) allows(ctx context.Context, request *authv3.CheckRequest) (bool, error) {
	http := request.GetAttributes().GetRequest().GetHttp()
	body, err := a.decoder.decode(http.GetPath(), http.GetRawBody())
	if err != nil {
		return false, err
	}
	headers := ast.NewObject()
	for name, value := range http.GetHeaders() {
		headers.Insert(ast.StringTerm(name), ast.StringTerm(value))
	}
	input := ast.NewObject(
		ast.Item(ast.StringTerm("path"), ast.StringTerm(http.GetPath())),
		ast.Item(ast.StringTerm("headers"), ast.NewTerm(headers)),
		ast.Item(ast.StringTerm("body"), ast.NewTerm(body)),
	)
	results, err := a.query.Eval(ctx, rego.EvalParsedInput(input), rego.EvalInterQueryBuiltinValueCache(a.values))
	if err != nil {
		return false, err
	}
	if len(results) != 1 {
		return false, errors.New("the policy has no decision")
	}
	return results.Allowed(), nil
}

// cachingConfig is the member `caching` of OPA's own configuration.
func cachingConfig(tokens int) []byte {
	if tokens == 0 {
		return nil
	}
	return fmt.Appendf(nil, `{"inter_query_builtin_value_cache": {"named": {"io_jwt": {"max_num_entries": %d}}}}`, tokens)
}

func answer(code codes.Code) *authv3.CheckResponse {
	return &authv3.CheckResponse{Status: &status.Status{Code: int32(code)}}
}
