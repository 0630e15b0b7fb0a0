// What worker.ts would be without guard.ts.
import { NativeConnection, Worker } from '@temporalio/worker';
import * as activities from './activities';
import { token } from './token';

async function main(): Promise<void> {
  const connection = await NativeConnection.connect({ address: process.env.TEMPORAL_ADDRESS, apiKey: token(), tls: false });
  setInterval(() => void connection.setApiKey(token()), 1000).unref();
  const worker = await Worker.create({
    connection,
    namespace: process.env.TEMPORAL_NAMESPACE,
    taskQueue: process.env.TASK_QUEUE!,
    workflowsPath: require.resolve('./workflows'),
    activities,
  });
  await worker.run();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
