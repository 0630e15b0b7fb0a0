package main

import (
	"strings"

	"github.com/nexus-rpc/sdk-go/nexus"
	commandpb "go.temporal.io/api/command/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/api/workflowservice/v1/workflowservicenexus"
	"go.temporal.io/server/chasm"
	commonnexus "go.temporal.io/server/common/nexus"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Command is one of those in a worker's answer.
type Command struct {
	// Arm is which attributes it has, without `_command_attributes`; empty when it has none.
	Arm string `json:"arm,omitempty"`
	// Type is the number of its type, Acts whether that is the one of its attributes: the server looks at no others.
	Type int32 `json:"type"`
	Acts bool  `json:"acts"`
	// Does is what it does to others than the workflow that sends it: `start`, `signal`, `cancel`, `nexus` or nothing.
	Does string `json:"does,omitempty"`
	// What it names.
	Namespace    string `json:"namespace,omitempty"`
	WorkflowID   string `json:"workflow_id,omitempty"`
	WorkflowType string `json:"workflow_type,omitempty"`
	Signal       string `json:"signal,omitempty"`
	Endpoint     string `json:"endpoint,omitempty"`
	// ChildOnly says that the server looks for a child of the workflow and leaves all others alone.
	ChildOnly bool `json:"child_only,omitempty"`
	// System is the operation, where Temporal itself is the endpoint.
	System *System `json:"system,omitempty"`
}

// System is an operation that Temporal itself carries out.
type System struct {
	Service   string `json:"service"`
	Operation string `json:"operation"`
	// Known says whether the server has that operation.
	Known bool `json:"known"`
	// Encoding is the one that the input says that it has.
	Encoding string `json:"encoding"`
	// Read says whether the server can read the input; Error why not.
	Read  bool   `json:"read"`
	Error string `json:"error,omitempty"`
	// Headers says that there are some, RequestID and Links that they are in the input: the server refuses each of them.
	Headers   bool `json:"headers,omitempty"`
	RequestID bool `json:"request_id,omitempty"`
	Links     bool `json:"links,omitempty"`
	// Input is what stands in the input.
	Input *Facts `json:"input,omitempty"`
}

// does is what commands do to others. All others act on the workflow that sends them, its own activities and children.
var does = map[protoreflect.Name]string{
	"start_child_workflow_execution_command_attributes":             "start",
	"signal_external_workflow_execution_command_attributes":         "signal",
	"request_cancel_external_workflow_execution_command_attributes": "cancel",
	"schedule_nexus_operation_command_attributes":                   "nexus",
}

func commandsOf(request protoreflect.Message) []Command {
	answer, ok := request.Interface().(interface{ GetCommands() []*commandpb.Command })
	if !ok {
		return nil
	}
	var commands []Command
	for _, command := range answer.GetCommands() {
		commands = append(commands, commandOf(command))
	}
	return commands
}

func commandOf(command *commandpb.Command) Command {
	c := Command{Type: int32(command.GetCommandType())}
	message := command.ProtoReflect()
	arm := message.WhichOneof(message.Descriptor().Oneofs().ByName("attributes"))
	if arm == nil {
		return c
	}
	c.Arm = strings.TrimSuffix(string(arm.Name()), "_command_attributes")
	c.Acts = command.GetCommandType().Descriptor().Values().ByNumber(message.Get(message.Descriptor().Fields().ByName("command_type")).Enum()) ==
		typeOf(message.Descriptor(), arm)
	c.Does = does[arm.Name()]
	switch attributes := message.Get(arm).Message().Interface().(type) {
	case *commandpb.StartChildWorkflowExecutionCommandAttributes:
		c.Namespace, c.WorkflowID, c.WorkflowType = attributes.GetNamespace(), attributes.GetWorkflowId(), attributes.GetWorkflowType().GetName()
	case *commandpb.SignalExternalWorkflowExecutionCommandAttributes:
		c.Namespace, c.WorkflowID, c.Signal = attributes.GetNamespace(), attributes.GetExecution().GetWorkflowId(), attributes.GetSignalName()
		c.ChildOnly = attributes.GetChildWorkflowOnly()
	case *commandpb.RequestCancelExternalWorkflowExecutionCommandAttributes:
		c.Namespace, c.WorkflowID, c.ChildOnly = attributes.GetNamespace(), attributes.GetWorkflowId(), attributes.GetChildWorkflowOnly()
	case *commandpb.ScheduleNexusOperationCommandAttributes:
		c.Endpoint = attributes.GetEndpoint()
		if c.Endpoint == commonnexus.SystemEndpoint {
			c.System = systemOf(attributes)
		}
	}
	return c
}

// typeOf is the type of the commands that have these attributes.
func typeOf(command protoreflect.MessageDescriptor, arm protoreflect.FieldDescriptor) protoreflect.EnumValueDescriptor {
	name := "COMMAND_TYPE_" + strings.ToUpper(strings.TrimSuffix(string(arm.Name()), "_command_attributes"))
	return command.Fields().ByName("command_type").Enum().Values().ByName(protoreflect.Name(name))
}

// systemOf finds the operation and reads its input with the server's own processor of Nexus operations, in which an
// operation that only keeps its input takes the place of the one that would check it.
func systemOf(attributes *commandpb.ScheduleNexusOperationCommandAttributes) *System {
	service := workflowservicenexus.TemporalAPIWorkflowserviceV1WorkflowService
	kept := &keeper{}
	operations := chasm.NewNexusServiceProcessor(service.ServiceName)
	operations.MustRegisterOperation(service.SignalWithStartWorkflowExecution.Name(), chasm.NewRegisterableNexusOperationProcessor(kept))
	endpoint := chasm.NewNexusEndpointProcessor()
	endpoint.MustRegisterServiceProcessor(operations)
	_, err := endpoint.ProcessInput(chasm.NexusOperationProcessorContext{}, attributes.GetService(), attributes.GetOperation(), attributes.GetInput())
	system := &System{
		Service: attributes.GetService(), Operation: attributes.GetOperation(),
		Encoding: string(attributes.GetInput().GetMetadata()["encoding"]),
		Headers:  len(attributes.GetNexusHeader()) > 0,
	}
	system.Known = system.Service == service.ServiceName && system.Operation == service.SignalWithStartWorkflowExecution.Name()
	if err != nil {
		system.Error = plain(err.Error())
	}
	if kept.input != nil {
		system.Read = true
		system.RequestID, system.Links = kept.input.GetRequestId() != "", len(kept.input.GetLinks()) > 0
		system.Input = namedIn(kept.input.ProtoReflect())
	}
	return system
}

type keeper struct {
	input *workflowservice.SignalWithStartWorkflowExecutionRequest
}

func (k *keeper) ProcessInput(_ chasm.NexusOperationProcessorContext, input *workflowservice.SignalWithStartWorkflowExecutionRequest) (*chasm.NexusOperationProcessorResult, error) {
	k.input = input
	if input == nil {
		return nil, nexus.NewHandlerErrorf(nexus.HandlerErrorTypeBadRequest, "no input")
	}
	return &chasm.NexusOperationProcessorResult{}, nil
}
