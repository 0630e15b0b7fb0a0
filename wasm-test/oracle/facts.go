package main

import (
	"sort"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Facts are what Temporal's own types find in a request: everything that a decision may depend on, whoever has to decide.
// A path is made of the names of the fields from the request on; `at` is the type of a message without its package, a point,
// and the name of its field.
type Facts struct {
	// Names are the texts that name something.
	Names []Name `json:"names,omitempty"`
	// Flags are the booleans that are true.
	Flags []Place `json:"flags,omitempty"`
	// Values are the enums that are not 0.
	Values []Value `json:"values,omitempty"`
	// Messages are the fields that hold messages, each once.
	Messages []string `json:"messages,omitempty"`
	// Unknown is what is there beyond the API that this was built with.
	Unknown []Unknown `json:"unknown,omitempty"`
	// Token is what its task token says.
	Token *Token `json:"token,omitempty"`
	// Commands are those of a worker, in order.
	Commands []Command `json:"commands,omitempty"`
}

// Place is a field that is set.
type Place struct {
	Path string `json:"path"`
	At   string `json:"at"`
}

// Name is a text that names something of a sort: see sortOf.
type Name struct {
	Sort string `json:"sort"`
	Place
	Value string `json:"value"`
}

// Value is an enum's.
type Value struct {
	Place
	Value int32 `json:"value"`
}

// Unknown is a field that its message does not have, or a value that its enum does not have.
type Unknown struct {
	// Message is the type without its package, Path where the message is: empty for the request.
	Message string `json:"message"`
	Path    string `json:"path"`
	Field   int32  `json:"field"`
	// Value is the enum's.
	Value *int32 `json:"value,omitempty"`
	// Count is how often it is there.
	Count int `json:"count"`
}

// walker collects facts.
type walker struct {
	facts    Facts
	messages map[string]bool
	unknown  map[unknownKey]int
}

type unknownKey struct {
	message, path string
	field, value  int32
	isValue       bool
}

// factsOf looks at a request as it was decoded.
func factsOf(request proto.Message) *Facts {
	message := request.ProtoReflect()
	facts := namedIn(message)
	facts.Token = tokenOf(message)
	facts.Commands = commandsOf(message)
	return facts
}

// namedIn finds what a message holds at any depth.
func namedIn(message protoreflect.Message) *Facts {
	w := walker{messages: map[string]bool{}, unknown: map[unknownKey]int{}}
	w.message(message, "")
	for at := range w.messages {
		w.facts.Messages = append(w.facts.Messages, at)
	}
	sort.Strings(w.facts.Messages)
	for key, count := range w.unknown {
		unknown := Unknown{Message: key.message, Path: key.path, Field: key.field, Count: count}
		if key.isValue {
			unknown.Value = &key.value
		}
		w.facts.Unknown = append(w.facts.Unknown, unknown)
	}
	sort.Slice(w.facts.Unknown, func(i, j int) bool {
		a, b := w.facts.Unknown[i], w.facts.Unknown[j]
		if a.Path != b.Path {
			return a.Path < b.Path
		}
		if a.Field != b.Field || a.Value == nil || b.Value == nil {
			return a.Field < b.Field || a.Field == b.Field && a.Value == nil && b.Value != nil
		}
		return *a.Value < *b.Value
	})
	return &w.facts
}

func (w *walker) message(message protoreflect.Message, path string) {
	descriptor := message.Descriptor()
	for rest := message.GetUnknown(); len(rest) > 0; {
		number, _, length := protowire.ConsumeField(rest)
		if length < 0 {
			break
		}
		rest = rest[length:]
		// Otherwise it is a field of the API with a wire type that is not its own.
		if descriptor.Fields().ByNumber(number) == nil {
			w.unknown[unknownKey{message: short(descriptor), path: path, field: int32(number)}]++
		}
	}
	fields := descriptor.Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if !message.Has(field) {
			continue
		}
		here := Place{Path: string(field.Name()), At: short(descriptor) + "." + string(field.Name())}
		if path != "" {
			here.Path = path + "." + here.Path
		}
		value := message.Get(field)
		switch {
		case field.IsMap():
			w.mapped(field, value.Map(), here)
		case field.IsList():
			for j := range value.List().Len() {
				w.value(field, value.List().Get(j), path, here)
			}
		default:
			w.value(field, value, path, here)
		}
	}
}

// mapped looks at a map in the order of its keys.
func (w *walker) mapped(field protoreflect.FieldDescriptor, entries protoreflect.Map, here Place) {
	var keys []protoreflect.MapKey
	entries.Range(func(key protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, key)
		return true
	})
	sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
	for _, key := range keys {
		if sort := sortOf(field); sort != "" {
			w.facts.Names = append(w.facts.Names, Name{Sort: sort, Place: here, Value: key.String()})
		}
		w.value(field.MapValue(), entries.Get(key), here.Path, Place{Path: here.Path + ".value", At: here.At})
	}
}

func (w *walker) value(field protoreflect.FieldDescriptor, value protoreflect.Value, path string, here Place) {
	switch field.Kind() {
	case protoreflect.MessageKind:
		w.messages[here.At] = true
		w.message(value.Message(), here.Path)
	case protoreflect.StringKind:
		if sort := sortOf(field); sort != "" {
			w.facts.Names = append(w.facts.Names, Name{Sort: sort, Place: here, Value: value.String()})
		}
	case protoreflect.BoolKind:
		if value.Bool() {
			w.facts.Flags = append(w.facts.Flags, here)
		}
	case protoreflect.EnumKind:
		number := value.Enum()
		if number != 0 {
			w.facts.Values = append(w.facts.Values, Value{Place: here, Value: int32(number)})
		}
		if field.Enum().Values().ByNumber(number) == nil {
			w.unknown[unknownKey{
				message: short(field.ContainingMessage()), path: path,
				field: int32(field.Number()), value: int32(number), isValue: true,
			}]++
		}
	}
}

// sortOf says what a text names, or what the keys of a map do; nothing for most.
func sortOf(field protoreflect.FieldDescriptor) string {
	at := short(field.ContainingMessage()) + "." + string(field.Name())
	switch at {
	case "WorkflowType.name", "WorkflowTypeFilter.name":
		return "workflow_type"
	case "ActivityType.name":
		return "activity_type"
	case "TaskQueue.name":
		return "task_queue"
	case "TaskQueue.normal_name":
		return "normal_name"
	case "Input.name":
		return "update"
	case "WorkflowQuery.query_type":
		return "query"
	case "BatchOperationSignal.signal":
		return "signal"
	case "DescribeNamespaceRequest.id":
		return "namespace_id"
	case "Callback.Nexus.url":
		return "callback"
	case "NamespaceConfig.custom_search_attribute_aliases":
		return "aliased"
	}
	switch name := string(field.Name()); {
	case field.IsMap() || field.Kind() != protoreflect.StringKind:
		return ""
	case name == "namespace", name == "namespace_id", name == "workflow_id", name == "business_id", name == "schedule_id", name == "job_id":
		return name
	case name == "signal_name":
		return "signal"
	case name == "endpoint" || name == "nexus_endpoint":
		return "endpoint"
	case name == "query" || name == "visibility_query":
		return "filter"
	case strings.HasSuffix(name, "task_queue"), strings.HasSuffix(name, "task_queues"), strings.HasSuffix(name, "task_queue_name"):
		return "task_queue"
	}
	return ""
}

// short is the name of a message without its package.
func short(message protoreflect.MessageDescriptor) string {
	return strings.TrimPrefix(string(message.FullName()), string(message.ParentFile().Package())+".")
}
