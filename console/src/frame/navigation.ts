// The side navigation, in the order of the road of an image.
import type { SideNavigationProps } from '@cloudscape-design/components/side-navigation';

import { paths } from '../aws/arn';

export const BASE = '/console';

const link = (text: string, path: string): SideNavigationProps.Link => ({ type: 'link', text, href: BASE + path });

export const navigation: SideNavigationProps.Item[] = [
  {
    type: 'section-group',
    title: 'Containers',
    items: [link('Clusters', paths.clusters()), link('Task definitions', paths.taskDefinitions())],
  },
  {
    type: 'section-group',
    title: 'Security',
    items: [
      link('Secrets', paths.secrets()),
      link('KMS keys', paths.keys()),
      link('Roles', paths.roles()),
      link('Policies', paths.policies()),
      link('Users', paths.users()),
      link('Groups', paths.groups()),
    ],
  },
  {
    type: 'section-group',
    title: 'Network',
    items: [
      link('VPCs', paths.vpcs()),
      link('Subnets', paths.subnets()),
      link('Security groups', paths.securityGroups()),
      link('Network interfaces', paths.networkInterfaces()),
    ],
  },
  {
    type: 'section-group',
    title: 'Observe',
    items: [link('Log groups', paths.logGroups()), link('Audit', paths.audit())],
  },
];
