// The families of task definitions.
import { ListTaskDefinitionsCommand } from '@aws-sdk/client-ecs';

import { all } from '../../aws/all';
import { paths, shortName } from '../../aws/arn';
import { ecs } from '../../aws/clients';
import { useLive } from '../../aws/useLive';
import { LiveTable, type Column } from '../../components/LiveTable';
import { To } from '../../components/To';
import { BarePage } from '../../frame/page';

interface Family {
  name: string;
  newest: number;
  revisions: number;
}

const columns: Column<Family>[] = [
  {
    id: 'family',
    header: 'Family',
    text: family => family.name,
    cell: family => <To path={paths.taskDefinition(family.name, family.newest)}>{family.name}</To>,
  },
  { id: 'newest', header: 'Newest revision', text: family => family.newest },
  { id: 'revisions', header: 'Active revisions', text: family => family.revisions },
];

export function TaskDefinitionsPage() {
  const live = useLive(families, []);
  return (
    <BarePage title="Task definitions" crumbs={[{ text: 'Task definitions' }]}>
      <LiveTable
        title="Task definitions"
        live={live}
        columns={columns}
        order="family"
        rowId={family => family.name}
        empty={{ text: 'No task definitions yet. A task definition says which containers a task has.' }}
      />
    </BarePage>
  );
}

async function families(): Promise<Family[]> {
  const arns = await all(async nextToken => {
    const page = await ecs().send(new ListTaskDefinitionsCommand({ nextToken, maxResults: 100 }));
    return { items: page.taskDefinitionArns, next: page.nextToken };
  });
  const found = new Map<string, Family>();
  for (const arn of arns) {
    const [name = '', revision = '0'] = shortName(arn).split(':');
    const family = found.get(name) ?? { name, newest: 0, revisions: 0 };
    found.set(name, { name, newest: Math.max(family.newest, Number(revision)), revisions: family.revisions + 1 });
  }
  return [...found.values()];
}
