// Starter runs the workflow whose id it is given, and prints the result or the status that stood in its way.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"go-worker/connect"
	"go-worker/hello"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "starter: one argument is needed: a workflow id")
		os.Exit(2)
	}
	greeting, err := run(os.Args[1])
	if err != nil {
		status := serviceerror.ToStatus(err)
		fmt.Printf("%s: %s\n", status.Code(), status.Message())
		os.Exit(1)
	}
	fmt.Println(greeting)
}

func run(id string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	temporal, err := connect.Dial()
	if err != nil {
		return "", err
	}
	defer temporal.Close()

	options := client.StartWorkflowOptions{ID: id, TaskQueue: connect.TaskQueue}
	started, err := temporal.ExecuteWorkflow(ctx, options, hello.World, "World")
	if err != nil {
		return "", err
	}
	var greeting string
	err = started.Get(ctx, &greeting)
	return greeting, err
}
