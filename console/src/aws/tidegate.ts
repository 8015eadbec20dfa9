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
}

export function explainTask(input: { task: string; cluster?: string }): Promise<Explanation> {
  return tidegate('ExplainTask', input);
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
