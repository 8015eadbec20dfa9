// Tidegate's own operations (models/tidegate.json): awsJson calls, signed like the rest.
import { observe } from './clients';
import { session } from './session';
import { signedPost } from './sign';

export interface Link {
  kind: string;
  subject: string;
  outcome: 'good' | 'broken' | 'notReached';
  detail: string;
  mend?: string;
  /** What was tried and mends it. */
  mends?: Mend[];
}

/** Operations that add to what is there; done in their order. */
export interface Mend {
  title: string;
  steps: Step[];
  /** Words in the inputs that stand for what a person fills in: `<password>`. */
  asks?: string[];
  runAgain?: Step;
}

/** An operation of an AWS service. */
export interface Step {
  service: string;
  operation: string;
  region?: string;
  /** JSON in AWS's shape. */
  input: string;
  /** A reading whose answer must still be what it was. */
  guard?: { operation: string; input: string; path: string; expected: string };
  /** The same for the AWS CLI. */
  command: string;
}

export interface Failure {
  container?: string;
  name: string;
  message: string;
  links: Link[];
}

export interface Explanation {
  taskArn: string;
  lastStatus: string;
  stopCode?: string;
  stoppedReason?: string;
  failures: Failure[];
  road: Link[];
  /** RunTask as it was, once the task is stopped. */
  runAgain?: Step;
}

/** Whether a task would start; one road for the task as a whole, one for each container. */
export interface Checked {
  taskDefinition?: string;
  outcome: 'good' | 'broken';
  roads: { container?: string; links: Link[] }[];
}

/** Tries the road of a registered definition, of one as JSON that is not registered yet, or of a task that was run. */
export function checkTaskDefinition(input: { taskDefinition?: string; document?: string; task?: string; cluster?: string }): Promise<Checked> {
  return tidegate('CheckTaskDefinition', input);
}

/** How far the pull of an image is; numbers are absent while they are not known. */
export interface PullUsage {
  state: 'waiting' | 'resolving' | 'pulling' | 'pulled' | 'ended';
  bytesDone?: number;
  bytesTotal?: number;
  layersDone?: number;
  layersTotal?: number;
}

export interface ContainerUsage {
  name: string;
  image?: string;
  /** Absent while the container has no process; `cpuNanoseconds` counts from its start. */
  process?: { cpuNanoseconds: number; memoryBytes: number; memoryLimitBytes?: number; processes: number };
  pull: PullUsage;
}

export interface Usage {
  taskArn: string;
  lastStatus: string;
  /** Seconds since 1970. */
  sampledAt: number;
  /** Reserved, in units of 1/1024 vCPU. */
  cpuUnits?: number;
  memoryLimitBytes?: number;
  network?: { bytesReceived: number; bytesSent: number };
  containers: ContainerUsage[];
}

export function describeTaskUsage(input: { task: string; cluster?: string }): Promise<Usage> {
  return tidegate('DescribeTaskUsage', input);
}

export function explainTask(input: { task: string; cluster?: string }): Promise<Explanation> {
  return tidegate('ExplainTask', input);
}

/** One decision about one action on one resource. */
export interface Ruling {
  action: string;
  resource: string;
  /** `allowed`, `explicitDeny` or `implicitDeny`. */
  verdict: string;
  /** Which kind of policy decided. */
  layer: string;
  /** The ARN of a managed policy, else a name. */
  policy?: string;
  statement?: string;
  /** The statement as it was written, JSON. */
  document?: string;
  conditions?: Record<string, string[]>;
  detail?: string;
  mend?: string;
  /** The service that asked for the caller. */
  through?: string;
}

export interface RequestExplanation {
  requestId: string;
  time: string;
  outcome: string;
  service: string;
  operation: string;
  caller: string;
  sourceIpAddress?: string;
  task?: string;
  errorCode?: string;
  errorMessage?: string;
  decisions: Ruling[];
  /** The whole event, JSON. */
  event: string;
}

export function explainRequest(input: { requestId: string }): Promise<RequestExplanation> {
  return tidegate('ExplainRequest', input);
}

export interface EventSearch {
  /** A part of the ARN of a resource. */
  resource?: string;
  /** The ARN or name of a user, a role, a session or a task. */
  caller?: string;
  eventName?: string;
  outcome?: string;
  maxResults?: number;
  nextToken?: string;
}

/** Calls that were made, the newest first; each is a CloudTrail record as JSON. */
export function searchEvents(input: EventSearch): Promise<{ events: string[]; nextToken?: string }> {
  return tidegate('SearchEvents', input);
}

/** Calls one of Tidegate's own operations. */
export function tidegate<Output>(operation: string, input: object): Promise<Output> {
  return observe(call<Output>(operation, input));
}

async function call<Output>(operation: string, input: object): Promise<Output> {
  const keys = session();
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `Tidegate.${operation}` };
  const response = await signedPost('/', headers, JSON.stringify(input), keys, keys.region);
  const body = (await response.json()) as Output & { __type?: string; message?: string; Message?: string };
  if (response.ok) return body;
  const error = new Error(body.message ?? body.Message ?? response.statusText);
  error.name = (body.__type ?? String(response.status)).replace(/^.*#/, '');
  throw Object.assign(error, { $metadata: { requestId: response.headers.get('x-amzn-requestid') ?? undefined } });
}
