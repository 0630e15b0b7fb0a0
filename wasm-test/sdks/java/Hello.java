import io.temporal.activity.ActivityInterface;
import io.temporal.activity.ActivityOptions;
import io.temporal.workflow.Workflow;
import io.temporal.workflow.WorkflowInterface;
import io.temporal.workflow.WorkflowMethod;
import java.time.Duration;

/** A workflow with one activity. */
@WorkflowInterface
public interface Hello {
    @WorkflowMethod(name = "Hello")
    String hello(String name);

    @ActivityInterface
    interface Activities {
        String greet(String name);
    }

    class Run implements Hello {
        private final Activities activities = Workflow.newActivityStub(
                Activities.class,
                ActivityOptions.newBuilder().setStartToCloseTimeout(Duration.ofSeconds(10)).build());

        @Override
        public String hello(String name) {
            return activities.greet(name);
        }
    }

    class Greetings implements Activities {
        @Override
        public String greet(String name) {
            return "Hello " + name + "!";
        }
    }
}
