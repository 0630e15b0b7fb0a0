package main

import (
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/api/persistence/v1"
	"go.temporal.io/server/api/token/v1"
	commonnexus "go.temporal.io/server/common/nexus"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The one operation that Temporal itself carries out for workflows.
const (
	systemService   = "temporal.api.workflowservice.v1.WorkflowService"
	systemOperation = "SignalWithStartWorkflowExecution"
)

// token writes a task token, of the message that the method takes.
func (w *writer) token(request protoreflect.MessageDescriptor) []byte {
	if w.odd("token of junk") {
		return w.junk(30)
	}
	var kinds = map[string]protoreflect.MessageDescriptor{
		"task":  (&token.Task{}).ProtoReflect().Descriptor(),
		"query": (&token.QueryTask{}).ProtoReflect().Descriptor(),
		"nexus": (&token.NexusTask{}).ProtoReflect().Descriptor(),
	}
	kind := tokenKind(request)
	if w.odd("token of another method") {
		kind = []string{"task", "query", "nexus"}[w.IntN(3)]
	}
	var out []byte
	for i := range kinds[kind].Fields().Len() {
		field := kinds[kind].Fields().Get(i)
		likely := 0.4
		switch field.Name() {
		case "namespace_id", "workflow_id", "task_queue", "task_id":
			likely = 0.95
		case "component_ref":
			likely = 0.2
		}
		if w.Float64() >= likely {
			continue
		}
		times := 1
		if w.odd("twice " + string(field.Name()) + " in a token") {
			times = 2
		}
		for range times {
			if field.Name() == "component_ref" && w.IntN(4) != 0 {
				out = append(out, w.bytes(field.Number(), w.message((&persistence.ChasmComponentRef{}).ProtoReflect().Descriptor(), 1))...)
			} else {
				out = append(out, w.field(field, 1)...)
			}
		}
	}
	if w.beyond("newer field in a token") {
		out = w.insert(out, w.anything(last(kinds[kind])+1, 0))
	}
	return out
}

// system writes the attributes of a command to schedule an operation that Temporal itself may carry out.
func (w *writer) system(attributes protoreflect.MessageDescriptor) []byte {
	text := func(name protoreflect.Name, value string) []byte {
		field := attributes.Fields().ByName(name)
		if w.IntN(10) == 0 {
			return w.field(field, 2)
		}
		return w.bytes(field.Number(), []byte(value))
	}
	parts := [][]byte{
		text("endpoint", commonnexus.SystemEndpoint),
		text("service", systemService),
		text("operation", systemOperation),
		w.bytes(attributes.Fields().ByName("input").Number(), w.input()),
	}
	if w.IntN(15) == 0 {
		parts = append(parts, w.field(attributes.Fields().ByName("nexus_header"), 2))
	}
	if w.odd("another order") {
		w.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	}
	var out []byte
	for i, part := range parts {
		if w.odd("left out of a command") {
			continue
		}
		out = append(out, part...)
		if w.odd("twice in a command") {
			out = append(out, parts[w.IntN(i+1)]...)
		}
	}
	if w.beyond("newer field") {
		out = w.insert(out, w.anything(last(attributes)+1, 0))
	}
	return out
}

// input writes a payload that holds the request of the operation, in one encoding or another.
func (w *writer) input() []byte {
	payload := (&common.Payload{}).ProtoReflect().Descriptor()
	metadata, data := payload.Fields().ByName("metadata"), payload.Fields().ByName("data")
	encoding := "binary/protobuf"
	if w.IntN(4) == 0 {
		encoding = []string{"json/protobuf", "json/plain", "binary/encrypted", "binary/null", "binary/plain", "Binary/Protobuf", ""}[w.IntN(7)]
	}
	content := w.message((&workflowservice.SignalWithStartWorkflowExecutionRequest{}).ProtoReflect().Descriptor(), 1)
	switch encoding {
	case "json/protobuf":
		content = []byte(`{"namespace": "payroll", "workflowId": "acme-1", "signalName": "approve"}`)
	case "json/plain":
		content = []byte(`{"namespace": "payroll", "workflow_id": "acme-1", "signal_name": "approve"}`)
	}
	if w.odd("input cut") {
		content = content[:w.IntN(len(content)+1)]
	}
	entry := func(key, value string) []byte {
		parts := [][]byte{w.bytes(1, []byte(key)), w.bytes(2, []byte(value))}
		if w.odd("value before its key") {
			parts[0], parts[1] = parts[1], parts[0]
		}
		return w.bytes(metadata.Number(), append(parts[0], parts[1]...))
	}
	parts := [][]byte{w.bytes(data.Number(), content)}
	if w.IntN(20) != 0 {
		parts = append(parts, entry("encoding", encoding))
	}
	if w.IntN(2) == 0 {
		parts = append(parts, entry("messageType", "temporal.api.workflowservice.v1.SignalWithStartWorkflowExecutionRequest"))
	}
	if w.odd("another encoding") {
		parts = append(parts, entry("encoding", []string{"binary/protobuf", "json/protobuf"}[w.IntN(2)]))
	}
	if w.odd("two of data") {
		parts = append(parts, w.bytes(protowire.Number(data.Number()), w.junk(20)))
	}
	// Encoders write maps and fields in any order.
	w.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	var out []byte
	for _, part := range parts {
		out = append(out, part...)
	}
	return out
}
