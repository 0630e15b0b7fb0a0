import type { Worker } from '@temporalio/worker';

/** Ends the process soon after the worker has failed: `run()` may never settle then, and SIGTERM does nothing. */
export function endWhenFailed(worker: Worker): void {
  setInterval(() => {
    if (worker.getState() === 'FAILED') {
      console.error('the worker has failed');
      process.exit(1);
    }
  }, 1000).unref();
}
