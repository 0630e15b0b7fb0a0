import io.temporal.client.WorkflowClient;
import io.temporal.client.WorkflowClientOptions;
import io.temporal.serviceclient.WorkflowServiceStubs;
import io.temporal.serviceclient.WorkflowServiceStubsOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The connection that worker and client share. */
class Connect {
    /**
     * The token that is valid now. The SDK asks for it with every call, so it must be at hand: here, something else keeps the file
     * fresh. If getting a token is a call to your provider, keep the token until half of its life is over.
     */
    private static String token() {
        try {
            return Files.readString(Path.of(System.getenv("TOKEN_FILE"))).strip();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    static WorkflowClient client() {
        var stubs = WorkflowServiceStubs.newServiceStubs(WorkflowServiceStubsOptions.newBuilder()
                .setTarget(System.getenv("TEMPORAL_ADDRESS"))
                .addApiKey(Connect::token)
                .setEnableHttps(false) // only where the hop to Envoy is local
                .build());
        return WorkflowClient.newInstance(
                stubs, WorkflowClientOptions.newBuilder().setNamespace(System.getenv("TEMPORAL_NAMESPACE")).build());
    }
}
