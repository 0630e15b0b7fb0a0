package main

import (
	"encoding/base64"
	"encoding/json"
	"unicode/utf8"
)

// HTTPCase is one request to the HTTP API. It is one line of JSON, here and in vectors/.
type HTTPCase struct {
	Verb string `json:"verb"`
	// Target is what stands between the verb and the version: path and query.
	Target Raw `json:"target"`
	// Headers are sent in this order, after the host.
	Headers [][2]string `json:"headers,omitempty"`
	Body    Raw         `json:"body,omitempty"`
	// Claims are signed with a good key; without any, no token is sent.
	Claims map[string]any `json:"claims,omitempty"`
	// Forwarded are the claims of another token, in the header `Grpc-Metadata-Authorization`.
	Forwarded map[string]any `json:"forwarded,omitempty"`
	// Made says how the request differs from what an honest client sends, for people.
	Made   []string    `json:"made,omitempty"`
	Answer *HTTPAnswer `json:"answer,omitempty"`
}

// HTTPAnswer is what Temporal's HTTP API makes of a case.
type HTTPAnswer struct {
	// Status is 0 if the server ended the connection without an answer, as it does if a handler panics.
	Status int `json:"status"`
	// Message is that of an error.
	Message string `json:"message,omitempty"`
	// Call is the call that reached the interceptors, if one did.
	Call *Call `json:"call,omitempty"`
}

// Call is a gRPC call that the gateway made of an HTTP request.
type Call struct {
	// Method is its path.
	Method string `json:"method"`
	// Request is the message, as bytes. Nothing between the gateway and the handlers encodes it.
	Request []byte `json:"request"`
	// Unencodable says that the message has a text that is not UTF-8, which no encoder writes; Request is then not complete.
	Unencodable bool `json:"unencodable,omitempty"`
	// Code is the status of Temporal's authorizer: 0 when the handler would have run.
	Code uint32 `json:"code"`
	// Namespace is the one that the authorizer was asked about.
	Namespace string `json:"namespace"`
	// Tokens is how many values the metadata has for `authorization`.
	Tokens int `json:"tokens"`
	// Metadata are the names of the metadata that the request's headers became, without those of every request.
	Metadata []string `json:"metadata,omitempty"`
}

// Raw is text that need not be UTF-8: a string in JSON if it is, or else `{"base64": …}`.
type Raw []byte

func (r Raw) MarshalJSON() ([]byte, error) {
	if utf8.Valid(r) {
		return json.Marshal(string(r))
	}
	return json.Marshal(map[string]string{"base64": base64.StdEncoding.EncodeToString(r)})
}

func (r *Raw) UnmarshalJSON(text []byte) error {
	var plain string
	if json.Unmarshal(text, &plain) == nil {
		*r = Raw(plain)
		return nil
	}
	var encoded struct {
		Base64 []byte `json:"base64"`
	}
	err := json.Unmarshal(text, &encoded)
	*r = encoded.Base64
	return err
}
