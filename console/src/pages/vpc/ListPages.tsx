// The lists of the network as pages.
import { useLive } from '../../aws/useLive';
import { BarePage } from '../../frame/page';
import { networkInterfaces, subnets } from './data';
import { InterfaceList, SubnetList } from './tables';

export function SubnetsPage() {
  const live = useLive(() => subnets(), [], { every: 10_000 });
  return (
    <BarePage title="Subnets" crumbs={[{ text: 'Subnets' }]}>
      <SubnetList live={live} />
    </BarePage>
  );
}

export function NetworkInterfacesPage() {
  const live = useLive(() => networkInterfaces(), []);
  return (
    <BarePage title="Network interfaces" crumbs={[{ text: 'Network interfaces' }]}>
      <InterfaceList live={live} />
    </BarePage>
  );
}
