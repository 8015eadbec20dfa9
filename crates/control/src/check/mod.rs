//! CheckTaskDefinition: the whole road of a task definition before a task is started. Tidegate's own operation.
//!
//! - `definition`: the definition itself, and whether RunTask would take it
//! - `roles`: the execution role and the task role
//! - `container`: secrets, keys, registry, image, platform and logs of one container
//!
//! Everything is tried with the code that starts tasks, on a [`crate::Rehearsal`]: what the real road writes (a task, a log
//! group, the day a secret was read) is written to a copy that is thrown away. Only the registry is really asked, through
//! [`ImageInspection`], which can read and nothing else. Secrets are opened in memory, as for a task, and what is told of
//! them is whether they have the right form.
//!
//! Who may check may not see more than who may run: the roles must be passed (`iam:PassRole`), or nothing is asked as them.

mod container;
mod definition;
mod roles;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use api::tidegate::{CheckTaskDefinitionInput, CheckTaskDefinitionOutput, Road as RoadView, op};
use domain::compute::ImageInspection;
use domain::failure::{Link, Outcome};
use tokio::sync::Semaphore;

use self::definition::{Definition, Written};
use crate::ecs::rehearsal::Place;
use crate::explain::{link_view, word};
use crate::front::Router;
use crate::{Access, App, Authorized, Request, ServiceError, limits};

/// The operation that is served.
pub(crate) fn routes(router: &mut Router, images: &Arc<dyn ImageInspection>) {
    let images = Arc::clone(images);
    let places = Arc::new(Semaphore::new(limits::CHECKS));
    router.add::<op::CheckTaskDefinition, _, _>(move |app, request| {
        run(app, request, Arc::clone(&images), Arc::clone(&places))
    });
}

/// The links of one container; of the task as a whole without a container.
struct Road {
    container: Option<String>,
    links: Vec<Link>,
}

async fn run(
    app: Arc<App>,
    request: Request<CheckTaskDefinitionInput>,
    images: Arc<dyn ImageInspection>,
    places: Arc<Semaphore>,
) -> Result<CheckTaskDefinitionOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("tidegate:CheckTaskDefinition")))?;
    let written = Written::of(&app, &caller, input.task_definition, input.document)?;
    let _place = places.try_acquire().map_err(|_| {
        let message = format!("There are {} checks already under way; try again.", limits::CHECKS);
        ServiceError::new("ThrottlingException", message)
    })?;
    let place = Place { cluster: input.cluster, launch_type: input.launch_type, subnets: input.subnets };
    let rehearsal = app.rehearsal()?;
    let Definition { arn, links, outline, task } = definition::look(&rehearsal, &caller, written, &place).await;
    let mut roads = vec![Road { container: None, links }];
    if let Some(task) = task {
        let roles = roles::look(&rehearsal, &caller, &task);
        roads[0].links.extend(roles.links);
        roads.extend(container::look(&rehearsal, &task, roles.execution.as_ref(), &images).await);
    } else {
        roads[0].links.extend(outline.roles());
        roads.extend(outline.containers());
    }
    Ok(answer(arn, roads))
}

fn answer(task_definition: Option<String>, roads: Vec<Road>) -> CheckTaskDefinitionOutput {
    let good = roads.iter().flat_map(|road| &road.links).all(|link| link.outcome == Outcome::Good);
    let roads = roads
        .into_iter()
        .map(|road| RoadView { container: road.container, links: road.links.iter().map(link_view).collect() });
    CheckTaskDefinitionOutput {
        task_definition,
        outcome: word(if good { Outcome::Good } else { Outcome::Broken }),
        roads: roads.collect(),
    }
}

/// A chain with one broken link: what follows the first one is not to be mended, it was not reached.
fn settled(mut chain: Vec<Link>) -> Vec<Link> {
    let first = chain.iter().position(|link| link.outcome == Outcome::Broken);
    for link in chain.iter_mut().skip(first.map_or(usize::MAX, |first| first + 1)) {
        link.outcome = Outcome::NotReached;
        link.mend.clear();
    }
    chain
}
