//! ECS: clusters, task definitions, tasks. Handlers write intentions; `crate::reconcile` makes them true.
//!
//! - `cluster`, `cluster_capacity`: clusters and their capacity providers
//! - `task_definition`, `task_definition_list`: definitions, their families and revisions
//! - `run_task`, `task`, `task_list`: tasks; `show`: a task as ECS shows it
//! - `rehearsal`: what registering and running would make, for CheckTaskDefinition
//! - `tag`: tags of all of them; `account_setting`: settings of principals
//! - `page`: pages of lists; `error`: refusals of `domain` as errors

pub mod record;

mod account_setting;
mod arn;
mod cluster;
mod cluster_capacity;
mod error;
mod page;
pub(crate) mod rehearsal;
mod run_task;
mod show;
mod sweep;
mod tag;
mod task;
mod task_definition;
mod task_definition_list;
mod task_list;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use api::ecs::op;

pub(crate) use account_setting::adopt;
pub use show::show;
pub(crate) use sweep::sweep;

use crate::front::Router;

/// Adds all operations of ECS.
pub fn routes(router: &mut Router) {
    router.add::<op::CreateCluster, _, _>(cluster::create);
    router.add::<op::DescribeClusters, _, _>(cluster::describe);
    router.add::<op::ListClusters, _, _>(cluster::list);
    router.add::<op::DeleteCluster, _, _>(cluster::delete);
    router.add::<op::UpdateCluster, _, _>(cluster::update);
    router.add::<op::UpdateClusterSettings, _, _>(cluster::update_settings);
    router.add::<op::PutClusterCapacityProviders, _, _>(cluster_capacity::put);
    router.add::<op::RegisterTaskDefinition, _, _>(task_definition::register);
    router.add::<op::DescribeTaskDefinition, _, _>(task_definition::describe);
    router.add::<op::DeregisterTaskDefinition, _, _>(task_definition::deregister);
    router.add::<op::DeleteTaskDefinitions, _, _>(task_definition::delete);
    router.add::<op::ListTaskDefinitions, _, _>(task_definition_list::definitions);
    router.add::<op::ListTaskDefinitionFamilies, _, _>(task_definition_list::families);
    router.add::<op::RunTask, _, _>(run_task::run);
    router.add::<op::DescribeTasks, _, _>(task::describe);
    router.add::<op::StopTask, _, _>(task::stop);
    router.add::<op::ListTasks, _, _>(task_list::list);
    router.add::<op::TagResource, _, _>(tag::add);
    router.add::<op::UntagResource, _, _>(tag::remove);
    router.add::<op::ListTagsForResource, _, _>(tag::list);
    router.add::<op::ListAccountSettings, _, _>(account_setting::list);
    router.add::<op::PutAccountSetting, _, _>(account_setting::put);
}
