package main

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// codings are the four that are read in JSON; the first two have padding.
var codings = [...]*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding}

// value writes one value of a field.
func (w *httpWriter) value(field protoreflect.FieldDescriptor, path []string, depth int) string {
	switch field.Kind() {
	case protoreflect.MessageKind:
		return w.messageValue(field.Message(), path, depth)
	case protoreflect.StringKind:
		return w.quote(string(w.text(field)))
	case protoreflect.BytesKind:
		if field.Name() == "task_token" {
			return w.quote(w.base64(w.token(field.ContainingMessage()), false))
		}
		return w.quote(w.base64(w.junk(20), false))
	case protoreflect.EnumKind:
		return w.enumValue(field.Enum())
	case protoreflect.BoolKind:
		if w.odd("odd bool") {
			return []string{`"true"`, "1", "0", "True", `"false"`, "null"}[w.IntN(6)]
		}
		return []string{"true", "false"}[w.IntN(2)]
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return []string{"1", "0.5", "1e3", `"NaN"`, `"1.5"`, "-0.0"}[w.IntN(6)]
	case protoreflect.Int64Kind, protoreflect.Uint64Kind:
		if w.IntN(2) == 0 {
			return w.quote(w.number())
		}
	}
	return w.number()
}

// number writes a whole number.
func (w *httpWriter) number() string {
	if w.odd("odd number") {
		forms := []string{"1e0", "1.0", "10e-1", "-0", "1.5", "1e400", "99999999999999999999", "01", "+1", "0x1", ".5", "1.", "-", "NaN", "2147483648", "-1"}
		return forms[w.IntN(len(forms))]
	}
	return strconv.Itoa(w.IntN(100000))
}

// enumValue writes a value of an enum by its name, by its number, or by its old name.
func (w *httpWriter) enumValue(enum protoreflect.EnumDescriptor) string {
	value := enum.Values().Get(w.IntN(enum.Values().Len()))
	number := strconv.Itoa(int(value.Number()))
	if w.odd("odd enum") {
		short := w.short(enum, value)
		last := int(enum.Values().Get(enum.Values().Len() - 1).Number())
		forms := []string{
			number + ".0", number + "e0", number + "0e-1", "-0", `"` + number + `"`, strconv.Itoa(last + 1), strconv.Itoa(math.MaxInt32), "2147483648", "-1",
			w.quote(strings.ToLower(string(value.Name()))), w.quote(" " + string(value.Name())), w.quote(short + " "), w.quote(strings.ToUpper(short)),
			w.quote(strings.ToLower(short[:1]) + short[1:]), w.quote("Nothing"), `""`, "true", "0." + number + "e1", number + "e00", "1e400", w.quote(spaced(short, " ")),
			w.quote(spaced(short, "-")), w.quote(spaced(short, ".")),
		}
		return forms[w.IntN(len(forms))]
	}
	switch w.IntN(8) {
	case 0, 1:
		return number
	case 2:
		return w.quote(w.short(enum, value))
	}
	return w.quote(string(value.Name()))
}

// short is the name of a value as older versions of the API have it: without the prefix, in camel case.
func (w *httpWriter) short(enum protoreflect.EnumDescriptor, value protoreflect.EnumValueDescriptor) string {
	first := string(enum.Values().Get(0).Name())
	name := strings.TrimPrefix(string(value.Name()), strings.TrimSuffix(first, "UNSPECIFIED"))
	var short strings.Builder
	for part := range strings.SplitSeq(strings.ToLower(name), "_") {
		if part != "" {
			short.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return short.String()
}

// spaced parts the words of a name in camel case.
func spaced(name, by string) string {
	var out strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			out.WriteString(by)
		}
		out.WriteRune(r)
	}
	return out.String()
}

// messageValue writes a message in the form that JSON has for it.
func (w *httpWriter) messageValue(message protoreflect.MessageDescriptor, path []string, depth int) string {
	switch message.FullName() {
	case "google.protobuf.Timestamp":
		return []string{`"2027-01-15T08:00:00Z"`, `"2027-01-15T08:00:00.123456789+01:00"`, `"1970-01-01T00:00:00Z"`}[w.IntN(3)]
	case "google.protobuf.Duration":
		return []string{`"10s"`, `"0.5s"`, `"-1s"`, `"315576000000s"`}[w.IntN(4)]
	case "google.protobuf.FieldMask":
		return []string{`"versioningOverride"`, `"a,b"`, `""`, `"taskQueue.name"`}[w.IntN(4)]
	case "google.protobuf.Empty":
		return "{}"
	case "google.protobuf.Struct":
		return w.anyJSON(2)
	case "google.protobuf.Any":
		return `{"@type":"type.googleapis.com/temporal.api.common.v1.WorkflowExecution","workflowId":"acme-1"}`
	case "temporal.api.common.v1.Payload":
		return w.payload()
	case "temporal.api.common.v1.Payloads":
		return w.payloads()
	}
	if message.ParentFile().Package() == "google.protobuf" {
		return w.number()
	}
	return w.object(message, path, depth+1)
}

func (w *httpWriter) payloads() string {
	var items []string
	for range w.IntN(3) {
		items = append(items, w.payload())
	}
	list := "[" + strings.Join(items, w.space()+","+w.space()) + "]"
	if w.longhand != w.odd("payloads in the other form") || w.IntN(5) == 0 {
		return `{"payloads":` + w.space() + list + "}"
	}
	return list
}

func (w *httpWriter) payload() string {
	if w.longhand != w.odd("payload in the other form") || w.IntN(6) == 0 {
		encoding := []string{"json/plain", "binary/null", "json/protobuf", "binary/protobuf"}[w.IntN(4)]
		return fmt.Sprintf(`{"metadata":{"encoding":%s},"data":%s}`, w.quote(w.base64([]byte(encoding), false)), w.quote(w.base64([]byte(`"x"`), false)))
	}
	if w.odd("deep payload") {
		deep := []int{50, 127, 128, 129, 500, 9990 + w.IntN(20)}[w.IntN(6)]
		return strings.Repeat("[", deep) + strings.Repeat("]", deep)
	}
	return w.anyJSON(2)
}

// anyJSON writes any value, some of which look as if they meant something.
func (w *httpWriter) anyJSON(depth int) string {
	if w.odd("number beyond all numbers") {
		return []string{"1e999", "-1e999", "1e-999", "123456789012345678901234567890"}[w.IntN(4)]
	}
	switch w.IntN(10) {
	case 0:
		return "null"
	case 1:
		return []string{"true", "false"}[w.IntN(2)]
	case 2, 3:
		return []string{"1", "-1.5", "1e10", "0", "9007199254740993"}[w.IntN(5)]
	case 4, 5, 6:
		return w.quote(names[w.IntN(len(names))])
	}
	if depth == 0 {
		return "[]"
	}
	var items []string
	if w.IntN(3) == 0 {
		for range w.IntN(4) {
			items = append(items, w.anyJSON(depth-1))
		}
		return "[" + w.space() + strings.Join(items, ",") + w.space() + "]"
	}
	keys := []string{"namespace", "workflowId", "workflow_id", "metadata", "data", "payloads", "x", "taskQueue", "", "}"}
	for range w.IntN(4) {
		items = append(items, w.quote(keys[w.IntN(len(keys))])+w.space()+":"+w.anyJSON(depth-1))
	}
	if w.IntN(10) == 0 {
		kind := `"temporal.api.common.v1.WorkflowExecution"`
		if w.odd("payload of a type that is not a text") {
			kind = w.anyJSON(0)
		}
		items = append(items, `"_protoMessageType":`+kind)
	}
	return "{" + w.space() + strings.Join(items, ",") + w.space() + "}"
}

// quoteKey writes a name, rarely with escapes, which do not change what it means.
func (w *httpWriter) quoteKey(name string) string {
	if name != "" && w.IntN(50) == 0 {
		i := w.IntN(len(name))
		if name[i] < 0x80 {
			return strings.TrimSuffix(w.quote(name[:i]), `"`) + fmt.Sprintf(`\u%04x`, name[i]) + strings.TrimPrefix(w.quote(name[i+1:]), `"`)
		}
	}
	return w.quote(name)
}

// quote writes a text, with escapes where they are needed and rarely where they are not.
func (w *httpWriter) quote(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	escaping := w.IntN(30) == 0
	for _, b := range []byte(text) {
		switch {
		case b == '"' || b == '\\':
			out.WriteByte('\\')
			out.WriteByte(b)
		case b < 0x20 || escaping && b < 0x80 && w.IntN(2) == 0:
			fmt.Fprintf(&out, []string{`\u%04x`, `\u%04X`}[w.IntN(2)], b)
		case b == '/' && w.IntN(10) == 0:
			out.WriteString(`\/`)
		default:
			out.WriteByte(b)
		}
	}
	if w.odd("odd text") {
		pieces := []string{
			`\ud800`, `\udc00\ud800`, `\ud83d\ude00`, `\u0000`, "\x00", "\n", "\x7f", "\xff", "\xc0\x80", "\xed\xa0\x80", "é", `\x41`, `\u00`, `\U0041`, `\'`, "\u2028",
			`\ud800A`, `\ufeff`, `\b`, `\u002F`, "😀",
		}
		out.WriteString(pieces[w.IntN(len(pieces))])
	}
	out.WriteByte('"')
	return out.String()
}

// base64 writes bytes in one of the alphabets and with or without padding; in a query, always with it.
func (w *httpWriter) base64(bytes []byte, padded bool) string {
	coding := codings[w.IntN(len(codings))]
	if padded {
		coding = codings[w.IntN(2)]
	}
	text := coding.EncodeToString(bytes)
	if w.odd("odd base64") && text != "" {
		i := w.IntN(len(text))
		switch w.IntN(8) {
		case 0:
			return text[:i] + []string{"\n", "\r\n", " ", "\n\n\n\n", "\n\r\n\r"}[w.IntN(5)] + text[i:]
		case 1:
			return text + "="
		case 2:
			return strings.TrimRight(text, "=") + "A"
		case 3:
			return text[:i] + "-" + text[i:] + "/"
		case 4:
			return url.QueryEscape(text)
		case 5:
			return text[:len(text)-1]
		case 6:
			// Bits that stand for nothing.
			bare := strings.TrimRight(text, "=")
			return bare[:len(bare)-1] + string(rune(bare[len(bare)-1]+1)) + text[len(bare):]
		}
		return text[:i] + "=" + text[i:]
	}
	return text
}
