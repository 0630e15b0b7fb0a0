package main

// Case is one call: what a client sends. It is one line of JSON, here and in vectors/.
type Case struct {
	Path string `json:"path"`
	// GrpcEncoding is the header of that name; none is sent when it is empty.
	GrpcEncoding string `json:"grpc_encoding,omitempty"`
	// Body is everything after the headers: prefix, message, and whatever else was made of it.
	Body []byte `json:"body"`
	// Chunks are the sizes in which the body is sent; what is left over is the last one.
	Chunks []int `json:"chunks,omitempty"`
	// Claims are signed with a good key; without any, no token is sent.
	Claims map[string]any `json:"claims,omitempty"`
	// Made says how the body differs from what an honest client sends, for people.
	Made []string `json:"made,omitempty"`
	// Answer is Temporal's.
	Answer *Answer `json:"answer,omitempty"`
	// Facts are what Temporal's types find in the request; nothing when it was not decoded.
	Facts *Facts `json:"facts,omitempty"`
}

// Answer is what Temporal makes of a case.
type Answer struct {
	// Code is the gRPC status: 0 when the handler would have run.
	Code    uint32 `json:"code"`
	Message string `json:"message,omitempty"`
	// Decoded says whether the request came as far as the interceptors.
	Decoded bool `json:"decoded"`
	// Skimmed says of a request that was not decoded whether its message is at least a sequence of protobuf fields, so
	// that what is wrong with it lies within one of them.
	Skimmed bool `json:"skimmed,omitempty"`
	// Namespace is the one that the authorizer was asked about.
	Namespace string `json:"namespace"`
	// CrossNamespace is the status with `system.enableCrossNamespaceCommands`, which checks the namespaces of commands.
	CrossNamespace uint32 `json:"cross_namespace"`
	// Scope and Access are the method's in Temporal's table.
	Scope  string `json:"scope"`
	Access string `json:"access"`
}
