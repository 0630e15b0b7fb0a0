package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// writer makes requests byte by byte, so that it can also make what no encoder makes.
type writer struct {
	*rand.Rand
	// wild is how likely each field is to be written oddly, dense how many fields are set beside what is usual, newer how
	// likely a message has a field, or an enum a value, that the API does not have.
	wild, dense, newer float64
	// focus is the one sort of oddity that there is, if it is not empty: whatever begins with it.
	focus string
	// many is how many namespaces the commands of one request are spread over, where they are.
	many int
	made []string
}

// names are what strings are drawn from: the namespaces of the claims, and Temporal's own names.
var names = []string{
	"payroll", "payroll", "payroll", "payroll", "finance", "finance", "", "temporal-system", "Payroll", "payroll ",
	"temporal-sys-scheduler:payday", "/_sys/payroll/1", "temporal-sys-batcher-taskqueue", "päyroll", "other", "payroll:read",
}

func (w *writer) odd(what string) bool {
	return w.oddly(w.wild, what)
}

// beyond says whether to write what the API does not have.
func (w *writer) beyond(what string) bool {
	return w.oddly(max(w.wild, w.newer), what)
}

func (w *writer) oddly(likely float64, what string) bool {
	if w.focus != "" {
		likely = 0
		if strings.HasPrefix(what, w.focus) {
			likely = 0.5
		}
	}
	if w.Float64() >= likely {
		return false
	}
	w.made = append(w.made, what)
	return true
}

// Names of fields that a decision may depend on are set more often than others.
func matters(field protoreflect.FieldDescriptor) bool {
	name := string(field.Name())
	for _, part := range []string{
		"namespace", "command", "operation", "policy", "attributes", "workflow_execution", "start", "callback", "conflict",
		"workflow_id", "signal", "query", "update", "token", "task_queue", "endpoint", "eager", "compute", "execution", "aliases", "config",
	} {
		if strings.Contains(name, part) {
			return true
		}
	}
	return sortOf(field) != ""
}

// usual says whether hardly anybody leaves a field out: of the request itself, or of what it is about.
func usual(field protoreflect.FieldDescriptor, depth int) bool {
	switch field.Name() {
	case "task_token", "workflow_execution", "execution", "schedule_id", "query", "request", "commands":
		return depth == 0
	case "workflow_id", "workflow_type", "signal_name", "task_queue", "query_type", "endpoint", "name", "action", "start_workflow":
		return depth <= 2
	case "input", "meta":
		return field.ContainingMessage().FullName() == "temporal.api.update.v1.Request"
	}
	return false
}

// message writes a message with random fields.
func (w *writer) message(descriptor protoreflect.MessageDescriptor, depth int) []byte {
	var out []byte
	if descriptor.Name() == "Command" && w.IntN(4) != 0 {
		return w.command(descriptor, depth)
	}
	if descriptor.FullName() == "temporal.api.command.v1.ScheduleNexusOperationCommandAttributes" && w.many == 0 && w.IntN(2) == 0 {
		return w.system(descriptor)
	}
	fields := descriptor.Fields()
	arms := map[protoreflect.Name]int{}
	for i := range descriptor.Oneofs().Len() {
		oneof := descriptor.Oneofs().Get(i)
		arms[oneof.Name()] = w.IntN(oneof.Fields().Len())
	}
	for i := range fields.Len() {
		field := fields.Get(i)
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
		if field.Name() == "namespace" && (depth == 0 || w.many > 0) {
			likely = 0.95
		}
		if oneof := field.ContainingOneof(); oneof != nil && !oneof.IsSynthetic() {
			if oneof.Fields().Get(arms[oneof.Name()]) == field {
				likely = min(0.9, 3*likely)
			} else if !w.odd("two of " + string(oneof.Name())) {
				continue
			}
		}
		if depth > 6 || w.Float64() >= likely {
			continue
		}
		times := 1
		if field.IsList() || field.IsMap() {
			times = 1 + w.IntN(3)
		} else if w.odd("twice " + string(field.Name())) {
			times = 2
		}
		if depth == 0 && field.Name() == "commands" && w.IntN(12) == 0 {
			// Into more namespaces than anybody's workflow has to do with.
			times, w.many = 20+w.IntN(30), manyNamespaces
			w.made = append(w.made, "many commands")
		}
		for range times {
			out = append(out, w.field(field, depth)...)
		}
		if depth == 0 {
			w.many = 0
		}
	}
	if w.odd("unknown field") {
		out = w.insert(out, w.unknown(0))
	}
	if w.beyond("newer field") {
		out = w.insert(out, w.anything(last(descriptor)+protowire.Number(1+w.IntN(3)), 0))
	}
	return out
}

// last is the highest number of a message's fields.
func last(descriptor protoreflect.MessageDescriptor) protowire.Number {
	var number protowire.Number
	for i := range descriptor.Fields().Len() {
		number = max(number, descriptor.Fields().Get(i).Number())
	}
	return number
}

// command writes a command whose type and attributes belong together, as only such a one is looked into.
func (w *writer) command(descriptor protoreflect.MessageDescriptor, depth int) []byte {
	arms := descriptor.Oneofs().ByName("attributes").Fields()
	arm := arms.Get(w.IntN(arms.Len()))
	// Half of them do something to others.
	for does[arm.Name()] == "" && w.IntN(4) != 0 {
		arm = arms.Get(w.IntN(arms.Len()))
	}
	for w.many > 0 && arm.Message().Fields().ByName("namespace") == nil {
		arm = arms.Get(w.IntN(arms.Len()))
	}
	kind := descriptor.Fields().ByName("command_type")
	if w.beyond("newer command") {
		newest := kind.Enum().Values().Get(kind.Enum().Values().Len() - 1).Number()
		return append(w.varint(kind.Number(), uint64(newest)+1), w.bytes(last(descriptor)+1, w.message(arm.Message(), depth+1))...)
	}
	if value := typeOf(descriptor, arm); value != nil {
		return append(w.varint(kind.Number(), uint64(value.Number())), w.field(arm, depth)...)
	}
	return w.field(arm, depth)
}

func (w *writer) field(field protoreflect.FieldDescriptor, depth int) []byte {
	number := field.Number()
	if w.odd("wrong wire type of " + string(field.Name())) {
		return w.anything(number, 0)
	}
	switch field.Kind() {
	case protoreflect.MessageKind:
		return w.bytes(number, w.message(field.Message(), depth+1))
	case protoreflect.GroupKind:
		return nil
	case protoreflect.StringKind:
		return w.bytes(number, w.text(field))
	case protoreflect.BytesKind:
		if field.Name() == "task_token" {
			return w.bytes(number, w.token(field.ContainingMessage()))
		}
		return w.bytes(number, w.junk(20))
	case protoreflect.EnumKind:
		return w.varint(number, w.enum(field.Enum()))
	case protoreflect.BoolKind:
		return w.varint(number, uint64(w.IntN(2)))
	case protoreflect.DoubleKind, protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return binary.LittleEndian.AppendUint64(w.tag(number, protowire.Fixed64Type), math.Float64bits(w.Float64()))
	case protoreflect.FloatKind, protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return binary.LittleEndian.AppendUint32(w.tag(number, protowire.Fixed32Type), w.Uint32())
	default:
		return w.varint(number, w.Uint64()>>w.IntN(64))
	}
}

// enum gives one of its values, sometimes with high bits that a decoder may drop, and sometimes none of its values.
func (w *writer) enum(descriptor protoreflect.EnumDescriptor) uint64 {
	values := descriptor.Values()
	value := uint64(values.Get(w.IntN(values.Len())).Number())
	if w.beyond("newer value of an enum") {
		for range 1 + w.IntN(3) {
			value = max(value, uint64(values.Get(values.Len()-1).Number())) + 1
		}
		if w.IntN(10) == 0 {
			value = -value
		}
	}
	if w.odd("high bits in an enum") {
		value |= w.Uint64() << 32
	}
	return value
}

func (w *writer) text(field protoreflect.FieldDescriptor) []byte {
	if w.odd("not UTF-8 in " + string(field.Name())) {
		return append([]byte("pay"), 0xff, 0xc0, 0x80)
	}
	if w.odd("long text") {
		return []byte(strings.Repeat("x", 900+w.IntN(300)))
	}
	if w.many > 0 {
		return fmt.Appendf(nil, "n%d", w.IntN(w.many))
	}
	if field.Name() == "url" && w.IntN(2) == 0 {
		return []byte("temporal://system")
	}
	if field.Name() == "namespace" && w.IntN(2) == 0 {
		return []byte("payroll")
	}
	if texts := textsOf(field); texts != nil && w.IntN(8) != 0 {
		return []byte(texts[w.IntN(len(texts))])
	}
	return []byte(names[w.IntN(len(names))])
}

func (w *writer) tag(number protowire.Number, kind protowire.Type) []byte {
	value := protowire.EncodeTag(number, kind)
	if w.odd("long tag") {
		return w.overlong(value)
	}
	return protowire.AppendVarint(nil, value)
}

func (w *writer) varint(number protowire.Number, value uint64) []byte {
	if w.odd("long varint") {
		return append(w.tag(number, protowire.VarintType), w.overlong(value)...)
	}
	return protowire.AppendVarint(w.tag(number, protowire.VarintType), value)
}

func (w *writer) bytes(number protowire.Number, content []byte) []byte {
	out := w.tag(number, protowire.BytesType)
	switch {
	case w.odd("long length"):
		out = append(out, w.overlong(uint64(len(content)))...)
	case w.odd("wrong length"):
		out = protowire.AppendVarint(out, w.Uint64()>>w.IntN(64))
	default:
		out = protowire.AppendVarint(out, uint64(len(content)))
	}
	return append(out, content...)
}

// overlong spells a number with more bytes than it needs, now and then with more than any decoder takes.
func (w *writer) overlong(value uint64) []byte {
	least := protowire.SizeVarint(value)
	size := least + w.IntN(12-least)
	out := make([]byte, 0, size)
	for i := range size {
		b := byte(value & 0x7f)
		value >>= 7
		if i < size-1 {
			b |= 0x80
		}
		out = append(out, b)
	}
	return out
}

// unknown is a field of a number that no message has, or of none that a message could have.
func (w *writer) unknown(depth int) []byte {
	numbers := []protowire.Number{0, 500, 1000, 19000, protowire.MaxValidNumber, protowire.MaxValidNumber + 1}
	return w.anything(numbers[w.IntN(len(numbers))], depth)
}

// anything is a field of any wire type.
func (w *writer) anything(number protowire.Number, depth int) []byte {
	switch w.IntN(12) {
	case 0, 1:
		return w.varint(number, w.Uint64())
	case 2:
		return binary.LittleEndian.AppendUint32(w.tag(number, protowire.Fixed32Type), w.Uint32())
	case 3:
		return binary.LittleEndian.AppendUint64(w.tag(number, protowire.Fixed64Type), w.Uint64())
	case 4, 5, 6:
		return w.bytes(number, w.junk(30))
	case 7, 8, 9:
		return w.group(number, depth)
	case 10:
		return w.tag(number, protowire.EndGroupType)
	default:
		return w.tag(number, protowire.Type(6+w.IntN(2)))
	}
}

// group holds a few fields, often of numbers that mean something outside; it may be deep and may lack its end.
func (w *writer) group(number protowire.Number, depth int) []byte {
	if depth == 0 && w.IntN(20) == 0 {
		deep := 1 + w.IntN(150)
		open, end := w.tag(number, protowire.StartGroupType), w.tag(number, protowire.EndGroupType)
		return append([]byte(strings.Repeat(string(open), deep)), strings.Repeat(string(end), deep)...)
	}
	out := w.tag(number, protowire.StartGroupType)
	for range w.IntN(4) {
		if w.IntN(2) == 0 {
			// What would count if it stood outside.
			out = append(out, w.bytes(protowire.Number(1+w.IntN(12)), []byte(names[w.IntN(len(names))]))...)
		} else if depth < 4 {
			out = append(out, w.anything(protowire.Number(1+w.IntN(12)), depth+1)...)
		}
	}
	switch w.IntN(10) {
	case 0:
		return out
	case 1:
		return append(out, w.tag(number+1, protowire.EndGroupType)...)
	}
	return append(out, w.tag(number, protowire.EndGroupType)...)
}

func (w *writer) junk(most int) []byte {
	out := make([]byte, w.IntN(most+1))
	for i := range out {
		out[i] = byte(w.Uint32())
	}
	return out
}

func (w *writer) insert(into, piece []byte) []byte {
	if w.IntN(2) == 0 {
		return append(piece, into...)
	}
	return append(into, piece...)
}
