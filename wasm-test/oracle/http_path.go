package main

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// path writes the path of a request by this route.
func (w *httpWriter) path(route Route) string {
	w.bound, w.variables = map[string]string{}, nil
	var segments []string
	for _, segment := range route.segments {
		name, ok := variable(segment)
		if !ok {
			segments = append(segments, w.literal(segment))
			continue
		}
		value := w.bind(fieldAt(route.method.Input(), name))
		w.bound[name] = value
		w.variables = append(w.variables, name)
		segments = append(segments, w.segment(value))
	}
	if w.odd("segment left out") {
		i := w.IntN(len(segments))
		segments = append(segments[:i:i], segments[i+1:]...)
	}
	if w.odd("segment put in") {
		pieces := []string{"", ".", "..", "x", "%2e", "%2E%2e", "namespaces", "api", "%2F", ";"}
		i := w.IntN(len(segments) + 1)
		segments = append(segments[:i:i], append([]string{pieces[w.IntN(len(pieces))]}, segments[i:]...)...)
	}
	if w.odd("slashes escaped") {
		i := w.IntN(len(segments) + 1)
		return "/" + strings.Join(segments[:i], "/") + []string{"%2F", "%2f", "%252F", "%5C", "\\"}[w.IntN(5)] + strings.Join(segments[i:], "/")
	}
	path := "/" + strings.Join(segments, "/")
	if w.odd("trailing slash") {
		path += "/"
	}
	if w.odd("verb after a colon") {
		path += []string{":terminate", ":", ":x"}[w.IntN(3)]
	}
	if w.odd("/api/v1 put in or left out") {
		if rest, ok := strings.CutPrefix(path, "/api/v1"); ok {
			return rest
		}
		return "/api/v1" + path
	}
	return path
}

// bind chooses the value of a variable.
func (w *httpWriter) bind(field protoreflect.FieldDescriptor) string {
	if field.Kind() != protoreflect.StringKind {
		return "1"
	}
	for range 20 {
		value := string(w.text(field))
		switch {
		case value == "":
			// An empty segment is an oddity of its own.
			if w.IntN(20) == 0 && w.odd("empty variable") {
				return value
			}
		case !strings.Contains(value, "/") || w.odd("slash in a variable"):
			return value
		}
	}
	return "acme-1"
}

// literal writes a literal segment, mostly as it is.
func (w *httpWriter) literal(segment string) string {
	switch {
	case w.odd("literal escaped"):
		i := w.IntN(len(segment))
		return fmt.Sprintf("%s%%%02x%s", segment[:i], segment[i], segment[i+1:])
	case w.odd("literal misspelt"):
		return []string{strings.ToUpper(segment), strings.TrimSuffix(segment, "s"), segment + "s", segment + "%00", segment + "."}[w.IntN(5)]
	}
	return segment
}

// segment writes a value into the path, with escapes where they are needed and sometimes where they are not.
func (w *httpWriter) segment(value string) string {
	if w.odd("odd segment") {
		pieces := []string{
			"..", ".", "%2e%2e", "%2F", "%2f", "%5C", "%5c", "\\", "%00", "%0a", "%0d%0a", "%7f", "%", "%2", "%zz", "%2525", "%ff", "%c3%28", "é",
			";a=b", "+", "%2B", "*", "{namespace}", "=", "&", "%3F", "%23", "#", "\"", "<", "^", "|", "`", "\x7f", "\xff", "%u0061", "~", ":", "@", "%20", "%09",
		}
		piece := pieces[w.IntN(len(pieces))]
		switch w.IntN(4) {
		case 0:
			return piece
		case 1:
			return url.PathEscape(value) + piece
		case 2:
			return piece + url.PathEscape(value)
		}
		i := w.IntN(len(value) + 1)
		return url.PathEscape(value[:i]) + piece + url.PathEscape(value[i:])
	}
	isASCII := !strings.ContainsFunc(value, func(r rune) bool { return r > 0x7f })
	if w.IntN(12) != 0 || !isASCII {
		return url.PathEscape(value)
	}
	// An escape where none is needed means the same.
	var out strings.Builder
	for _, b := range []byte(value) {
		if w.IntN(3) == 0 && b != '/' {
			fmt.Fprintf(&out, []string{"%%%02x", "%%%02X"}[w.IntN(2)], b)
		} else {
			out.WriteString(url.PathEscape(string(rune(b))))
		}
	}
	return out.String()
}

// query writes the parameters of a request, without the question mark.
func (w *httpWriter) query(route Route) string {
	pairs := w.parameters(route.method.Input(), nil, nil, 0)
	if w.odd("alias of a path variable") && len(w.variables) > 0 {
		key := w.key(route.method.Input(), strings.Split(w.variables[w.IntN(len(w.variables))], "."))
		key += []string{"", "", "", "[x]", ".x", "[]"}[w.IntN(6)]
		pairs = append(pairs, [2]string{key, names[w.IntN(len(names))]})
	}
	if w.IntN(25) == 0 {
		extra := [][2]string{{"pretty", ""}, {"noPayloadShorthand", ""}, {"access_token", "x"}, {"x", "1"}, {"Namespace", "finance"}}
		pairs = append(pairs, extra[w.IntN(len(extra))])
	}
	if w.odd("parameter twice") && len(pairs) > 0 {
		pair := pairs[w.IntN(len(pairs))]
		if w.IntN(2) == 0 {
			pair[1] = names[w.IntN(len(names))]
		}
		pairs = append(pairs, pair)
	}
	if w.odd("odd parameter") {
		keys := []string{"", ".", "namespace.", ".namespace", "[namespace]", "namespace[payroll]", "a[b][c]", "namespace]", "NAMESPACE", "name_space", "é", "\x00"}
		pairs = append(pairs, [2]string{keys[w.IntN(len(keys))], names[w.IntN(len(names))]})
	}
	w.Shuffle(len(pairs), func(i, j int) { pairs[i], pairs[j] = pairs[j], pairs[i] })
	var parts []string
	for _, pair := range pairs {
		key := url.QueryEscape(pair[0])
		if w.IntN(10) != 0 {
			key = strings.NewReplacer("%5B", "[", "%5D", "]").Replace(key)
		}
		if w.odd("parameter escaped") && pair[0] != "" {
			i := w.IntN(len(pair[0]))
			key = url.QueryEscape(pair[0][:i]) + fmt.Sprintf("%%%02x", pair[0][i]) + url.QueryEscape(pair[0][i+1:])
		}
		value := url.QueryEscape(pair[1])
		if w.odd("odd value") {
			pieces := []string{"%", "%zz", "%ff", "%00", "%0a", ";", ";a=b", "=", "+", "%2B", "%20", "#", "?", "é", "\xff", "&", "&&", "'", "\\", "%e2%80"}
			value += pieces[w.IntN(len(pieces))]
		}
		if pair[1] == "" && w.IntN(2) == 0 {
			parts = append(parts, key)
		} else {
			parts = append(parts, key+"="+value)
		}
	}
	return strings.Join(parts, "&")
}

// parameters chooses fields and their values, at any depth, without those that the path names.
func (w *httpWriter) parameters(message protoreflect.MessageDescriptor, proto, path []string, depth int) [][2]string {
	var pairs [][2]string
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		name := strings.Join(append(append([]string{}, proto...), string(field.Name())), ".")
		if _, bound := w.bound[name]; bound {
			continue
		}
		likely := 0.15 * w.dense
		if matters(field) {
			likely = 0.3 * w.dense
		}
		if w.Float64() >= likely || field.ContainingOneof() != nil && len(pairs) > 0 && w.IntN(3) != 0 {
			continue
		}
		here := append(append([]string{}, path...), w.name(field))
		protos := append(append([]string{}, proto...), string(field.Name()))
		key := strings.Join(here, ".")
		switch {
		case field.IsMap():
			pairs = append(pairs, [2]string{key + "[" + names[w.IntN(len(names))] + "]", w.parameter(field.MapValue())})
		case field.IsList():
			for range 1 + w.IntN(3) {
				pairs = append(pairs, [2]string{key, w.parameter(field)})
			}
		case field.Message() != nil && !isScalar(field.Message()):
			if depth < 2 && !w.odd("parameter that is a message") {
				pairs = append(pairs, w.parameters(field.Message(), protos, here, depth+1)...)
			} else {
				pairs = append(pairs, [2]string{key, "x"})
			}
		default:
			pairs = append(pairs, [2]string{key, w.parameter(field)})
			if w.odd("parameter by both names") {
				here[len(here)-1] = string(field.Name())
				other := strings.Join(here, ".")
				if other == key {
					here[len(here)-1] = field.JSONName()
					other = strings.Join(here, ".")
				}
				pairs = append(pairs, [2]string{other, w.parameter(field)})
			}
		}
	}
	return pairs
}

// key is a path of fields with each by one of its names.
func (w *httpWriter) key(message protoreflect.MessageDescriptor, path []string) string {
	var out []string
	for _, name := range path {
		field := message.Fields().ByName(protoreflect.Name(name))
		out = append(out, w.name(field))
		message = field.Message()
	}
	return strings.Join(out, ".")
}

// isScalar says whether a parameter may be a message of this type.
func isScalar(message protoreflect.MessageDescriptor) bool {
	return strings.HasPrefix(string(message.FullName()), "google.protobuf.")
}

// parameter is a value of a field as a query has it.
func (w *httpWriter) parameter(field protoreflect.FieldDescriptor) string {
	if w.odd("value of another sort") {
		return []string{"", "x", "null", "{}", "1", "true", "-1", "[]"}[w.IntN(8)]
	}
	switch field.Kind() {
	case protoreflect.MessageKind:
		switch field.Message().FullName() {
		case "google.protobuf.Timestamp":
			return "2027-01-15T08:00:00Z"
		case "google.protobuf.Duration":
			return "10s"
		}
		return "x"
	case protoreflect.BoolKind:
		values := []string{"true", "true", "false", "1", "0", "t", "F", "TRUE", "False"}
		if w.odd("odd bool") {
			values = []string{"yes", "tRUE", "2", "", " true", "on"}
		}
		return values[w.IntN(len(values))]
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		value := values.Get(w.IntN(values.Len()))
		if w.odd("odd enum") {
			forms := []string{
				"+" + strconv.Itoa(int(value.Number())), "0" + strconv.Itoa(int(value.Number())), "-1", "99", strings.ToLower(string(value.Name())),
				w.short(field.Enum(), value), "1.0", "1e0", "0x1", " 1",
			}
			return forms[w.IntN(len(forms))]
		}
		if w.IntN(3) == 0 {
			return strconv.Itoa(int(value.Number()))
		}
		return string(value.Name())
	case protoreflect.StringKind:
		return string(w.text(field))
	case protoreflect.BytesKind:
		return w.base64(w.junk(20), true)
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return []string{"1", "0.5", "1e3", "NaN"}[w.IntN(4)]
	}
	return strconv.Itoa(w.IntN(1000))
}
