package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v4"
	"go.temporal.io/server/common/api"
	"golang.org/x/net/http2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Oracle answers cases as Temporal does.
type Oracle struct {
	address string
	client  *http2.Transport
	key     *ecdsa.PrivateKey
	tokens  sync.Map
	// What the server found in cases that are under way, by their numbers.
	found sync.Map
	sent  atomic.Uint64
}

// NewOracle starts the server that knows.
func NewOracle() (*Oracle, error) {
	oracle := &Oracle{key: caseKey()}
	address, err := serve(&oracle.key.PublicKey, func(number string, facts *Facts) { oracle.found.Store(number, facts) })
	if err != nil {
		return nil, err
	}
	oracle.address = address
	oracle.client = &http2.Transport{
		AllowHTTP: true,
		DialTLSContext: func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
		DisableCompression: true,
	}
	return oracle, nil
}

// caseKey is a key that everybody may know: it signs nothing but cases.
func caseKey() *ecdsa.PrivateKey {
	curve := elliptic.P256()
	d := big.NewInt(0x7e4901a1)
	key := &ecdsa.PrivateKey{D: d}
	key.Curve = curve
	key.X, key.Y = curve.ScalarBaseMult(d.Bytes())
	return key
}

// Answer asks the server, and writes what it says into the case.
func (o *Oracle) Answer(c *Case) error {
	number := strconv.FormatUint(o.sent.Add(1), 10)
	answer, err := o.ask(c, number)
	if err != nil {
		return err
	}
	c.Answer, c.Facts = answer, nil
	if facts, ok := o.found.LoadAndDelete(number); ok {
		c.Facts = facts.(*Facts)
	}
	return nil
}

func (o *Oracle) ask(c *Case, number string) (*Answer, error) {
	header := http.Header{
		"Content-Type": {"application/grpc"},
		"Te":           {"trailers"},
		// A call that the server never answers must not hang.
		"Grpc-Timeout": {"10S"},
		sentCase:       {number},
	}
	if c.Claims != nil {
		token, err := o.token(c.Claims)
		if err != nil {
			return nil, err
		}
		header.Set("Authorization", "Bearer "+token)
	}
	if c.GrpcEncoding != "" {
		header.Set("Grpc-Encoding", c.GrpcEncoding)
	}
	request := &http.Request{
		Method:        http.MethodPost,
		URL:           &url.URL{Scheme: "http", Host: o.address, Path: c.Path},
		Header:        header,
		Body:          io.NopCloser(&pieces{rest: c.Body, sizes: c.Chunks}),
		ContentLength: -1,
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	response, err := o.client.RoundTrip(request.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	// A server that has seen enough resets the stream after its answer.
	if _, err := io.Copy(io.Discard, response.Body); err != nil && response.Trailer.Get("Grpc-Status") == "" {
		return nil, err
	}
	get := func(name string) string {
		if value := response.Trailer.Get(name); value != "" {
			return value
		}
		return response.Header.Get(name)
	}
	code, err := strconv.ParseUint(get("Grpc-Status"), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("no grpc-status: %w", err)
	}
	metadata := api.GetMethodMetadata(c.Path)
	answer := &Answer{Code: uint32(code), Message: plain(get("Grpc-Message")), Scope: scope(metadata.Scope), Access: access(metadata.Access)}
	cross := get(sawCross)
	if cross == "" {
		answer.Skimmed = strings.HasPrefix(answer.Message, "grpc: error unmarshalling request") && skim(c)
		return answer, nil
	}
	answer.Decoded = true
	named, err := base64.RawStdEncoding.DecodeString(get(sawNamespace))
	if err != nil {
		return nil, err
	}
	answer.Namespace = string(named)
	crossCode, err := strconv.ParseUint(cross, 10, 32)
	answer.CrossNamespace = uint32(crossCode)
	return answer, err
}

// plain takes protobuf-go's non-breaking spaces for what they are: it writes them in some builds, so that nobody compares its texts.
func plain(message string) string {
	return strings.NewReplacer("%C2%A0", " ", "\u00a0", " ").Replace(message)
}

// skim reads the first message with the same libraries as the server, but into a type that knows none of its fields.
func skim(c *Case) bool {
	if len(c.Body) < 5 {
		return false
	}
	length := uint64(binary.BigEndian.Uint32(c.Body[1:5]))
	if uint64(len(c.Body)-5) < length {
		return false
	}
	message := c.Body[5 : 5+length]
	if c.Body[0] == 1 {
		unpacked, err := gzip.NewReader(bytes.NewReader(message))
		if err != nil {
			return false
		}
		if message, err = io.ReadAll(io.LimitReader(unpacked, 4<<20)); err != nil {
			return false
		}
	}
	return proto.Unmarshal(message, &emptypb.Empty{}) == nil
}

// token signs the claims; the same claims get the same token.
func (o *Oracle) token(claims map[string]any) (string, error) {
	key, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	if token, ok := o.tokens.Load(string(key)); ok {
		return token.(string), nil
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims(claims))
	unsigned.Header["kid"] = "oracle"
	token, err := unsigned.SignedString(o.key)
	if err == nil {
		o.tokens.Store(string(key), token)
	}
	return token, err
}

// pieces hands out the body in chunks of given sizes.
type pieces struct {
	rest  []byte
	sizes []int
}

func (p *pieces) Read(into []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	size := len(p.rest)
	if len(p.sizes) > 0 {
		size, p.sizes = min(size, max(1, p.sizes[0])), p.sizes[1:]
	}
	n := copy(into, p.rest[:size])
	p.rest = p.rest[n:]
	return n, nil
}

func scope(scope api.Scope) string {
	switch scope {
	case api.ScopeNamespace:
		return "namespace"
	case api.ScopeCluster:
		return "cluster"
	}
	return "unknown"
}

func access(access api.Access) string {
	switch access {
	case api.AccessReadOnly:
		return "read"
	case api.AccessWrite:
		return "write"
	case api.AccessAdmin:
		return "admin"
	}
	return "unknown"
}
