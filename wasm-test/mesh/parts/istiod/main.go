// istiod-in-memory is istiod's own server (pilot/pkg/bootstrap: translation of resources, certificate authority, xDS)
// over Istio's in-memory Kubernetes client, which is how Istio's own tests run it. Resources are the YAML files below a
// directory; SIGHUP makes it read them again. For tests only: every token is believed.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"
	"time"
	"unsafe"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metadatafake "k8s.io/client-go/metadata/fake"

	"istio.io/istio/pilot/pkg/bootstrap"
	kubecontroller "istio.io/istio/pilot/pkg/serviceregistry/kube/controller"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/gvr"
	"istio.io/istio/pkg/kube"
)

func main() {
	plain := flag.String("grpc", "", "address of xDS without TLS")
	secure := flag.String("secure", "", "address of xDS and the certificate authority with TLS")
	debug := flag.String("http", "", "address of the debug pages")
	monitoring := flag.String("monitoring", "", "address of the metrics")
	mesh := flag.String("mesh", "", "file of the mesh configuration")
	resources := flag.String("resources", "", "directory of the resources")
	flag.Parse()

	client := kube.NewFakeClient()
	defineGatewayAPI(client)
	believeTokens(client)
	store := newStore(client)
	must(store.apply(*resources))

	args := bootstrap.NewPilotArgs(func(p *bootstrap.PilotArgs) {
		p.Namespace = "istio-system"
		p.PodName = "istiod"
		p.MeshConfigFile = *mesh
		p.ServerOptions = bootstrap.DiscoveryServerOptions{
			GRPCAddr: *plain, SecureGRPCAddr: *secure, HTTPAddr: *debug, MonitoringAddr: *monitoring,
			TLSOptions: bootstrap.TLSOptions{TLSMinVersion: bootstrap.TLSMinVersion1_2},
		}
		p.RegistryOptions.Registries = []string{"Kubernetes"}
		p.RegistryOptions.KubeOptions = kubecontroller.Options{DomainSuffix: "cluster.local", ClusterID: "Kubernetes"}
		p.ShutdownDuration = time.Millisecond
	})
	must(args.Complete())
	server, err := bootstrap.NewServer(args, func(s *bootstrap.Server) {
		// Not exported, and NewServer leaves a client that is there already.
		field := reflect.ValueOf(s).Elem().FieldByName("kubeClient")
		reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Set(reflect.ValueOf(client))
	})
	must(err)
	must(server.Start(make(chan struct{})))
	say("ready, generation %d", store.generation)

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	for s := range signals {
		if s != syscall.SIGHUP {
			return
		}
		if err := store.apply(*resources); err != nil {
			say("refused: %v", err)
			continue
		}
		say("generation %d", store.generation)
	}
}

// defineGatewayAPI says that the cluster knows the resources of the Gateway API: istiod asks before it watches them.
func defineGatewayAPI(client kube.CLIClient) {
	definitions := client.Metadata().(*metadatafake.FakeMetadataClient).
		Resource(gvr.CustomResourceDefinition).(metadatafake.MetadataClient)
	for _, schema := range collections.PilotGatewayAPI().All() {
		r := schema.GroupVersionResource()
		if r.Group != "gateway.networking.k8s.io" && !strings.HasSuffix(r.Group, "istio.io") {
			continue
		}
		_, err := definitions.CreateFake(&metav1.PartialObjectMetadata{
			TypeMeta: metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"},
			ObjectMeta: metav1.ObjectMeta{Name: r.Resource + "." + r.Group, Annotations: map[string]string{
				"gateway.networking.k8s.io/bundle-version": "v1.6.0", "gateway.networking.k8s.io/channel": "standard",
			}},
		}, metav1.CreateOptions{})
		must(err)
	}
}

func say(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "istiod-in-memory: "+format+"\n", values...)
}

func must(err error) {
	if err != nil {
		say("%v", err)
		os.Exit(1)
	}
}
