package main

import (
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Route is one way to call a method over HTTP.
type Route struct {
	verb string
	// segments are literals, and variables in braces.
	segments []string
	hasBody  bool
	method   protoreflect.MethodDescriptor
}

// routesOf are the routes of a method, by its annotation.
func routesOf(method protoreflect.MethodDescriptor) []Route {
	rule, _ := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
	if rule == nil {
		return nil
	}
	var routes []Route
	for _, binding := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
		verb, template := "", ""
		switch pattern := binding.GetPattern().(type) {
		case *annotations.HttpRule_Get:
			verb, template = "GET", pattern.Get
		case *annotations.HttpRule_Post:
			verb, template = "POST", pattern.Post
		case *annotations.HttpRule_Put:
			verb, template = "PUT", pattern.Put
		case *annotations.HttpRule_Patch:
			verb, template = "PATCH", pattern.Patch
		case *annotations.HttpRule_Delete:
			verb, template = "DELETE", pattern.Delete
		default:
			continue
		}
		routes = append(routes, Route{
			verb: verb, segments: strings.Split(template, "/")[1:], hasBody: binding.GetBody() != "", method: method,
		})
	}
	return routes
}

// variable is the name of the field that a segment stands for, if it stands for one.
func variable(segment string) (string, bool) {
	name, ok := strings.CutPrefix(segment, "{")
	return strings.TrimSuffix(name, "}"), ok
}

// fieldAt is the field with this dotted path.
func fieldAt(message protoreflect.MessageDescriptor, path string) protoreflect.FieldDescriptor {
	var field protoreflect.FieldDescriptor
	for name := range strings.SplitSeq(path, ".") {
		field = message.Fields().ByName(protoreflect.Name(name))
		message = field.Message()
	}
	return field
}
