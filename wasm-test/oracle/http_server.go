package main

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/mux"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/headers"
	"google.golang.org/grpc"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// sentHTTPCase is the header by which a request says which case it is.
const sentHTTPCase = "Grpc-Metadata-" + sentCase

// maxHTTPBody is the server's `rpc.MaxHTTPAPIRequestBytes`.
const maxHTTPBody = 4 << 20

// serveHTTP starts the HTTP API of Temporal's server, before an authorizer and nothing else. It is put together as in
// `service/frontend/http_api_server.go` and `protojson_marshaler.go` (1.32.2), of the same parts: the gateway and its routes,
// the decoder of JSON, the router. The server's own types cannot be used: their packages only build with the API of its
// release, and this one is newer. The routes for Nexus and for the API's description are left out.
func serveHTTP(public *ecdsa.PublicKey, arrived func(number string, call *Call)) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	gateway := runtime.NewServeMux(
		runtime.WithMarshalerOption("application/json+pretty+no-payload-shorthand", marshaler{}),
		runtime.WithMarshalerOption("application/json+no-payload-shorthand", marshaler{}),
		runtime.WithMarshalerOption("application/json+pretty", marshaler{shorthand: true}),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, marshaler{shorthand: true}),
		runtime.WithErrorHandler(answerError),
		runtime.WithIncomingHeaderMatcher(forwarded),
	)
	client := inlineClient{intercept: interceptor(public, false).Intercept, arrived: arrived}
	if err := workflowservice.RegisterWorkflowServiceHandlerClient(context.Background(), gateway, workflowservice.NewWorkflowServiceClient(client)); err != nil {
		return "", err
	}
	if err := operatorservice.RegisterOperatorServiceHandlerClient(context.Background(), gateway, operatorservice.NewOperatorServiceClient(client)); err != nil {
		return "", err
	}
	router := mux.NewRouter().UseEncodedPath()
	router.PathPrefix("/").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxHTTPBody)
		gateway.ServeHTTP(w, r)
	})
	// The gateway complains of odd headers.
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard))
	server := &http.Server{Handler: router, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), nil
}

// forwarded says as which metadata a header reaches the handlers.
func forwarded(name string) (string, bool) {
	switch name {
	case "Authorization-Extras", "X-Forwarded-For", http.CanonicalHeaderKey(headers.ClientNameHeaderName),
		http.CanonicalHeaderKey(headers.ClientVersionHeaderName):
		return name, true
	}
	return runtime.DefaultHeaderMatcher(name)
}

func answerError(_ context.Context, _ *runtime.ServeMux, m runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
	status := serviceerror.ToStatus(err)
	w.Header().Set("Content-Type", m.ContentType(struct{}{}))
	w.WriteHeader(runtime.HTTPStatusFromCode(status.Code()))
	_ = json.NewEncoder(w).Encode(map[string]any{"code": status.Code(), "message": status.Message()})
}

// marshaler reads bodies as the server's does. It answers in JSON of no special form, which nobody looks at.
type marshaler struct{ shorthand bool }

func (m marshaler) ContentType(any) string                 { return "application/json" }
func (m marshaler) Marshal(v any) ([]byte, error)          { return json.Marshal(v) }
func (m marshaler) NewEncoder(w io.Writer) runtime.Encoder { return json.NewEncoder(w) }

func (m marshaler) Unmarshal(data []byte, v any) error {
	message, ok := v.(proto.Message)
	if !ok {
		return json.Unmarshal(data, v)
	}
	options := temporalproto.CustomJSONUnmarshalOptions{Metadata: map[string]any{}}
	if m.shorthand {
		options.Metadata[common.EnablePayloadShorthandMetadataKey] = true
	}
	return options.Unmarshal(data, message)
}

func (m marshaler) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		var document json.RawMessage
		if err := json.NewDecoder(r).Decode(&document); err != nil {
			return err
		}
		return m.Unmarshal(document, v)
	})
}

// inlineClient hands calls to the interceptor in this process, without encoding them.
type inlineClient struct {
	intercept grpc.UnaryServerInterceptor
	arrived   func(number string, call *Call)
}

func (c inlineClient) Invoke(ctx context.Context, method string, request, _ any, _ ...grpc.CallOption) error {
	sent, _ := metadata.FromOutgoingContext(ctx)
	ctx = metadata.NewIncomingContext(ctx, sent)
	call := callOf(sent, request.(proto.Message), method)
	end := func(context.Context, any) (any, error) { return nil, nil }
	_, err := c.intercept(ctx, request, &grpc.UnaryServerInfo{FullMethod: method}, end)
	call.Code = uint32(serviceerror.ToStatus(err).Code())
	for _, number := range sent[sentCase] {
		c.arrived(number, call)
	}
	return err
}

func (c inlineClient) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("stream not supported")
}

func callOf(sent metadata.MD, request proto.Message, method string) *Call {
	call := &Call{Method: method}
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	call.Request, call.Unencodable = bytes, err != nil
	if request, ok := request.(interface{ GetNamespace() string }); ok {
		call.Namespace = request.GetNamespace()
	}
	call.Tokens = len(sent["authorization"])
	for name := range sent {
		switch name {
		case sentCase, "x-forwarded-host", "x-forwarded-for", "authorization", "grpcgateway-authorization", "grpcgateway-content-type", "grpcgateway-accept":
		default:
			call.Metadata = append(call.Metadata, name)
		}
	}
	slices.Sort(call.Metadata)
	return call
}
