// Oracle says what Temporal makes of a call: its own interceptor, claim mapper, authorizer and method table, behind the
// gRPC and protobuf libraries that its frontend uses.
//
//	oracle generate -count 1000 -seed 1   makes cases, each a line of JSON with Temporal's answer
//	oracle answer                         reads such lines and answers them anew
//
// With -http, cases are requests to the HTTP API, and the answer is the gRPC call that the server makes of them. Otherwise
// cases are gRPC calls.
//
// With each answer go the facts: what the decoded request holds that a decision may depend on.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("say `generate` or `answer`")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	count := flags.Int("count", 1000, "how many cases")
	seed := flags.Uint64("seed", 1, "which cases")
	overHTTP := flags.Bool("http", false, "cases of the HTTP API")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if args[0] != "generate" && args[0] != "answer" {
		return fmt.Errorf("unknown command %q", args[0])
	}
	if *overHTTP {
		oracle, err := NewHTTPOracle()
		if err != nil {
			return err
		}
		next := read[HTTPCase](in)
		if args[0] == "generate" {
			next = generate(newHTTPGenerator(*seed).next, *count)
		}
		return answerAll(out, next, oracle.Answer)
	}
	oracle, err := NewOracle()
	if err != nil {
		return err
	}
	next := read[Case](in)
	if args[0] == "generate" {
		next = generate(newGenerator(*seed).next, *count)
	}
	return answerAll(out, next, oracle.Answer)
}

// generate gives that many cases and then io.EOF.
func generate[C any](next func(number int) *C, count int) func() (*C, error) {
	number := 0
	return func() (*C, error) {
		if number == count {
			return nil, io.EOF
		}
		number++
		return next(number - 1), nil
	}
}

// read gives the cases that are read, one from each line, and then io.EOF.
func read[C any](in io.Reader) func() (*C, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	return func() (*C, error) {
		if !lines.Scan() {
			if err := lines.Err(); err != nil {
				return nil, err
			}
			return nil, io.EOF
		}
		c := new(C)
		return c, json.Unmarshal(lines.Bytes(), c)
	}
}

// answerAll answers what next gives, in its order, until it gives io.EOF.
func answerAll[C any](out io.Writer, next func() (*C, error), answer func(*C) error) error {
	type job struct {
		c    *C
		err  error
		done chan struct{}
	}
	workers := 2 * runtime.NumCPU()
	jobs, order := make(chan *job), make(chan *job, 64)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for j := range jobs {
				j.err = answer(j.c)
				close(j.done)
			}
		})
	}
	go func() {
		defer close(order)
		defer close(jobs)
		for {
			c, err := next()
			if err == io.EOF {
				return
			}
			j := &job{c: c, err: err, done: make(chan struct{})}
			order <- j
			if err != nil {
				close(j.done)
				return
			}
			jobs <- j
		}
	}()
	lines := bufio.NewWriterSize(out, 1<<20)
	encoder := json.NewEncoder(lines)
	encoder.SetEscapeHTML(false)
	for j := range order {
		<-j.done
		if j.err != nil {
			return fmt.Errorf("%v: %w", j.c, j.err)
		}
		if err := encoder.Encode(j.c); err != nil {
			return err
		}
	}
	group.Wait()
	return lines.Flush()
}
