// What the ECS pages ask for.
import {
  DescribeClustersCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ListClustersCommand,
  ListTaskDefinitionsCommand,
  ListTasksCommand,
  type Attachment,
  type Cluster,
  type Task,
  type TaskDefinition,
} from '@aws-sdk/client-ecs';
import {
  DescribeNetworkInterfacesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  type NetworkInterface,
  type SecurityGroup,
  type Subnet,
  type Vpc,
} from '@aws-sdk/client-ec2';

import { all, inPortions } from '../../aws/all';
import { shortName } from '../../aws/arn';
import { ec2, ecs } from '../../aws/clients';

const PORTION = 100;

export async function clusters(): Promise<Cluster[]> {
  const arns = await all(async nextToken => {
    const page = await ecs().send(new ListClustersCommand({ nextToken, maxResults: PORTION }));
    return { items: page.clusterArns, next: page.nextToken };
  });
  return inPortions(arns, PORTION, async portion => {
    const answer = await ecs().send(new DescribeClustersCommand({ clusters: portion, include: ['TAGS', 'SETTINGS'] }));
    return answer.clusters ?? [];
  });
}

export async function cluster(name: string): Promise<Cluster | undefined> {
  const include = ['TAGS', 'SETTINGS', 'CONFIGURATIONS'] as const;
  const answer = await ecs().send(new DescribeClustersCommand({ clusters: [name], include: [...include] }));
  return answer.clusters?.[0];
}

/** Asks for the tasks of a cluster again and again, but only describes those that can have changed. */
export class Tasks {
  private readonly known = new Map<string, Task>();
  private looks = 0;

  constructor(private readonly cluster: string) {}

  async look(): Promise<Task[]> {
    const [running, stopped] = await Promise.all([this.arns('RUNNING'), this.arns('STOPPED')]);
    const arns = [...new Set([...running, ...stopped])];
    const listedAsRunning = new Set(running);
    // What runs changes seldom in a way that the lists do not show; every tenth look takes all of it anew.
    const anew = this.looks++ % 10 === 0;
    const asked = arns.filter(arn => {
      const task = this.known.get(arn);
      if (!task || anew) return task?.lastStatus !== 'STOPPED';
      return task.lastStatus !== 'STOPPED' && (task.lastStatus !== 'RUNNING' || !listedAsRunning.has(arn));
    });
    const found = await inPortions(asked, PORTION, async tasks => {
      const answer = await ecs().send(new DescribeTasksCommand({ cluster: this.cluster, tasks, include: ['TAGS'] }));
      return answer.tasks ?? [];
    });
    for (const task of found) this.known.set(task.taskArn ?? '', task);
    const there = new Set(arns);
    for (const arn of this.known.keys()) if (!there.has(arn)) this.known.delete(arn);
    return arns.flatMap(arn => this.known.get(arn) ?? []);
  }

  private arns(desiredStatus: 'RUNNING' | 'STOPPED'): Promise<string[]> {
    return all(async nextToken => {
      const page = await ecs().send(
        new ListTasksCommand({ cluster: this.cluster, desiredStatus, nextToken, maxResults: PORTION }),
      );
      return { items: page.taskArns, next: page.nextToken };
    });
  }
}

export async function task(cluster: string, id: string): Promise<Task | undefined> {
  const answer = await ecs().send(new DescribeTasksCommand({ cluster, tasks: [id], include: ['TAGS'] }));
  return answer.tasks?.[0];
}

export async function taskDefinition(taskDefinition: string): Promise<TaskDefinition | undefined> {
  const answer = await ecs().send(new DescribeTaskDefinitionCommand({ taskDefinition, include: ['TAGS'] }));
  return answer.taskDefinition;
}

/** The network interface of a task, with its public address; gone when the task has stopped. */
export async function interfaceOf(task: Task): Promise<NetworkInterface | undefined> {
  const id = detailOf(task.attachments, 'networkInterfaceId');
  if (!id || task.lastStatus === 'STOPPED') return undefined;
  // By a filter: an interface that goes away with its task between the two questions is then no error.
  const Filters = [{ Name: 'network-interface-id', Values: [id] }];
  const answer = await ec2().send(new DescribeNetworkInterfacesCommand({ Filters }));
  return answer.NetworkInterfaces?.[0];
}

export function detailOf(attachments: Attachment[] | undefined, name: string): string | undefined {
  return attachments?.flatMap(attachment => attachment.details ?? []).find(detail => detail.name === name)?.value;
}

export function taskId(task: Task): string {
  return shortName(task.taskArn);
}

/** `web:3` of `arn:…:task-definition/web:3`. */
export function definitionName(arn: string | undefined): string {
  return shortName(arn);
}

/** Whether a task ended in a way that nobody asked for. */
export function endedBadly(task: Task): boolean {
  if (task.lastStatus !== 'STOPPED' && task.desiredStatus !== 'STOPPED') return false;
  if (task.stopCode === 'UserInitiated' || task.stopCode === 'ServiceSchedulerInitiated') return false;
  return task.stopCode !== 'EssentialContainerExited' || (task.containers ?? []).some(({ exitCode }) => exitCode !== 0);
}

/** What a task can be put into. */
export interface Network {
  vpcs: Vpc[];
  subnets: Subnet[];
  groups: SecurityGroup[];
}

export async function network(): Promise<Network> {
  const [vpcs, subnets, groups] = await Promise.all([
    all(async NextToken => {
      const page = await ec2().send(new DescribeVpcsCommand({ NextToken }));
      return { items: page.Vpcs, next: page.NextToken };
    }),
    all(async NextToken => {
      const page = await ec2().send(new DescribeSubnetsCommand({ NextToken }));
      return { items: page.Subnets, next: page.NextToken };
    }),
    all(async NextToken => {
      const page = await ec2().send(new DescribeSecurityGroupsCommand({ NextToken }));
      return { items: page.SecurityGroups, next: page.NextToken };
    }),
  ]);
  return { vpcs, subnets, groups };
}

/** The ARNs of all active task definitions, or of those of a family; the newest first. */
export async function definitionArns(familyPrefix?: string, status: 'ACTIVE' | 'INACTIVE' = 'ACTIVE'): Promise<string[]> {
  return all(async nextToken => {
    const page = await ecs().send(
      new ListTaskDefinitionsCommand({ familyPrefix, status, sort: 'DESC', nextToken, maxResults: PORTION }),
    );
    return { items: page.taskDefinitionArns, next: page.nextToken };
  });
}

/** The active revisions of exactly this family, the newest first. */
export async function familyArns(family: string): Promise<string[]> {
  const arns = await definitionArns(family);
  return arns.filter(arn => definitionName(arn).split(':')[0] === family);
}
