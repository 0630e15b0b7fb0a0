// Worker runs until it is told to end. Its client renews the token.
package main

import (
	"fmt"
	"log"
	"os"

	"go.temporal.io/sdk/worker"

	"sdk-go/connect"
	"sdk-go/hello"
)

func main() {
	temporal, err := connect.Dial()
	if err != nil {
		log.Fatalln("cannot connect:", err)
	}
	defer temporal.Close()

	w := worker.New(temporal, os.Getenv("TASK_QUEUE"), worker.Options{})
	w.RegisterWorkflow(hello.Hello)
	w.RegisterActivity(hello.Greet)
	if err := w.Start(); err != nil {
		log.Fatalln("cannot start:", err)
	}
	fmt.Println("working")
	<-worker.InterruptCh()
	w.Stop()
}
