import io.temporal.client.WorkflowOptions;

/** Runs the workflow whose id it is given, and prints the result or the error that stood in its way. */
class Start {
    public static void main(String[] arguments) {
        var options = WorkflowOptions.newBuilder()
                .setWorkflowId(arguments[0])
                .setTaskQueue(System.getenv("TASK_QUEUE"))
                .build();
        try {
            System.out.println(Connect.client().newWorkflowStub(Hello.class, options).hello("World"));
            System.exit(0);
        } catch (RuntimeException error) {
            System.out.println(error + ": " + error.getCause());
            System.exit(1);
        }
    }
}
