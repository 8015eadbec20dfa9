//! CheckTaskDefinition: the whole road of a task definition before a task is started. Tidegate's own operation.
//!
//! - `definition`: the definition itself, and whether RunTask would take it
//! - `roles`: the execution role and the task role
//! - `container`: secrets, keys, registry, image, platform and logs of one container
//! - `mends`: what would make a broken link good, tried before it is offered
//! - `candidates`: what might; `keeps`: whether one only adds
//! - `reach`: whether a task that runs can be reached from outside
//!
//! Everything is tried with the code that starts tasks, on a [`crate::Rehearsal`]: what the real road writes (a task, a log
//! group, the day a secret was read) is written to a copy that is thrown away. Only the registry is really asked, through
//! [`ImageInspection`], which can read and nothing else. Secrets are opened in memory, as for a task, and what is told of
//! them is whether they have the right form.
//!
//! Who may check may not see more than who may run: the roles must be passed (`iam:PassRole`), or nothing is asked as them.

mod candidates;
mod container;
mod definition;
mod keeps;
mod mends;
mod reach;
mod roles;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use api::tidegate::{CheckTaskDefinitionInput, CheckTaskDefinitionOutput, Road as RoadView, op};
use domain::compute::ImageInspection;
use domain::ecs::{Task, TaskStatus};
use domain::failure::{Link, Outcome};
use domain::iam::Caller;
use domain::mend::{self, Step};
use tokio::sync::Semaphore;

use self::definition::{Definition, Written};
use self::mends::{Offer, Offering};
use crate::ecs::rehearsal::{Place, Run};
use crate::explain::{self, link_view, word};
use crate::front::Router;
use crate::iam::authorization::authorize;
use crate::{Access, App, Authorized, Rehearsal, Request, ServiceError, limits};

/// The operation that is served. `services` are the operations that a mend may be made of.
pub(crate) fn routes(router: &mut Router, images: &Arc<dyn ImageInspection>, services: Router) {
    let house = Arc::new(House { images: Arc::clone(images), services, places: Semaphore::new(limits::CHECKS) });
    router.add::<op::CheckTaskDefinition, _, _>(move |app, request| run(app, request, Arc::clone(&house)));
}

/// What a check is done with.
struct House {
    images: Arc<dyn ImageInspection>,
    services: Router,
    places: Semaphore,
}

/// The links of one container; of the task as a whole without a container.
struct Road {
    container: Option<String>,
    links: Vec<Link>,
    /// What mends a broken link, by its place in `links`.
    offers: BTreeMap<usize, Vec<Offer>>,
}

impl Road {
    fn new(container: Option<String>, links: Vec<Link>) -> Self {
        Self { container, links, offers: BTreeMap::new() }
    }
}

async fn run(
    app: Arc<App>,
    request: Request<CheckTaskDefinitionInput>,
    house: Arc<House>,
) -> Result<CheckTaskDefinitionOutput, ServiceError> {
    let Authorized { input, caller, .. } =
        request.authorize(&app, |_, _, _| Ok(Access::to_any("tidegate:CheckTaskDefinition")))?;
    let asked = Asked::of(&app, &caller, input)?;
    let _place = house.places.try_acquire().map_err(|_| {
        let message = format!("There are {} checks already under way; try again.", limits::CHECKS);
        ServiceError::new("ThrottlingException", message)
    })?;
    let mut walked = walk(&app.rehearsal()?, &caller, &asked, Some(&house.images)).await;
    Offering { app: &app, caller: &caller, house: &house, asked: &asked }.make(&mut walked).await?;
    Ok(answer(walked))
}

/// What is checked.
struct Asked {
    written: Written,
    run: Run,
    /// The task that is to be run again, if it is one.
    task: Option<Arc<Task>>,
}

impl Asked {
    fn of(app: &App, caller: &Caller, input: CheckTaskDefinitionInput) -> Result<Self, ServiceError> {
        let place = Place { cluster: input.cluster, launch_type: input.launch_type, subnets: input.subnets };
        match (input.task_definition, input.document, input.task) {
            (Some(name), None, None) => {
                Ok(Self { written: Written::registered(app, caller, name)?, run: Run::At(place), task: None })
            }
            (None, Some(document), None) => {
                Ok(Self { written: Written::Document(document), run: Run::At(place), task: None })
            }
            (None, None, Some(task)) => Self::of_task(app, caller, place.cluster.as_deref(), &task),
            _ => Err(ServiceError::new(
                "InvalidParameterException",
                "Exactly one of taskDefinition, document and task must be given.",
            )),
        }
    }

    /// The road of a task that was run, as it would be now.
    fn of_task(app: &App, caller: &Caller, cluster: Option<&str>, task: &str) -> Result<Self, ServiceError> {
        let access = explain::access("ecs:DescribeTasks", caller, cluster, task);
        authorize(app, &app.store.read(), caller, &access)?;
        let task = explain::find(app, caller, cluster, task)?;
        Ok(Self {
            written: Written::registered(app, caller, task.definition_arn.clone())?,
            run: again(&mend::again(&task))?,
            task: Some(task),
        })
    }
}

/// Running a task again by a step that is offered.
fn again(step: &Step) -> Result<Run, ServiceError> {
    let input = serde_json::from_value(step.input.clone()).map_err(|error| {
        tracing::error!(%error, "a task cannot be run again");
        ServiceError::new("InternalFailure", "The task's record cannot be run again.").with_status(500)
    })?;
    Ok(Run::Again(Box::new(input)))
}

/// What was found.
struct Walked {
    /// The ARN that the definition has, or would get.
    arn: Option<String>,
    roads: Vec<Road>,
    /// The task that RunTask would make.
    task: Option<Task>,
}

/// Walks the road on a copy of the records. Without `images` no registry is asked.
async fn walk(
    rehearsal: &Rehearsal,
    caller: &Caller,
    asked: &Asked,
    images: Option<&Arc<dyn ImageInspection>>,
) -> Walked {
    let Definition { arn, links, outline, task } =
        definition::look(rehearsal, caller, &asked.written, &asked.run).await;
    let mut roads = vec![Road::new(None, links)];
    if let Some(task) = &task {
        if asked.task.as_ref().is_some_and(|task| task.last_status == TaskStatus::Running) {
            roads[0].links.extend(reach::look(&rehearsal.app().store.read(), task));
        }
        let roles = roles::look(rehearsal, caller, task);
        roads[0].links.extend(roles.links);
        roads.extend(container::look(rehearsal, task, roles.execution.as_ref(), images).await);
    } else {
        roads[0].links.extend(outline.roles());
        roads.extend(outline.containers());
    }
    Walked { arn, roads, task }
}

fn answer(walked: Walked) -> CheckTaskDefinitionOutput {
    let good = walked.roads.iter().flat_map(|road| &road.links).all(|link| link.outcome == Outcome::Good);
    CheckTaskDefinitionOutput {
        task_definition: walked.arn,
        outcome: word(if good { Outcome::Good } else { Outcome::Broken }),
        roads: walked.roads.into_iter().map(road_view).collect(),
    }
}

fn road_view(road: Road) -> RoadView {
    let mut links: Vec<_> = road.links.iter().map(link_view).collect();
    for (place, offers) in road.offers {
        links[place].mends = Some(offers.iter().map(Offer::view).collect());
    }
    RoadView { container: road.container, links }
}

/// A chain with one broken link: what follows the first one is not to be mended, it was not reached.
fn settled(mut chain: Vec<Link>) -> Vec<Link> {
    let first = chain.iter().position(|link| link.outcome == Outcome::Broken);
    for link in chain.iter_mut().skip(first.map_or(usize::MAX, |first| first + 1)) {
        link.outcome = Outcome::NotReached;
        link.mend.clear();
        link.fault = None;
    }
    chain
}
