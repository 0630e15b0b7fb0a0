import io.temporal.worker.WorkerFactory;

/** A worker that runs until it is told to end. Its client renews the token. */
class Work {
    public static void main(String[] arguments) {
        var factory = WorkerFactory.newInstance(Connect.client());
        var worker = factory.newWorker(System.getenv("TASK_QUEUE"));
        worker.registerWorkflowImplementationTypes(Hello.Run.class);
        worker.registerActivitiesImplementations(new Hello.Greetings());
        Runtime.getRuntime().addShutdownHook(new Thread(factory::shutdown));
        try {
            factory.start();
        } catch (RuntimeException error) {
            error.printStackTrace();
            System.exit(1); // threads of the SDK would keep the process alive
        }
        System.out.println("working");
    }
}
