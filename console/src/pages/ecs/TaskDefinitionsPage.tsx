// The families of task definitions.
import Button from '@cloudscape-design/components/button';
import { useNavigate } from 'react-router-dom';

import { paths, shortName } from '../../aws/arn';
import { useLive } from '../../aws/useLive';
import { LiveTable, type Column } from '../../components/LiveTable';
import { To } from '../../components/To';
import { BarePage } from '../../frame/page';
import { definitionArns } from './data';

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
  const navigate = useNavigate();
  const create = (
    <Button variant="primary" onClick={() => void navigate(paths.createTaskDefinition())}>
      Create task definition
    </Button>
  );
  return (
    <BarePage title="Task definitions" crumbs={[{ text: 'Task definitions' }]}>
      <LiveTable
        title="Task definitions"
        live={live}
        columns={columns}
        order="family"
        rowId={family => family.name}
        empty={{ text: 'No task definitions yet. A task definition says which containers a task has.', action: create }}
        actions={() => create}
      />
    </BarePage>
  );
}

async function families(): Promise<Family[]> {
  const arns = await definitionArns();
  const found = new Map<string, Family>();
  for (const arn of arns) {
    const [name = '', revision = '0'] = shortName(arn).split(':');
    const family = found.get(name) ?? { name, newest: 0, revisions: 0 };
    found.set(name, { name, newest: Math.max(family.newest, Number(revision)), revisions: family.revisions + 1 });
  }
  return [...found.values()];
}
