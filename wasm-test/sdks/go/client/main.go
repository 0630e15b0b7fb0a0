// Client runs the workflow whose id it is given, and prints the result or the error that stood in its way.
package main

import (
	"context"
	"fmt"
	"os"

	"go.temporal.io/sdk/client"

	"sdk-go/connect"
	"sdk-go/hello"
)

func run(id string) (greeting string, err error) {
	temporal, err := connect.Dial()
	if err != nil {
		return "", err
	}
	defer temporal.Close()

	ctx := context.Background()
	options := client.StartWorkflowOptions{ID: id, TaskQueue: os.Getenv("TASK_QUEUE")}
	started, err := temporal.ExecuteWorkflow(ctx, options, hello.Hello, "World")
	if err != nil {
		return "", err
	}
	err = started.Get(ctx, &greeting)
	return greeting, err
}

func main() {
	greeting, err := run(os.Args[1])
	if err != nil {
		fmt.Printf("%T: %v\n", err, err)
		os.Exit(1)
	}
	fmt.Println(greeting)
}
