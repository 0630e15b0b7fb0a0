package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"net"
	"strconv"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/api/adminservice/v1"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/namespace"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// The names under which the interceptors tell the client what they saw, and under which it says which case it sends.
const (
	sawNamespace = "oracle-namespace-bin"
	sawCross     = "oracle-cross-namespace"
	sentCase     = "oracle-case"
)

// keys is a key provider of one key: Temporal's own gets its keys from a URI.
type keys struct{ public *ecdsa.PublicKey }

func (k keys) EcdsaKey(string, string) (*ecdsa.PublicKey, error) { return k.public, nil }
func (k keys) RsaKey(string, string) (*rsa.PublicKey, error)     { return nil, errors.New("no RSA") }
func (k keys) HmacKey(string, string) ([]byte, error)            { return nil, errors.New("no HMAC") }
func (k keys) SupportedMethods() []string                        { return []string{"ES256"} }
func (k keys) Close()                                            {}

type anyNamespace struct{}

func (anyNamespace) Exists(namespace.Name) error { return nil }

// interceptor is Temporal's own, with its default claim mapper and its default authorizer.
func interceptor(public *ecdsa.PublicKey, crossNamespace bool) *authorization.Interceptor {
	logger := log.NewNoopLogger()
	mapper := authorization.NewDefaultJWTClaimMapper(keys{public}, &config.Authorization{}, logger)
	no := dynamicconfig.GetBoolPropertyFn(false)
	return authorization.NewInterceptor(mapper, authorization.NewDefaultAuthorizer(), metrics.NoopMetricsHandler, logger,
		anyNamespace{}, nil, "", "", no, dynamicconfig.GetBoolPropertyFn(crossNamespace),
		dynamicconfig.GetBoolPropertyFnFilteredByNamespace(false), no)
}

// serve starts a gRPC server that reads and judges requests as Temporal's frontend does, and does nothing with them but to
// tell of each what it found in it.
func serve(public *ecdsa.PublicKey, found func(number string, facts *Facts)) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	plain, cross := interceptor(public, false), interceptor(public, true)
	nothing := func(context.Context, any) (any, error) { return &emptypb.Empty{}, nil }
	tell := func(ctx context.Context, request any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		var named string
		if request, ok := request.(interface{ GetNamespace() string }); ok {
			named = request.GetNamespace()
		}
		// Before anything changes it.
		if message, ok := request.(proto.Message); ok {
			for _, number := range metadata.ValueFromIncomingContext(ctx, sentCase) {
				found(number, factsOf(message))
			}
		}
		_, err := cross.Intercept(ctx, request, info, nothing)
		code := strconv.Itoa(int(serviceerror.ToStatus(err).Code()))
		if err := grpc.SetTrailer(ctx, metadata.Pairs(sawNamespace, named, sawCross, code)); err != nil {
			return nil, err
		}
		response, err := next(ctx, request)
		return response, serviceerror.ToStatus(err).Err()
	}
	end := func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, _ grpc.UnaryHandler) (any, error) {
		return nothing(ctx, request)
	}
	server := grpc.NewServer(grpc.ChainUnaryInterceptor(tell, plain.Intercept, end),
		grpc.ChainStreamInterceptor(plain.InterceptStream))
	workflowservice.RegisterWorkflowServiceServer(server, &workflowservice.UnimplementedWorkflowServiceServer{})
	operatorservice.RegisterOperatorServiceServer(server, &operatorservice.UnimplementedOperatorServiceServer{})
	adminservice.RegisterAdminServiceServer(server, &adminservice.UnimplementedAdminServiceServer{})
	healthpb.RegisterHealthServer(server, health.NewServer())
	reflection.Register(server)
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), nil
}
