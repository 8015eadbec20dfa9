// What the pages of IAM ask for. Documents come written as in an address, and are given on as JSON.
import {
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRoleCommand,
  GetUserCommand,
  ListAccessKeysCommand,
  ListEntitiesForPolicyCommand,
  ListGroupsCommand,
  ListPoliciesCommand,
  ListPolicyVersionsCommand,
  ListRolesCommand,
  ListUsersCommand,
  type AccessKeyMetadata,
  type Group,
  type Policy,
  type PolicyScopeType,
  type PolicyVersion,
  type Role,
  type User,
} from '@aws-sdk/client-iam';

import { all } from '../../aws/all';
import { iam } from '../../aws/clients';
import type { Tag } from '../../components/Tags';

const MOST = 1000;

export function policies(Scope: PolicyScopeType): Promise<Policy[]> {
  return all(async Marker => {
    const page = await iam().send(new ListPoliciesCommand({ Marker, MaxItems: MOST, Scope }));
    return { items: page.Policies, next: page.Marker };
  });
}

export function roles(): Promise<Role[]> {
  return all(async Marker => {
    const page = await iam().send(new ListRolesCommand({ Marker, MaxItems: MOST }));
    return { items: page.Roles, next: page.Marker };
  });
}

export function users(): Promise<User[]> {
  return all(async Marker => {
    const page = await iam().send(new ListUsersCommand({ Marker, MaxItems: MOST }));
    return { items: page.Users, next: page.Marker };
  });
}

export function groups(): Promise<Group[]> {
  return all(async Marker => {
    const page = await iam().send(new ListGroupsCommand({ Marker, MaxItems: MOST }));
    return { items: page.Groups, next: page.Marker };
  });
}

/** All users and roles, to choose from. */
export async function principals(): Promise<{ arn: string; name: string; kind: 'Role' | 'User' }[]> {
  const [allRoles, allUsers] = await Promise.all([roles(), users()]);
  return [
    ...allRoles.map(({ Arn, RoleName }) => ({ arn: Arn ?? '', name: RoleName ?? '', kind: 'Role' as const })),
    ...allUsers.map(({ Arn, UserName }) => ({ arn: Arn ?? '', name: UserName ?? '', kind: 'User' as const })),
  ];
}

export async function role(RoleName: string): Promise<Role> {
  const { Role } = await iam().send(new GetRoleCommand({ RoleName }));
  if (!Role) throw new Error(`There is no role ${RoleName}.`);
  return Role;
}

export async function user(UserName: string): Promise<User> {
  const { User } = await iam().send(new GetUserCommand({ UserName }));
  if (!User) throw new Error(`There is no user ${UserName}.`);
  return User;
}

export async function policy(PolicyArn: string): Promise<Policy> {
  const { Policy } = await iam().send(new GetPolicyCommand({ PolicyArn }));
  if (!Policy) throw new Error(`There is no policy ${PolicyArn}.`);
  return Policy;
}

/** The document of a version, the default one unless told. */
export async function policyDocument(PolicyArn: string, version?: string): Promise<string> {
  const VersionId = version ?? (await policy(PolicyArn)).DefaultVersionId;
  const { PolicyVersion } = await iam().send(new GetPolicyVersionCommand({ PolicyArn, VersionId }));
  return asJson(PolicyVersion?.Document);
}

export function policyVersions(PolicyArn: string): Promise<PolicyVersion[]> {
  return all(async Marker => {
    const page = await iam().send(new ListPolicyVersionsCommand({ PolicyArn, Marker }));
    return { items: page.Versions, next: page.Marker };
  });
}

export interface Entity {
  kind: 'Role' | 'User' | 'Group';
  name: string;
}

export function entities(PolicyArn: string): Promise<Entity[]> {
  return all(async Marker => {
    const page = await iam().send(new ListEntitiesForPolicyCommand({ PolicyArn, Marker }));
    const items: Entity[] = [
      ...(page.PolicyRoles ?? []).map(({ RoleName }) => ({ kind: 'Role' as const, name: RoleName ?? '' })),
      ...(page.PolicyUsers ?? []).map(({ UserName }) => ({ kind: 'User' as const, name: UserName ?? '' })),
      ...(page.PolicyGroups ?? []).map(({ GroupName }) => ({ kind: 'Group' as const, name: GroupName ?? '' })),
    ];
    return { items, next: page.Marker };
  });
}

export function accessKeys(UserName: string): Promise<AccessKeyMetadata[]> {
  return all(async Marker => {
    const page = await iam().send(new ListAccessKeysCommand({ UserName, Marker }));
    return { items: page.AccessKeyMetadata, next: page.Marker };
  });
}

export function tagsOf(tags: { Key?: string; Value?: string }[] | undefined): Tag[] {
  return (tags ?? []).map(({ Key, Value }) => ({ key: Key ?? '', value: Value ?? '' }));
}

/** A document as IAM gives it, percent-encoded, as JSON. */
export function asJson(document: string | undefined): string {
  try {
    return decodeURIComponent(document ?? '');
  } catch {
    return document ?? '';
  }
}
