// What the pages of logs ask for.
import {
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  ListTagsForResourceCommand,
  type LogGroup,
  type LogStream,
} from '@aws-sdk/client-cloudwatch-logs';

import { all } from '../../aws/all';
import { logs } from '../../aws/clients';
import type { Tag } from '../../components/Tags';

/** Streams beyond this many are found by their prefix only. */
const MOST_STREAMS = 5_000;

export function logGroups(): Promise<LogGroup[]> {
  return all(async nextToken => {
    const page = await logs().send(new DescribeLogGroupsCommand({ nextToken, limit: 50 }));
    return { items: page.logGroups, next: page.nextToken };
  });
}

export async function logGroup(name: string): Promise<LogGroup> {
  const found = await all(async nextToken => {
    const page = await logs().send(new DescribeLogGroupsCommand({ nextToken, logGroupNamePrefix: name }));
    const there = page.logGroups?.filter(({ logGroupName }) => logGroupName === name);
    return { items: there, next: there?.length ? undefined : page.nextToken };
  });
  if (!found[0]) throw new Error(`There is no log group ${name}.`);
  return found[0];
}

/** The streams, those with the newest lines first. */
export function logStreams(logGroupName: string): Promise<LogStream[]> {
  let count = 0;
  return all(async nextToken => {
    const page = await logs().send(
      new DescribeLogStreamsCommand({ logGroupName, nextToken, limit: 50, orderBy: 'LastEventTime', descending: true }),
    );
    count += page.logStreams?.length ?? 0;
    return { items: page.logStreams, next: count < MOST_STREAMS ? page.nextToken : undefined };
  });
}

export async function logTags(resourceArn: string): Promise<Tag[]> {
  const { tags } = await logs().send(new ListTagsForResourceCommand({ resourceArn }));
  return Object.entries(tags ?? {}).map(([key, value]) => ({ key, value }));
}

export function sizeOf(bytes: number | undefined): string {
  if (bytes === undefined) return '-';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const at = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${at ? (bytes / 1000 ** at).toFixed(1) : bytes} ${units[at]}`;
}
