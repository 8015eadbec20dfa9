// The AWS CLI command (and Terraform, where it is easy) that does what a form does. Made with `cli()` of `aws/cli.ts`.
// A secret value never gets here: forms write `file('secret.json')` in its place.
import Box from '@cloudscape-design/components/box';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import SpaceBetween from '@cloudscape-design/components/space-between';

import { Command } from './Command';

interface CliCommandProps {
  command: string;
  terraform?: string;
  /** What the user must do by hand, such as writing the file that the command names. */
  note?: string;
}

export function CliCommand({ command, terraform, note }: CliCommandProps) {
  return (
    <ExpandableSection variant="footer" headerText={terraform ? 'The same by AWS CLI or Terraform' : 'The same by AWS CLI'}>
      <SpaceBetween size="s">
        {note && <Box color="text-body-secondary">{note}</Box>}
        <Command text={command} label="AWS CLI command" />
        {terraform && <Command text={terraform} label="Terraform resource" />}
      </SpaceBetween>
    </ExpandableSection>
  );
}
