// The network: VPCs, subnets, security groups, network interfaces.
import { Route, Routes } from 'react-router-dom';

import { NotFound } from '../NotFound';
import { NetworkInterfacesPage, SubnetsPage } from './ListPages';
import { SecurityGroupPage } from './SecurityGroupPage';
import { SecurityGroupsPage } from './SecurityGroupsPage';
import { VpcPage } from './VpcPage';
import { VpcsPage } from './VpcsPage';

export default function Vpc() {
  return (
    <Routes>
      <Route path="vpcs" element={<VpcsPage />} />
      <Route path="vpcs/:vpc" element={<VpcPage />} />
      <Route path="subnets" element={<SubnetsPage />} />
      <Route path="security-groups" element={<SecurityGroupsPage />} />
      <Route path="security-groups/:group" element={<SecurityGroupPage />} />
      <Route path="network-interfaces" element={<NetworkInterfacesPage />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
