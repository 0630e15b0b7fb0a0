package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// HTTPOracle answers cases as Temporal's HTTP API does.
type HTTPOracle struct {
	Oracle
	// Connections that may be used again.
	idle sync.Pool
}

// NewHTTPOracle starts the server that knows.
func NewHTTPOracle() (*HTTPOracle, error) {
	oracle := &HTTPOracle{Oracle: Oracle{key: caseKey()}}
	address, err := serveHTTP(&oracle.key.PublicKey, func(number string, call *Call) { oracle.found.Store(number, call) })
	oracle.address = address
	return oracle, err
}

// Answer asks the server, and writes what it says into the case.
func (o *HTTPOracle) Answer(c *HTTPCase) error {
	number := strconv.FormatUint(o.sent.Add(1), 10)
	request, err := o.request(c, number)
	if err != nil {
		return err
	}
	answer, err := o.exchange(c.Verb, request)
	if err != nil {
		return err
	}
	c.Answer = answer
	if call, ok := o.found.LoadAndDelete(number); ok {
		c.Answer.Call = call.(*Call)
	}
	return nil
}

// request is the case in the form of HTTP/1.1, in which nothing changes it on its way.
func (o *HTTPOracle) request(c *HTTPCase, number string) ([]byte, error) {
	var request bytes.Buffer
	fmt.Fprintf(&request, "%s %s HTTP/1.1\r\nhost: oracle.test\r\n%s: %s\r\n", c.Verb, c.Target, sentHTTPCase, number)
	tokens := []struct {
		name   string
		claims map[string]any
	}{{"authorization", c.Claims}, {"grpc-metadata-authorization", c.Forwarded}}
	for _, header := range tokens {
		if header.claims == nil {
			continue
		}
		token, err := o.token(header.claims)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&request, "%s: Bearer %s\r\n", header.name, token)
	}
	for _, header := range c.Headers {
		fmt.Fprintf(&request, "%s: %s\r\n", header[0], header[1])
	}
	if len(c.Body) > 0 || c.Verb == http.MethodPost {
		fmt.Fprintf(&request, "content-length: %d\r\n", len(c.Body))
	}
	request.WriteString("\r\n")
	request.Write(c.Body)
	return request.Bytes(), nil
}

// connection is one to the server.
type connection struct {
	net.Conn
	reader *bufio.Reader
}

// exchange sends a request and reads the answer to it.
func (o *HTTPOracle) exchange(verb string, request []byte) (*HTTPAnswer, error) {
	if used, ok := o.idle.Get().(*connection); ok {
		// The server may have ended it after its last answer.
		if answer, err := o.over(used, verb, request); err == nil {
			return answer, nil
		}
	}
	dialed, err := net.Dial("tcp", o.address)
	if err != nil {
		return nil, err
	}
	answer, err := o.over(&connection{Conn: dialed, reader: bufio.NewReader(dialed)}, verb, request)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &HTTPAnswer{}, nil
	}
	return answer, err
}

func (o *HTTPOracle) over(c *connection, verb string, request []byte) (*HTTPAnswer, error) {
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return nil, err
	}
	// A server that has seen enough answers before it has read everything.
	go func() { _, _ = c.Write(request) }()
	response, err := http.ReadResponse(c.reader, &http.Request{Method: verb})
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.Close {
		_ = c.Close()
	} else {
		o.idle.Put(c)
	}
	answer := &HTTPAnswer{Status: response.StatusCode}
	var status struct {
		Message string `json:"message"`
	}
	if response.StatusCode != http.StatusOK && json.Unmarshal(body, &status) == nil {
		answer.Message = plain(status.Message)
	}
	return answer, nil
}
