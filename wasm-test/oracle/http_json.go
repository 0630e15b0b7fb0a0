package main

import (
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// httpWriter makes requests to the HTTP API text by text, so that it can also make what no encoder makes.
type httpWriter struct {
	*writer
	// style is how JSON is laid out, names how likely a field has its name in protobuf and not its name in JSON.
	style int
	names float64
	// longhand says that payloads are written out, form that the body is one of a form.
	longhand, form bool
	// bound are the values of the path's variables, by the paths of their fields; variables are their names in order.
	bound     map[string]string
	variables []string
}

// body writes the body of a request by this route.
func (w *httpWriter) body(route Route) []byte {
	message := route.method.Input()
	if w.form {
		return []byte(w.query(route))
	}
	if w.IntN(40) == 0 {
		return []byte([]string{"", "", "{}", " ", "\n{}\n"}[w.IntN(5)])
	}
	if w.odd("not an object") {
		return []byte([]string{"null", "[]", `""`, "1", "true", `[{"namespace":"payroll"}]`, "nul", "}", "\x00", "undefined"}[w.IntN(10)])
	}
	body := w.space() + w.object(message, nil, 0) + w.space()
	if w.odd("byte order mark") {
		body = "\ufeff" + body
	}
	if w.odd("more after the body") {
		body += []string{"{}", `{"namespace":"finance"}`, "x", "]", ",", "\x00", "}", "\xff"}[w.IntN(8)]
	}
	return []byte(body)
}

// object writes a message with random fields.
func (w *httpWriter) object(message protoreflect.MessageDescriptor, path []string, depth int) string {
	var members []string
	add := func(name, value string) {
		members = append(members, w.quoteKey(name)+w.space()+":"+w.space()+value)
	}
	arms := map[protoreflect.Name]int{}
	for i := range message.Oneofs().Len() {
		oneof := message.Oneofs().Get(i)
		arms[oneof.Name()] = w.IntN(oneof.Fields().Len())
	}
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		here := append(append([]string{}, path...), string(field.Name()))
		if !w.isWritten(field, here, arms, depth) {
			continue
		}
		value := w.member(field, here, depth)
		add(w.name(field), value)
		if w.odd("twice " + string(field.Name())) {
			if w.IntN(2) == 0 {
				value = w.member(field, here, depth)
			}
			add([]string{string(field.Name()), field.JSONName()}[w.IntN(2)], value)
		}
	}
	w.oddMembers(message, add)
	if w.IntN(4) == 0 {
		w.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	}
	comma := w.space() + "," + w.space()
	text := strings.Join(members, comma)
	if w.odd("comma too many") {
		text += ","
	}
	return "{" + w.space() + text + w.space() + "}"
}

// isWritten says whether the message gets the field.
func (w *httpWriter) isWritten(field protoreflect.FieldDescriptor, path []string, arms map[protoreflect.Name]int, depth int) bool {
	likely := 0.1 * w.dense
	if matters(field) {
		likely = 0.3 * w.dense
	}
	if depth > 2 {
		likely /= 2
	}
	if usual(field, depth) {
		likely = max(likely, 0.8)
	}
	name := strings.Join(path, ".")
	if _, isBound := w.bound[name]; isBound {
		likely = 0.15
	} else {
		for bound := range w.bound {
			// What the path names in part has more parts.
			if strings.HasPrefix(bound, name+".") {
				likely = 0.5
			}
		}
	}
	if oneof := field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
		if oneof.Fields().Get(arms[oneof.Name()]) == field {
			likely = min(0.9, 3*likely)
		} else if !w.odd("two of " + string(oneof.Name())) {
			return false
		}
	}
	return depth <= 6 && w.Float64() < likely
}

// oddMembers adds what no message has.
func (w *httpWriter) oddMembers(message protoreflect.MessageDescriptor, add func(name, value string)) {
	value := func() string { return w.quote(names[w.IntN(len(names))]) }
	if w.odd("unknown member") {
		keys := []string{"x", "", "[x]", "[google.api.http]", "@type", "namespace_", "nameSpace", "Namespace", "NAMESPACE", "name space", "$", "__proto__", "namespace\x00"}
		add(keys[w.IntN(len(keys))], value())
	}
	if message.Fields().Len() > 0 && w.odd("misspelt member") {
		field := message.Fields().Get(w.IntN(message.Fields().Len()))
		forms := []string{
			strings.ToUpper(string(field.Name())), strings.ToLower(field.JSONName()), string(field.Name()) + " ", " " + field.JSONName(),
			strings.ReplaceAll(string(field.Name()), "_", "-"), "[" + string(field.FullName()) + "]", strconv.Itoa(int(field.Number())),
		}
		add(forms[w.IntN(len(forms))], value())
	}
	if w.odd("null beside") && message.Fields().Len() > 0 {
		add(w.name(message.Fields().Get(w.IntN(message.Fields().Len()))), "null")
	}
}

// name is one of the names of a field.
func (w *httpWriter) name(field protoreflect.FieldDescriptor) string {
	if w.Float64() < w.names {
		return string(field.Name())
	}
	return field.JSONName()
}

// member writes the value of a field with everything that repeats in it.
func (w *httpWriter) member(field protoreflect.FieldDescriptor, path []string, depth int) string {
	if value, isBound := w.bound[strings.Join(path, ".")]; isBound && !w.odd("body contradicts the path") {
		return w.quote(value)
	}
	if w.IntN(60) == 0 {
		return "null"
	}
	if w.odd("value of another sort") {
		return []string{"{}", "[]", `""`, "1", "true", "null", "[null]", "-0", "1.5", `"x"`, "[{}]", `{"x":1}`}[w.IntN(12)]
	}
	switch {
	case field.IsMap():
		var entries []string
		for range w.IntN(3) {
			key := names[w.IntN(len(names))]
			if texts := textsOf(field); texts != nil {
				key = texts[w.IntN(len(texts))]
			}
			key += strconv.Itoa(len(entries))
			if w.odd("map key twice") && len(entries) > 0 {
				entries = append(entries, entries[0])
				continue
			}
			entries = append(entries, w.quote(key)+w.space()+":"+w.space()+w.value(field.MapValue(), path, depth))
		}
		return "{" + w.space() + strings.Join(entries, w.space()+","+w.space()) + w.space() + "}"
	case field.IsList():
		var items []string
		for range w.IntN(4) {
			items = append(items, w.value(field, path, depth))
		}
		if w.odd("null in a list") {
			items = append(items, "null")
		}
		return "[" + w.space() + strings.Join(items, w.space()+","+w.space()) + w.space() + "]"
	}
	return w.value(field, path, depth)
}

// space is what stands between the parts of a document.
func (w *httpWriter) space() string {
	switch w.style {
	case 0, 1:
		return ""
	case 2:
		return " "
	}
	return strings.Repeat([]string{" ", "\n", "\t", "\r\n"}[w.IntN(4)], w.IntN(3))
}
