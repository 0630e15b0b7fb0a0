package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/kube"
)

// store keeps the in-memory clients as the files say.
type store struct {
	client     kube.CLIClient
	generation int
	applied    map[key]string // the text each object was made from
}

type key struct {
	resource        schema.GroupVersionResource
	namespace, name string
}

type object struct {
	key
	text   string
	object runtime.Object
}

func newStore(client kube.CLIClient) *store { return &store{client: client, applied: map[key]string{}} }

// apply reads all files before it changes anything: a mistake in one leaves everything as it was.
func (s *store) apply(directory string) error {
	wanted, err := read(directory)
	if err != nil {
		return err
	}
	s.generation++
	gone := s.applied
	s.applied = map[key]string{}
	for _, o := range wanted {
		before, exists := gone[o.key]
		delete(gone, o.key)
		s.applied[o.key] = o.text
		if before == o.text {
			continue
		}
		o.object.(metav1.Object).SetResourceVersion(strconv.Itoa(s.generation))
		tracker := s.tracker(o.resource)
		if exists {
			err = tracker.Update(o.resource, o.object, o.namespace)
		} else {
			err = tracker.Create(o.resource, o.object, o.namespace)
		}
		if err != nil {
			return fmt.Errorf("%v: %w", o.key, err)
		}
	}
	for k := range gone {
		if err := s.tracker(k.resource).Delete(k.resource, k.namespace, k.name); err != nil {
			return fmt.Errorf("%v: %w", k, err)
		}
	}
	return nil
}

// tracker is the in-memory store of the client that serves this kind.
func (s *store) tracker(r schema.GroupVersionResource) testing.ObjectTracker {
	type tracked interface{ Tracker() testing.ObjectTracker }
	switch {
	case strings.HasSuffix(r.Group, "istio.io"):
		return s.client.Istio().(tracked).Tracker()
	case r.Group == "gateway.networking.k8s.io":
		return s.client.GatewayAPI().(tracked).Tracker()
	}
	return s.client.Kube().(tracked).Tracker()
}

var separator = regexp.MustCompile(`(?m)^---.*$`)

func read(directory string) (objects []object, err error) {
	files, err := filepath.Glob(filepath.Join(directory, "*.yaml"))
	if err != nil {
		return nil, err
	}
	sort.Strings(files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, document := range separator.Split(string(text), -1) {
			o, err := parse(document)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
			}
			if o != nil {
				objects = append(objects, *o)
			}
		}
	}
	return objects, nil
}

func parse(document string) (*object, error) {
	var fields map[string]any
	if err := yaml.Unmarshal([]byte(document), &fields); err != nil || len(fields) == 0 {
		return nil, err
	}
	apiVersion, _ := fields["apiVersion"].(string)
	kind, _ := fields["kind"].(string)
	group, version, ok := strings.Cut(apiVersion, "/")
	if !ok {
		group, version = "", apiVersion
	}
	if strings.HasSuffix(group, "istio.io") {
		// What istiod's validating webhook checks.
		if _, _, err := crd.ParseInputs(document); err != nil {
			return nil, fmt.Errorf("%s: %w", kind, err)
		}
	}
	found, ok := collections.All.FindByGroupVersionAliasesKind(config.GroupVersionKind{Group: group, Version: version, Kind: kind})
	if !ok {
		return nil, fmt.Errorf("%s %s is nothing that istiod reads", apiVersion, kind)
	}
	if group != "" {
		// An API server would convert older versions.
		fields["apiVersion"] = group + "/" + found.GroupVersionKind().Version
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	decoded, _, err := kube.IstioCodec.UniversalDeserializer().Decode(text, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	meta := decoded.(metav1.Object)
	k := key{found.GroupVersionResource(), meta.GetNamespace(), meta.GetName()}
	return &object{k, document, decoded}, nil
}
