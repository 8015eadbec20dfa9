// Names: what an ARN says, and which page of the console shows it.

export interface Arn {
  service: string;
  region: string;
  account: string;
  /** What comes after the account, `task/demo/0123`. */
  resource: string;
}

export function parseArn(text: string): Arn | undefined {
  const [arn, , service, region, account, ...resource] = text.split(':');
  if (arn !== 'arn' || !service || resource.length === 0) return undefined;
  return { service, region: region ?? '', account: account ?? '', resource: resource.join(':') };
}

/** The last part of an ARN, or the text itself. */
export function shortName(arn: string | undefined): string {
  return arn?.split('/').at(-1) ?? '';
}

/** The path of each page, without `/console`. Names are escaped, because some have slashes in them. */
export const paths = {
  clusters: () => '/ecs/clusters',
  cluster: (cluster: string) => `/ecs/clusters/${encodeURIComponent(cluster)}`,
  task: (cluster: string, task: string) => `/ecs/clusters/${encodeURIComponent(cluster)}/tasks/${task}`,
  runTask: (cluster: string) => `/ecs/clusters/${encodeURIComponent(cluster)}/run`,
  taskDefinitions: () => '/ecs/task-definitions',
  createTaskDefinition: (secret?: string) =>
    `/ecs/task-definitions/create${secret ? `?secret=${encodeURIComponent(secret)}` : ''}`,
  compare: (family: string) => `/ecs/task-definitions/${encodeURIComponent(family)}/compare`,
  taskDefinition: (family: string, revision: string | number) =>
    `/ecs/task-definitions/${encodeURIComponent(family)}/${revision}`,
  secrets: () => '/secrets',
  createSecret: () => '/secrets/create',
  secret: (nameOrArn: string) => `/secrets/secret/${encodeURIComponent(nameOrArn)}`,
  keys: () => '/kms/keys',
  createKey: () => '/kms/keys/create',
  key: (idOrArn: string) => `/kms/keys/${encodeURIComponent(shortName(idOrArn))}`,
  roles: () => '/iam/roles',
  createRole: (policy?: string) => `/iam/roles/create${policy ? `?policy=${encodeURIComponent(policy)}` : ''}`,
  role: (name: string) => `/iam/roles/role/${encodeURIComponent(name)}`,
  policies: () => '/iam/policies',
  createPolicy: (secret?: string) => `/iam/policies/create${secret ? `?secret=${encodeURIComponent(secret)}` : ''}`,
  policy: (arn: string) => `/iam/policies/policy/${encodeURIComponent(arn)}`,
  users: () => '/iam/users',
  user: (name: string) => `/iam/users/user/${encodeURIComponent(name)}`,
  groups: () => '/iam/groups',
  group: (name: string) => `/iam/groups/group/${encodeURIComponent(name)}`,
  vpcs: () => '/vpc/vpcs',
  vpc: (id: string) => `/vpc/vpcs/${encodeURIComponent(id)}`,
  subnets: () => '/vpc/subnets',
  networkInterfaces: () => '/vpc/network-interfaces',
  securityGroups: () => '/vpc/security-groups',
  securityGroup: (id: string) => `/vpc/security-groups/${encodeURIComponent(id)}`,
  logGroups: () => '/logs/groups',
  logGroup: (name: string) => `/logs/groups/${encodeURIComponent(name)}`,
  logStream: (group: string, stream: string) =>
    `/logs/groups/${encodeURIComponent(group)}?tab=lines&stream=${encodeURIComponent(stream)}`,
  audit: (resource?: string) => `/audit${resource ? `?resource=${encodeURIComponent(resource)}` : ''}`,
  request: (id: string) => `/audit/request/${encodeURIComponent(id)}`,
};

/** The page that shows what an ARN names, if there is one. */
export function pathOf(text: string): string | undefined {
  const arn = parseArn(text);
  if (!arn) return undefined;
  const [kind, ...rest] = arn.resource.split(/[/:]/);
  const last = rest.at(-1) ?? '';
  switch (`${arn.service}:${kind}`) {
    case 'ecs:cluster':
      return paths.cluster(last);
    case 'ecs:task':
      return paths.task(rest[0] ?? 'default', last);
    case 'ecs:task-definition':
      return paths.taskDefinition(rest[0] ?? '', last);
    case 'secretsmanager:secret':
      // What a task definition names may go on with a JSON key, a stage and a version.
      return paths.secret(text.split(':').slice(0, 7).join(':'));
    case 'kms:key':
      return paths.key(last);
    case 'sts:assumed-role':
      return paths.role(rest[0] ?? '');
    case 'iam:role':
      return paths.role(last);
    case 'iam:policy':
      return paths.policy(text);
    case 'iam:user':
      return paths.user(last);
    case 'iam:group':
      return paths.group(last);
    case 'ec2:vpc':
      return paths.vpc(last);
    case 'logs:log-group':
      return paths.logGroup(arn.resource.split(':')[1] ?? '');
    case 'ec2:security-group':
      return paths.securityGroup(last);
    default:
      return undefined;
  }
}
