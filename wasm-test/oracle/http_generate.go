package main

import "google.golang.org/protobuf/reflect/protoreflect"

// httpGenerator makes requests to the HTTP API without end, the same ones for the same seed.
type httpGenerator struct {
	*generator
	routes []Route
	// byMethod are the routes, by the names of their methods; withToken are those of answers to tasks, and withEnum those of
	// requests in which an enum decides what is done.
	byMethod            map[protoreflect.FullName][]Route
	withToken, withEnum []Route
}

func newHTTPGenerator(seed uint64) *httpGenerator {
	g := &httpGenerator{generator: newGenerator(seed), byMethod: map[protoreflect.FullName][]Route{}}
	known := map[protoreflect.FullName]bool{}
	for _, method := range g.methods {
		if routes := routesOf(method); !known[method.FullName()] {
			known[method.FullName()] = true
			g.byMethod[method.FullName()] = routes
			g.routes = append(g.routes, routes...)
			if method.Input().Fields().ByName("task_token") != nil {
				g.withToken = append(g.withToken, routes...)
			}
			switch method.Name() {
			case "StartWorkflowExecution", "SignalWithStartWorkflowExecution", "CreateSchedule", "UpdateSchedule", "PatchSchedule", "DescribeTaskQueue":
				g.withEnum = append(g.withEnum, routes...)
			}
		}
	}
	return g
}

// focuses are the oddities of which requests have one sort and no other, so that nothing else decides what is made of them.
// What can be odd at one place only is listed less often.
var focuses = []string{
	"odd enum", "odd enum", "odd enum", "odd bool", "odd base64", "odd base64", "odd number", "odd text", "odd value", "odd parameter", "odd segment", "twice", "two of",
	"null beside", "null in a list", "value of another sort", "misspelt member", "unknown member", "body contradicts the path", "alias of a path variable",
	"parameter", "payload", "number beyond all numbers", "map key twice", "not UTF-8", "bits flipped in the body", "token",
}

// next makes a request: about half of them as an honest client would, the others with some oddities or many.
func (g *httpGenerator) next(number int) *HTTPCase {
	w := &httpWriter{writer: &writer{
		Rand: g.Rand, wild: []float64{0, 0, 0.006, 0.04}[g.IntN(4)], dense: []float64{0.3, 1, 1, 2}[g.IntN(4)],
	}}
	if g.IntN(5) == 0 {
		w.focus, w.dense = focuses[g.IntN(len(focuses))], 2.5
	}
	route := g.route(number, w.focus)
	w.style = w.IntN(4)
	w.names = []float64{0, 0.1, 1}[w.IntN(3)]
	c := &HTTPCase{Verb: route.verb, Claims: g.claims[g.IntN(len(g.claims))]}
	w.headers(c)
	path := w.path(route)
	switch {
	case route.hasBody:
		c.Body = w.body(route)
		if w.IntN(20) == 0 {
			path += "?" + w.query(route)
		}
	default:
		if query := w.query(route); query != "" || w.IntN(40) == 0 {
			path += "?" + query
		}
		if w.odd("body on a route without one") {
			c.Body = w.body(route)
		}
	}
	c.Target = Raw(path)
	g.distort(w, c)
	if w.odd("Grpc-Metadata-Authorization") {
		c.Forwarded = g.claims[g.IntN(len(g.claims))]
		if w.IntN(3) == 0 {
			c.Claims = nil
		}
	}
	c.Made = w.made
	return c
}

// route gives every route its share, whatever the count, and more to the methods whose requests hold more, or hold what is odd.
func (g *httpGenerator) route(number int, focus string) Route {
	if focus == "odd base64" || focus == "token" {
		return g.withToken[g.IntN(len(g.withToken))]
	}
	if focus == "odd enum" {
		return g.withEnum[g.IntN(len(g.withEnum))]
	}
	if number%3 == 0 && focus == "" {
		return g.routes[number/3%len(g.routes)]
	}
	for {
		method := g.methods[g.IntN(len(g.methods))]
		if routes := g.byMethod[method.FullName()]; len(routes) > 0 {
			return routes[g.IntN(len(routes))]
		}
	}
}

// distort changes a request as a whole.
func (g *httpGenerator) distort(w *httpWriter, c *HTTPCase) {
	if w.odd("another verb") {
		verbs := []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "post", "get", "Post", "PROPFIND"}
		c.Verb = verbs[w.IntN(len(verbs))]
	}
	if w.odd("target in absolute form") {
		c.Target = append(Raw("http://elsewhere.test"), c.Target...)
	}
	if w.odd("bits flipped in the target") {
		w.flip(c.Target[1:])
	}
	if w.odd("bits flipped in the body") {
		w.flip(c.Body)
	}
	if w.odd("body cut") {
		c.Body = c.Body[:w.IntN(len(c.Body)+1)]
	}
	// What no client can send in HTTP/1.1, and no proxy forwards.
	for i, b := range c.Target {
		if b == ' ' || b == '\r' || b == '\n' {
			c.Target[i] = '_'
		}
	}
}

func (w *httpWriter) flip(bytes []byte) {
	for range 1 + w.IntN(3) {
		if len(bytes) > 0 {
			bytes[w.IntN(len(bytes))] ^= 1 << w.IntN(8)
		}
	}
}

// headers chooses the headers, and with them the form of payloads in the body.
func (w *httpWriter) headers(c *HTTPCase) {
	add := func(name, value string) { c.Headers = append(c.Headers, [2]string{name, value}) }
	kind := ""
	switch w.IntN(10) {
	case 0:
	case 1:
		kind = "application/json; charset=utf-8"
	case 2:
		kind = "application/json+pretty"
	case 3, 4:
		kind, w.longhand = "application/json+no-payload-shorthand", true
	case 5:
		kind = []string{"text/plain", "application/grpc", "application/octet-stream", "*/*", "application/x-protobuf"}[w.IntN(5)]
	default:
		kind = "application/json"
	}
	if w.odd("odd content type") {
		kinds := []string{
			"Application/JSON+No-Payload-Shorthand", "application/json+no-payload-shorthand;q=1", "application/json+no-payload-shorthand;q",
			"application/json+pretty+no-payload-shorthand", "json", ";", "application/x-www-form-urlencoded; charset=utf-8",
			"multipart/form-data; boundary=x", "application/x-www-form-urlencoded",
		}
		kind = kinds[w.IntN(len(kinds))]
	}
	overridden := false
	if w.odd("X-HTTP-Method-Override") {
		verbs := []string{"GET", "POST", "DELETE", "PUT", "delete", "get", "HEAD", ""}
		add("x-http-method-override", verbs[w.IntN(len(verbs))])
		overridden = true
	}
	if overridden && w.IntN(4) != 0 || w.odd("form") {
		kind = "application/x-www-form-urlencoded"
		w.form = w.IntN(3) != 0
		if w.IntN(2) == 0 {
			c.Verb = "POST"
		}
	}
	if kind != "" {
		add("content-type", kind)
	}
	if w.odd("two content types") {
		kinds := []string{"application/json+no-payload-shorthand", "application/json", "application/x-www-form-urlencoded"}
		add("content-type", kinds[w.IntN(3)])
	}
	if w.IntN(10) == 0 {
		add("accept", []string{"application/json", "*/*", "application/json+pretty", "application/json+no-payload-shorthand"}[w.IntN(4)])
	}
	if w.odd("Grpc-Metadata header") {
		names := []string{
			"Grpc-Metadata-Caller-Type", "grpc-metadata-temporal-namespace", "Grpc-Metadata-Authorization-Extras", "Grpcgateway-Authorization",
			"grpc-metadata-x-bin", "Authorization-Extras", "Client-Name", "X-Forwarded-Host", "Grpc-Metadata-", "GRPC-METADATA-Caller-Name",
		}
		add(names[w.IntN(len(names))], names[w.IntN(len(names))])
	}
	if w.odd("content-encoding") {
		add("content-encoding", []string{"gzip", "identity", "deflate"}[w.IntN(3)])
	}
	if w.odd("Grpc-Timeout") {
		add("grpc-timeout", []string{"10S", "1H", "x", "5", "1n", "-1S"}[w.IntN(6)])
	}
}
