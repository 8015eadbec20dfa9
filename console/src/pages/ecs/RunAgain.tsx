// Running a stopped task again: where it ran and as it ran, with the revision that a mend made, if one did.
import { RunTaskCommand, type RunTaskCommandInput } from '@aws-sdk/client-ecs';
import { useNavigate } from 'react-router-dom';

import { paths, shortName } from '../../aws/arn';
import { ecs } from '../../aws/clients';
import type { Step } from '../../aws/tidegate';
import { Command } from '../../components/Command';
import { Dialog } from '../../components/Dialog';
import { pretty } from '../../components/JsonView';

export function RunAgain({ cluster, step, onClose }: { cluster: string; step: Step; onClose: () => void }) {
  const navigate = useNavigate();
  return (
    <Dialog
      title="Run the task again?"
      action="Run"
      onClose={onClose}
      onAction={async () => {
        const { tasks = [], failures = [] } = await ecs().send(new RunTaskCommand(JSON.parse(step.input) as RunTaskCommandInput));
        const failure = failures[0];
        if (failure) throw Object.assign(new Error(`${failure.reason ?? ''} ${failure.detail ?? failure.arn ?? ''}`), { name: 'Failure' });
        void navigate(paths.task(cluster, shortName(tasks[0]?.taskArn)));
      }}
    >
      <pre className="json">{pretty(step.input)}</pre>
      <Command text={step.command} label="AWS CLI command" />
    </Dialog>
  );
}
