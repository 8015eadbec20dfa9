// ECS: clusters, tasks, task definitions.
import { Route, Routes } from 'react-router-dom';

import { NotFound } from '../NotFound';
import { ClusterPage } from './ClusterPage';
import { ClustersPage } from './ClustersPage';
import { ComparePage } from './ComparePage';
import { CreateTaskDefinitionPage } from './define/CreateTaskDefinitionPage';
import { RunTaskPage } from './RunTaskPage';
import { TaskDefinitionPage } from './TaskDefinitionPage';
import { TaskDefinitionsPage } from './TaskDefinitionsPage';
import { TaskPage } from './TaskPage';

export default function Ecs() {
  return (
    <Routes>
      <Route path="clusters" element={<ClustersPage />} />
      <Route path="clusters/:cluster" element={<ClusterPage />} />
      <Route path="clusters/:cluster/tasks/:task" element={<TaskPage />} />
      <Route path="clusters/:cluster/run" element={<RunTaskPage />} />
      <Route path="task-definitions/create" element={<CreateTaskDefinitionPage />} />
      <Route path="task-definitions/:family/compare" element={<ComparePage />} />
      <Route path="task-definitions" element={<TaskDefinitionsPage />} />
      <Route path="task-definitions/:family/:revision" element={<TaskDefinitionPage />} />
      <Route path="*" element={<NotFound />} />
    </Routes>
  );
}
