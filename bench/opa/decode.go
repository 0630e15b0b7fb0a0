package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

const prefixLength = 5

var errCompressed = errors.New("the message is compressed")

// decoder turns the body of a gRPC call into a value that a policy can read.
type decoder struct {
	files *protoregistry.Files
	types *dynamicpb.Types
}

func newDecoder(path string) (*decoder, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(content, &set); err != nil {
		return nil, err
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		return nil, err
	}
	return &decoder{files, dynamicpb.NewTypes(files)}, nil
}

// decode reads the one message of a unary call. Compressed messages are refused, as OPA-Envoy does not read them either.
func (d *decoder) decode(path string, body []byte) (ast.Value, error) {
	if len(body) < prefixLength {
		return nil, errors.New("the body is shorter than the prefix of a message")
	}
	if body[0] != 0 {
		return nil, errCompressed
	}
	encoded := body[prefixLength:]
	if uint64(binary.BigEndian.Uint32(body[1:prefixLength])) != uint64(len(encoded)) {
		return nil, errors.New("the body is not one whole message")
	}
	input, err := d.inputOf(path)
	if err != nil {
		return nil, err
	}
	message := dynamicpb.NewMessage(input)
	if err := proto.Unmarshal(encoded, message); err != nil {
		return nil, err
	}
	text, err := protojson.MarshalOptions{Resolver: d.types}.Marshal(message)
	if err != nil {
		return nil, err
	}
	return ast.ValueFromReader(bytes.NewReader(text))
}

func (d *decoder) inputOf(path string) (protoreflect.MessageDescriptor, error) {
	service, method, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	found, err := d.files.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return nil, err
	}
	if service, ok := found.(protoreflect.ServiceDescriptor); ok {
		if method := service.Methods().ByName(protoreflect.Name(method)); method != nil {
			return method.Input(), nil
		}
	}
	return nil, fmt.Errorf("%s: no such method", path)
}
