// A worker that renews its token: its connection gets the new token, and all calls from then on have it.
import { NativeConnection, Worker } from '@temporalio/worker';
import * as activities from './activities';
import { endWhenFailed } from './guard';
import { token } from './token';

/** Hands over the token every second. If getting a token is a call to your provider, do it at half of the token's life. */
function renew(connection: NativeConnection): void {
  setInterval(async () => {
    try {
      await connection.setApiKey(token());
    } catch (error) {
      console.error('no new token:', error); // the old token may still be good; try again
    }
  }, 1000).unref();
}

async function main(): Promise<void> {
  const connection = await NativeConnection.connect({
    address: process.env.TEMPORAL_ADDRESS,
    apiKey: token(),
    tls: false, // only where the hop to Envoy is local: with an API key, TLS is the default
  });
  renew(connection);

  const worker = await Worker.create({
    connection,
    namespace: process.env.TEMPORAL_NAMESPACE,
    taskQueue: process.env.TASK_QUEUE!,
    workflowsPath: require.resolve('./workflows'),
    activities,
  });
  endWhenFailed(worker);
  console.log('working');
  await worker.run();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1); // without it, the process stays alive and ignores SIGTERM
  },
);
