// What the form offers to choose from. Where one may not list things, one may still type their names.
import { ListRolesCommand } from '@aws-sdk/client-iam';
import { ListSecretsCommand } from '@aws-sdk/client-secrets-manager';

import { all } from '../../../aws/all';
import { iam, secretsManager } from '../../../aws/clients';

export interface Choice {
  value: string;
  label: string;
  description: string;
}

const TASKS = 'ecs-tasks.amazonaws.com';

/** The roles, those that ECS may assume first. */
export async function roles(): Promise<Choice[]> {
  const found = await all(async Marker => {
    const page = await iam().send(new ListRolesCommand({ Marker, MaxItems: 1000 }));
    return { items: page.Roles, next: page.Marker };
  });
  return found
    .map(role => ({
      value: role.Arn ?? '',
      label: role.RoleName ?? '',
      description: decodeURIComponent(role.AssumeRolePolicyDocument ?? '').includes(TASKS)
        ? (role.Arn ?? '')
        : 'Its trust policy does not name ECS tasks',
      trusts: decodeURIComponent(role.AssumeRolePolicyDocument ?? '').includes(TASKS),
    }))
    .sort((one, other) => Number(other.trusts) - Number(one.trusts) || one.label.localeCompare(other.label));
}

/** The secrets; nothing but their names is asked for. */
export async function secrets(): Promise<Choice[]> {
  const found = await all(async NextToken => {
    const page = await secretsManager().send(new ListSecretsCommand({ NextToken, MaxResults: 100 }));
    return { items: page.SecretList, next: page.NextToken };
  });
  return found.map(({ ARN = '', Name = '' }) => ({ value: ARN, label: Name, description: ARN }));
}
