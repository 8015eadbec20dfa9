// What policies are attached to and written into: roles, users and groups, each with operations of its own.
import {
  AttachGroupPolicyCommand,
  AttachRolePolicyCommand,
  AttachUserPolicyCommand,
  DeleteGroupPolicyCommand,
  DeleteRolePolicyCommand,
  DeleteUserPolicyCommand,
  DetachGroupPolicyCommand,
  DetachRolePolicyCommand,
  DetachUserPolicyCommand,
  GetGroupPolicyCommand,
  GetRolePolicyCommand,
  GetUserPolicyCommand,
  ListAttachedGroupPoliciesCommand,
  ListAttachedRolePoliciesCommand,
  ListAttachedUserPoliciesCommand,
  ListGroupPoliciesCommand,
  ListRolePoliciesCommand,
  ListUserPoliciesCommand,
  PutGroupPolicyCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
  type AttachedPolicy,
} from '@aws-sdk/client-iam';

import { all } from '../../aws/all';
import { iam } from '../../aws/clients';
import { asJson } from './data';

export interface Owner {
  kind: 'role' | 'user' | 'group';
  name: string;
}

export function attached({ kind, name }: Owner): Promise<AttachedPolicy[]> {
  const ask = {
    role: (Marker?: string) => iam().send(new ListAttachedRolePoliciesCommand({ RoleName: name, Marker })),
    user: (Marker?: string) => iam().send(new ListAttachedUserPoliciesCommand({ UserName: name, Marker })),
    group: (Marker?: string) => iam().send(new ListAttachedGroupPoliciesCommand({ GroupName: name, Marker })),
  }[kind];
  return all(async marker => {
    const page = await ask(marker);
    return { items: page.AttachedPolicies, next: page.Marker };
  });
}

export function inlineNames({ kind, name }: Owner): Promise<string[]> {
  const ask = {
    role: (Marker?: string) => iam().send(new ListRolePoliciesCommand({ RoleName: name, Marker })),
    user: (Marker?: string) => iam().send(new ListUserPoliciesCommand({ UserName: name, Marker })),
    group: (Marker?: string) => iam().send(new ListGroupPoliciesCommand({ GroupName: name, Marker })),
  }[kind];
  return all(async marker => {
    const page = await ask(marker);
    return { items: page.PolicyNames, next: page.Marker };
  });
}

export async function inlineDocument({ kind, name }: Owner, PolicyName: string): Promise<string> {
  const ask = {
    role: () => iam().send(new GetRolePolicyCommand({ RoleName: name, PolicyName })),
    user: () => iam().send(new GetUserPolicyCommand({ UserName: name, PolicyName })),
    group: () => iam().send(new GetGroupPolicyCommand({ GroupName: name, PolicyName })),
  }[kind];
  return asJson((await ask()).PolicyDocument);
}

export async function attach({ kind, name }: Owner, PolicyArn: string): Promise<void> {
  if (kind === 'role') await iam().send(new AttachRolePolicyCommand({ RoleName: name, PolicyArn }));
  if (kind === 'user') await iam().send(new AttachUserPolicyCommand({ UserName: name, PolicyArn }));
  if (kind === 'group') await iam().send(new AttachGroupPolicyCommand({ GroupName: name, PolicyArn }));
}

export async function detach({ kind, name }: Owner, PolicyArn: string | undefined): Promise<void> {
  if (kind === 'role') await iam().send(new DetachRolePolicyCommand({ RoleName: name, PolicyArn }));
  if (kind === 'user') await iam().send(new DetachUserPolicyCommand({ UserName: name, PolicyArn }));
  if (kind === 'group') await iam().send(new DetachGroupPolicyCommand({ GroupName: name, PolicyArn }));
}

export async function putInline({ kind, name }: Owner, PolicyName: string, PolicyDocument: string): Promise<void> {
  const put = { PolicyName, PolicyDocument };
  if (kind === 'role') await iam().send(new PutRolePolicyCommand({ RoleName: name, ...put }));
  if (kind === 'user') await iam().send(new PutUserPolicyCommand({ UserName: name, ...put }));
  if (kind === 'group') await iam().send(new PutGroupPolicyCommand({ GroupName: name, ...put }));
}

export async function deleteInline({ kind, name }: Owner, PolicyName: string): Promise<void> {
  if (kind === 'role') await iam().send(new DeleteRolePolicyCommand({ RoleName: name, PolicyName }));
  if (kind === 'user') await iam().send(new DeleteUserPolicyCommand({ UserName: name, PolicyName }));
  if (kind === 'group') await iam().send(new DeleteGroupPolicyCommand({ GroupName: name, PolicyName }));
}

/** Takes all policies away, as must be done before the owner can be deleted. */
export async function removePolicies(owner: Owner): Promise<void> {
  for (const { PolicyArn } of await attached(owner)) await detach(owner, PolicyArn);
  for (const name of await inlineNames(owner)) await deleteInline(owner, name);
}
