// Mends that the server offers: operations of AWS with their inputs, done here with the rights of who is signed in, and
// only after the user has seen them. What is not in the table is shown as a command and not done here.
import { CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import { AuthorizeSecurityGroupIngressCommand } from '@aws-sdk/client-ec2';
import { RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import {
  CreateRoleCommand,
  GetRoleCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { CancelKeyDeletionCommand, CreateGrantCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import { CreateSecretCommand, PutSecretValueCommand, RestoreSecretCommand } from '@aws-sdk/client-secrets-manager';

import { ec2, ecs, iam, kms, logs, secretsManager } from './clients';
import type { Mend, Step } from './tidegate';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- an input is what the server says, in AWS's shape
type Perform = (input: any, region?: string) => Promise<unknown>;

const OPERATIONS: Record<string, Perform> = {
  'ec2 AuthorizeSecurityGroupIngress': input => ec2().send(new AuthorizeSecurityGroupIngressCommand(input)),
  'ecs RegisterTaskDefinition': input => ecs().send(new RegisterTaskDefinitionCommand(input)),
  'iam CreateRole': input => iam().send(new CreateRoleCommand(input)),
  'iam GetRole': input => iam().send(new GetRoleCommand(input)),
  'iam PutRolePolicy': input => iam().send(new PutRolePolicyCommand(input)),
  'iam PutUserPolicy': input => iam().send(new PutUserPolicyCommand(input)),
  'iam UpdateAssumeRolePolicy': input => iam().send(new UpdateAssumeRolePolicyCommand(input)),
  'kms CancelKeyDeletion': (input, region) => kms(region).send(new CancelKeyDeletionCommand(input)),
  'kms CreateGrant': (input, region) => kms(region).send(new CreateGrantCommand(input)),
  'kms EnableKey': (input, region) => kms(region).send(new EnableKeyCommand(input)),
  'logs CreateLogGroup': (input, region) => logs(region).send(new CreateLogGroupCommand(input)),
  'secretsmanager CreateSecret': (input, region) => secretsManager(region).send(new CreateSecretCommand(input)),
  'secretsmanager PutSecretValue': (input, region) => secretsManager(region).send(new PutSecretValueCommand(input)),
  'secretsmanager RestoreSecret': (input, region) => secretsManager(region).send(new RestoreSecretCommand(input)),
};

/** Whether this page can do it. */
export function canPerform(mend: Mend): boolean {
  return mend.steps.every(({ service, operation, guard }) => {
    return `${service} ${operation}` in OPERATIONS && (!guard || `${service} ${guard.operation}` in OPERATIONS);
  });
}

/** Does a mend, step after step. `filled` has what a person knows, by the words that stand for it. */
export async function perform(mend: Mend, filled: Record<string, string>): Promise<void> {
  for (const step of mend.steps) {
    await checkGuard(step);
    await OPERATIONS[`${step.service} ${step.operation}`]!(withFilled(JSON.parse(step.input), filled), step.region);
  }
}

/** Refuses when a document is not any more what it was when the mend was made. */
async function checkGuard({ service, guard, region }: Step): Promise<void> {
  if (!guard) return;
  let found: unknown = await OPERATIONS[`${service} ${guard.operation}`]!(JSON.parse(guard.input), region);
  for (const name of guard.path.split('.')) found = (found as Record<string, unknown>)[name];
  // IAM writes documents in the way of addresses.
  const document: unknown = typeof found === 'string' ? JSON.parse(decodeURIComponent(found)) : found;
  if (sorted(document) !== sorted(JSON.parse(guard.expected))) {
    throw new Error('Somebody has changed this document in the meantime. Check again, and mend what there is now.');
  }
}

/** JSON whose members are in order, to compare by. */
export function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
}

/** The input with what was filled in. A text that is JSON itself stays JSON, whatever is filled into it. */
export function withFilled(input: Record<string, unknown>, filled: Record<string, string>): Record<string, unknown> {
  const inText = (text: string): string => {
    const words = Object.keys(filled).filter(word => text.includes(word));
    if (words.length === 0) return text;
    const isJson = text.startsWith('{');
    return words.reduce((result, word) => {
      const value = filled[word] ?? '';
      return result.replaceAll(word, () => (isJson ? JSON.stringify(value).slice(1, -1) : value));
    }, text);
  };
  return Object.fromEntries(Object.entries(input).map(([name, value]) => [name, typeof value === 'string' ? inText(value) : value]));
}
