import { proxyActivities } from '@temporalio/workflow';
import type * as activities from './activities';

const { Greet } = proxyActivities<typeof activities>({ startToCloseTimeout: '10 seconds' });

export async function Hello(name: string): Promise<string> {
  return await Greet(name);
}
