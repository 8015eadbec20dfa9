// IAM: roles, policies, users, groups.
import { Route, Routes } from 'react-router-dom';

import { NotFound } from '../NotFound';
import { CreatePolicyPage } from './CreatePolicyPage';
import { CreateRolePage } from './CreateRolePage';
import { GroupPage } from './GroupPage';
import { GroupsPage } from './GroupsPage';
import { PoliciesPage } from './PoliciesPage';
import { PolicyPage } from './PolicyPage';
import { RolePage } from './RolePage';
import { RolesPage } from './RolesPage';
import { UserPage } from './UserPage';
import { UsersPage } from './UsersPage';

export default function Iam() {
  return (
    <Routes>
      <Route path="roles" element={<RolesPage />} />
      <Route path="roles/create" element={<CreateRolePage />} />
      <Route path="roles/role/:role" element={<RolePage />} />
      <Route path="policies" element={<PoliciesPage />} />
      <Route path="policies/create" element={<CreatePolicyPage />} />
      <Route path="policies/policy/:policy" element={<PolicyPage />} />
      <Route path="users" element={<UsersPage />} />
      <Route path="users/user/:user" element={<UserPage />} />
      <Route path="groups" element={<GroupsPage />} />
      <Route path="groups/group/:group" element={<GroupPage />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
