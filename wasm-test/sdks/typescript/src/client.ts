// Runs the workflow whose id it is given, and prints the result or the error that stood in its way.
import { Client, Connection } from '@temporalio/client';
import { token } from './token';
import { Hello } from './workflows';

async function main(): Promise<string> {
  const connection = await Connection.connect({
    address: process.env.TEMPORAL_ADDRESS,
    apiKey: token, // a function: the SDK asks it with every call
    tls: false, // only where the hop to Envoy is local: with an API key, TLS is the default
  });
  const client = new Client({ connection, namespace: process.env.TEMPORAL_NAMESPACE });
  return await client.workflow.execute(Hello, {
    args: ['World'],
    taskQueue: process.env.TASK_QUEUE!,
    workflowId: process.argv[2],
  });
}

main().then(
  (greeting) => console.log(greeting),
  (error) => {
    console.log(`${error}: ${error.cause}`);
    process.exit(1);
  },
);
