// The policies of a role, a user or a group: attached ones and those written into it.
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Modal from '@cloudscape-design/components/modal';
import Multiselect from '@cloudscape-design/components/multiselect';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';

import { paths } from '../../aws/arn';
import { cli, file } from '../../aws/cli';
import { useLive } from '../../aws/useLive';
import { CliCommand } from '../../components/CliCommand';
import { Dialog } from '../../components/Dialog';
import { ErrorAlert } from '../../components/ErrorAlert';
import { JsonEditor } from '../../components/JsonEditor';
import { JsonView, pretty } from '../../components/JsonView';
import { Loaded } from '../../components/Loaded';
import { LiveTable, type Column } from '../../components/LiveTable';
import { To } from '../../components/To';
import { useSubmit } from '../../components/useSubmit';
import { useNotifications } from '../../frame/notifications';
import { usePolicyCheck } from './check';
import { policies, policyDocument } from './data';
import { attach, attached, deleteInline, detach, inlineDocument, inlineNames, putInline, type Owner } from './owners';
import { EMPTY_POLICY } from './templates';

interface Row {
  name: string;
  /** Of a managed policy. */
  arn?: string;
}

type Open = { what: 'attach' } | { what: 'remove'; row: Row } | { what: 'inline'; name?: string; document: string };

export function PoliciesPanel({ owner }: { owner: Owner }) {
  const live = useLive(() => rows(owner), [owner.kind, owner.name]);
  const [open, setOpen] = useState<Open>();
  const close = () => {
    setOpen(undefined);
    void live.refresh();
  };
  const columns: Column<Row>[] = [
    {
      id: 'name',
      header: 'Policy',
      width: 300,
      text: row => row.name,
      cell: row => (row.arn ? <To path={paths.policy(row.arn)}>{row.name}</To> : row.name),
    },
    { id: 'kind', header: 'Kind', width: 180, text: row => (row.arn ? (row.arn.startsWith('arn:aws:iam::aws:') ? 'AWS managed' : 'Customer managed') : 'Inline') },
    { id: 'document', header: 'Document', width: 560, text: () => undefined, cell: row => <RowDocument owner={owner} row={row} /> },
  ];
  const attachButton = (
    <Button variant="primary" onClick={() => setOpen({ what: 'attach' })}>
      Attach policies
    </Button>
  );
  const edit = async ({ name }: Row) => setOpen({ what: 'inline', name, document: pretty(await inlineDocument(owner, name)) });
  return (
    <>
      <LiveTable
        title="Permissions policies"
        level="h2"
        live={live}
        columns={columns}
        order="name"
        rowId={row => row.arn ?? row.name}
        selection="single"
        empty={{ text: `No policies: this ${owner.kind} may do nothing. Attach one.`, action: attachButton }}
        actions={([row]) => (
          <>
            <Button disabled={!row} onClick={() => row && setOpen({ what: 'remove', row })}>
              {row && !row.arn ? 'Delete' : 'Detach'}
            </Button>
            <Button disabled={!row || row.arn !== undefined} onClick={() => row && void edit(row)}>
              Edit inline policy
            </Button>
            <Button onClick={() => setOpen({ what: 'inline', document: EMPTY_POLICY })}>Write inline policy</Button>
            {attachButton}
          </>
        )}
      />
      {open?.what === 'attach' && <Attach owner={owner} there={live.data ?? []} onClose={close} />}
      {open?.what === 'remove' && <Remove owner={owner} row={open.row} onClose={close} />}
      {open?.what === 'inline' && <Inline owner={owner} name={open.name} document={open.document} onClose={close} />}
    </>
  );
}

async function rows(owner: Owner): Promise<Row[]> {
  const [managed, inline] = await Promise.all([attached(owner), inlineNames(owner)]);
  return [...managed.map(({ PolicyArn, PolicyName }) => ({ name: PolicyName ?? '', arn: PolicyArn })), ...inline.map(name => ({ name }))];
}

function RowDocument({ owner, row }: { owner: Owner; row: Row }) {
  const [open, setOpen] = useState(false);
  return (
    <ExpandableSection headerText="Show" headerAriaLabel={`Show ${row.name}`} expanded={open} onChange={({ detail }) => setOpen(detail.expanded)}>
      {open && <LoadedDocument owner={owner} row={row} />}
    </ExpandableSection>
  );
}

function LoadedDocument({ owner, row }: { owner: Owner; row: Row }) {
  const live = useLive(() => (row.arn ? policyDocument(row.arn) : inlineDocument(owner, row.name)), [owner.name, row.arn, row.name], { every: 10_000 });
  return <Loaded live={live}>{document => <JsonView value={document} name={row.name} />}</Loaded>;
}

function Attach({ owner, there, onClose }: { owner: Owner; there: Row[]; onClose: () => void }) {
  const [chosen, setChosen] = useState<string[]>([]);
  const { success } = useNotifications();
  return (
    <Dialog
      title={`Attach policies to ${owner.name}`}
      action="Attach"
      disabled={chosen.length === 0}
      onClose={onClose}
      onAction={async () => {
        for (const arn of chosen) await attach(owner, arn);
        success(chosen.length === 1 ? 'The policy is attached.' : `${chosen.length} policies are attached.`);
      }}
    >
      <PolicySelect value={chosen} without={there.flatMap(({ arn }) => arn ?? [])} onChange={setChosen} />
      <CliCommand command={chosen.map(arn => cli(`iam attach-${owner.kind}-policy`, { [`${owner.kind}-name`]: owner.name, 'policy-arn': arn })).join('\n') || `aws iam attach-${owner.kind}-policy`} />
    </Dialog>
  );
}

interface PolicySelectProps {
  /** ARNs. */
  value: string[];
  onChange: (arns: string[]) => void;
  without?: string[];
  error?: string;
}

export function PolicySelect({ value, onChange, without = [], error }: PolicySelectProps) {
  const live = useLive(() => policies('All'), [], { every: 10_000 });
  const all = (live.data ?? []).filter(({ Arn }) => !without.includes(Arn ?? ''));
  const asOption = ({ Arn, PolicyName }: { Arn?: string; PolicyName?: string }) => ({ value: Arn ?? '', label: PolicyName ?? '' });
  const own = all.filter(({ Arn }) => !Arn?.startsWith('arn:aws:iam::aws:')).map(asOption);
  const aws = all.filter(({ Arn }) => Arn?.startsWith('arn:aws:iam::aws:')).map(asOption);
  const options = [...own, ...aws];
  return (
    <FormField label="Policies" secondaryControl={<To path={paths.createPolicy()}>Create a policy</To>} errorText={error} stretch>
      <Multiselect
        selectedOptions={value.map(arn => options.find(option => option.value === arn) ?? { value: arn, label: arn.split('/').at(-1) ?? arn })}
        options={[
          { label: 'Customer managed', options: own },
          { label: 'AWS managed', options: aws },
        ].filter(({ options }) => options.length)}
        filteringType="auto"
        placeholder="Choose policies"
        empty="No policies."
        statusType={live.loading ? 'loading' : 'finished'}
        loadingText="Looking for policies"
        deselectAriaLabel={({ label }) => `Take ${label} away`}
        onChange={({ detail }) => onChange(detail.selectedOptions.flatMap(option => option.value ?? []))}
      />
    </FormField>
  );
}

function Remove({ owner, row, onClose }: { owner: Owner; row: Row; onClose: () => void }) {
  const { success } = useNotifications();
  const [named, verb] = row.arn ? [{ 'policy-arn': row.arn }, 'detach'] : [{ 'policy-name': row.name }, 'delete'];
  return (
    <Dialog
      title={row.arn ? `Detach ${row.name}?` : `Delete the inline policy ${row.name}?`}
      action={row.arn ? 'Detach' : 'Delete'}
      onClose={onClose}
      onAction={async () => {
        if (row.arn) await detach(owner, row.arn);
        else await deleteInline(owner, row.name);
        success(<>{row.name} does not count for {owner.name} any more.</>);
      }}
    >
      <Box>
        What only this policy allows, {owner.name} may not do any more from now on. {row.arn ? 'The policy itself stays.' : 'The policy is lost.'}
      </Box>
      <CliCommand command={cli(`iam ${verb}-${owner.kind}-policy`, { [`${owner.kind}-name`]: owner.name, ...named })} />
    </Dialog>
  );
}

function Inline({ owner, name: before, document, onClose }: { owner: Owner; name?: string; document: string; onClose: () => void }) {
  const [name, setName] = useState(before ?? '');
  const [text, setText] = useState(document);
  const check = usePolicyCheck(text);
  const submit = useSubmit({ name: /policyname/i, document: /MalformedPolicy|policydocument|syntax|LimitExceeded/i });
  const { success } = useNotifications();
  const save = () =>
    submit.run(async () => {
      await putInline(owner, name, text);
      success(<>The inline policy {name} is saved.</>);
      onClose();
    });
  return (
    <Modal
      visible
      size="large"
      header={before ? `Edit the inline policy ${before}` : 'Write an inline policy'}
      closeAriaLabel="Close"
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={onClose}>Cancel</Button>
            <Button variant="primary" loading={submit.working} disabled={!name || check.state === 'bad' || check.state === 'empty'} onClick={() => void save()}>
              Save
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {submit.rest !== undefined && <ErrorAlert error={submit.rest} header="The policy was not saved" />}
        <FormField label="Policy name" errorText={submit.at('name')}>
          <Input value={name} disabled={before !== undefined} autoComplete={false} onChange={({ detail }) => setName(detail.value)} />
        </FormField>
        <JsonEditor
          label="Policy document"
          value={text}
          check={check}
          error={submit.at('document')}
          onChange={next => {
            submit.clear();
            setText(next);
          }}
        />
        <CliCommand
          note="Write the policy into policy.json first."
          command={cli(`iam put-${owner.kind}-policy`, { [`${owner.kind}-name`]: owner.name, 'policy-name': name, 'policy-document': file('policy.json') })}
        />
      </SpaceBetween>
    </Modal>
  );
}
