package main

import (
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	persistencespb "go.temporal.io/server/api/persistence/v1"
	"go.temporal.io/server/common/tasktoken"
	"go.temporal.io/server/common/tqid"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Token is what a task token says, read with the server's own serializer.
type Token struct {
	// As is how the handler of the method reads it: `task`, `query` or `nexus`.
	As string `json:"as"`
	// Read says whether it reads as that; otherwise the server refuses it.
	Read bool `json:"read"`
	// Checked says whether it reads as the server's check of namespaces wants it: as a Task, for Nexus tasks as well.
	Checked bool `json:"checked"`
	// Length is that of its bytes.
	Length int `json:"length"`
	// NamespaceID is empty where it is not read, as all below.
	NamespaceID string `json:"namespace_id,omitempty"`
	// WorkflowID and RunID are a Task's.
	WorkflowID string `json:"workflow_id,omitempty"`
	RunID      string `json:"run_id,omitempty"`
	// Component says whether a Task has a reference to a component, by which it is a standalone activity's in all methods
	// of activities; BusinessID is the activity's, where the reference can be read.
	Component  bool   `json:"component,omitempty"`
	BusinessID string `json:"business_id,omitempty"`
	// Partition is the name in a QueryTask or a NexusTask.
	Partition string `json:"partition,omitempty"`
	// Routed says whether the server takes that for the name of a partition; otherwise it refuses the token.
	Routed bool `json:"routed,omitempty"`
	// Queue is the queue of which that is a partition.
	Queue string `json:"queue,omitempty"`
	// Kind is a NexusTask's.
	Kind int32 `json:"kind,omitempty"`
}

var tokens = tasktoken.NewSerializer()

// tokenOf reads the request's task token as the handler of its method does. Source: `service/frontend/workflow_handler.go`,
// `common/rpc/interceptor/namespace_validator.go`, `client/matching/client_gen.go`.
func tokenOf(request protoreflect.Message) *Token {
	field := request.Descriptor().Fields().ByName("task_token")
	if field == nil {
		return nil
	}
	bytes := request.Get(field).Bytes()
	token := &Token{As: tokenKind(request.Descriptor()), Length: len(bytes)}
	task, err := tokens.Deserialize(bytes)
	token.Checked = err == nil
	switch token.As {
	case "task":
		if token.Read = err == nil; !token.Read {
			break
		}
		token.NamespaceID, token.WorkflowID, token.RunID = task.GetNamespaceId(), task.GetWorkflowId(), task.GetRunId()
		token.Component = len(task.GetComponentRef()) > 0
		reference := &persistencespb.ChasmComponentRef{}
		if token.Component && reference.Unmarshal(task.GetComponentRef()) == nil {
			token.BusinessID = reference.GetBusinessId()
		}
	case "query":
		query, err := tokens.DeserializeQueryTaskToken(bytes)
		if token.Read, token.Checked = err == nil, err == nil; !token.Read {
			break
		}
		token.NamespaceID = query.GetNamespaceId()
		token.route(query.GetTaskQueue(), enumspb.TASK_QUEUE_KIND_NORMAL, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	case "nexus":
		nexus, err := tokens.DeserializeNexusTaskToken(bytes)
		if token.Read = err == nil; !token.Read {
			break
		}
		token.NamespaceID, token.Kind = nexus.GetNamespaceId(), int32(nexus.GetTaskQueueKind())
		kind := nexus.GetTaskQueueKind()
		if kind == enumspb.TASK_QUEUE_KIND_UNSPECIFIED {
			kind = enumspb.TASK_QUEUE_KIND_NORMAL
		}
		token.route(nexus.GetTaskQueue(), kind, enumspb.TASK_QUEUE_TYPE_NEXUS)
	}
	return token
}

func tokenKind(request protoreflect.MessageDescriptor) string {
	switch request.Name() {
	case "RespondQueryTaskCompletedRequest":
		return "query"
	case "RespondNexusTaskCompletedRequest", "RespondNexusTaskFailedRequest":
		return "nexus"
	}
	return "task"
}

// route finds the queue as the server's client for matching does.
func (t *Token) route(name string, kind enumspb.TaskQueueKind, used enumspb.TaskQueueType) {
	t.Partition = name
	partition, err := tqid.PartitionFromProto(&taskqueuepb.TaskQueue{Name: name, Kind: kind}, t.NamespaceID, used)
	if t.Routed = err == nil; !t.Routed {
		return
	}
	t.Queue = partition.TaskQueue().Name()
	if sticky, ok := partition.(*tqid.StickyPartition); ok {
		t.Queue = sticky.StickyName()
	}
}
