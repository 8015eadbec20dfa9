//! What mends a broken link: candidates are tried before they are offered.
//!
//! A candidate is done on a copy of the records, with the rights of who asks, and the road is walked there again. What
//! would not mend is not offered, nor is what would change anything that is there. The tries leave no events: what they
//! read, nobody had the right to read. Registries are asked only for an image, with rights that the role has already.

use api::tidegate::Mend as MendView;
use domain::failure::{Link, LinkKind, Outcome};
use domain::iam::Caller;
use domain::mend::{self, Fault, Mend, Step};

use super::candidates::{About, candidates};
use super::definition::Written;
use super::keeps::keeps;
use super::{Asked, House, Road, Walked, again, walk};
use crate::audit::Trail;
use crate::explain::step_view;
use crate::{App, Rehearsal, ServiceError, limits};

/// A mend that was tried.
pub(super) struct Offer {
    mend: Mend,
    run_again: Option<Step>,
}

impl Offer {
    pub(super) fn view(&self) -> MendView {
        let mut asks: Vec<String> = self.mend.steps.iter().flat_map(Step::asks).map(str::to_owned).collect();
        asks.dedup();
        MendView {
            title: self.mend.title.clone(),
            steps: self.mend.steps.iter().map(step_view).collect(),
            asks: Some(asks).filter(|asks| !asks.is_empty()),
            run_again: self.run_again.as_ref().map(step_view),
        }
    }
}

/// Who is offered mends, and of what.
pub(super) struct Offering<'a> {
    pub(super) app: &'a App,
    pub(super) caller: &'a Caller,
    pub(super) house: &'a House,
    pub(super) asked: &'a Asked,
}

impl Offering<'_> {
    /// Adds to each broken link what mends it.
    pub(super) async fn make(&self, walked: &mut Walked) -> Result<(), ServiceError> {
        let mut tries = limits::MENDS;
        for at in 0..walked.roads.len() {
            for place in 0..walked.roads[at].links.len() {
                let link = &walked.roads[at].links[place];
                let Some(fault) = link.fault.as_deref().cloned() else { continue };
                let mut offers = Vec::new();
                for mend in candidates(self.app, &self.about(walked, at, place), &self.caller.region, &fault) {
                    if tries == 0 {
                        break;
                    }
                    tries -= 1;
                    let run_again = self.run_again(&mend, &fault);
                    if self.mends(&mend, run_again.as_ref(), &walked.roads[at], &fault).await? {
                        offers.push(Offer { mend, run_again });
                    }
                }
                walked.roads[at].offers.insert(place, offers);
            }
        }
        Ok(())
    }

    fn about<'b>(&self, walked: &'b Walked, at: usize, place: usize) -> About<'b> {
        let road = &walked.roads[at];
        About {
            subject: &road.links[place].subject,
            container: road.container.as_deref(),
            task: walked.task.as_ref(),
            // What is not registered yet is mended in its file.
            definition: walked.arn.as_deref().filter(|_| matches!(self.asked.written, Written::Registered(_))),
        }
    }

    /// How the task is run again once the mend is done.
    fn run_again(&self, mend: &Mend, fault: &Fault) -> Option<Step> {
        let again = mend::again(self.asked.task.as_ref()?);
        Some(match (family(mend), fault) {
            (Some(family), _) => mend::with_definition(again, &family),
            (None, Fault::NoPublicAddress) => mend::with_public_address(again),
            (None, _) => again,
        })
    }

    /// Whether the link that broke with this fault is not broken any more once the mend is done.
    async fn mends(
        &self,
        mend: &Mend,
        run_again: Option<&Step>,
        before: &Road,
        fault: &Fault,
    ) -> Result<bool, ServiceError> {
        let rehearsal = self.app.rehearsal_of_change()?;
        let there = rehearsal.app().store.read();
        for step in &mend.steps {
            if let Err(error) = self.perform(&rehearsal, step).await {
                tracing::debug!(%error, operation = step.operation, "a mend is not offered: it would be refused");
                return Ok(false);
            }
        }
        if !keeps(&there, &rehearsal.app().store.read()) {
            tracing::debug!(title = mend.title, "a mend is not offered: it would change what is there");
            return Ok(false);
        }
        let written = family(mend).map_or_else(|| self.asked.written.clone(), Written::Registered);
        let run = run_again.map_or_else(|| Ok(self.asked.run.clone()), again)?;
        let asked = Asked { written, run, task: self.asked.task.clone() };
        let images = matches!(fault, Fault::NoTag { .. }).then_some(&self.house.images);
        let after = Trail::default().follow(walk(&rehearsal, self.caller, &asked, images)).await;
        Ok(is_mended(before, &after, fault))
    }

    async fn perform(&self, rehearsal: &Rehearsal, step: &Step) -> Result<(), ServiceError> {
        let region = step.region.clone().unwrap_or_else(|| self.caller.region.clone());
        let caller = Caller { region, ..self.caller.clone() };
        let mut input = step.input.clone();
        if step.asks().next().is_some() {
            // Every SDK sends it by itself with what makes a secret's version.
            input["ClientRequestToken"] = self.app.uuid().into();
        }
        let input = input.to_string();
        self.house.services.rehearse(rehearsal, (step.service, step.operation), input.as_bytes(), caller).await
    }
}

/// The family that a mend registers a revision of: the newest one is the one that it made.
fn family(mend: &Mend) -> Option<String> {
    let step = mend.steps.iter().find(|step| step.operation == "RegisterTaskDefinition")?;
    step.input["family"].as_str().map(str::to_owned)
}

/// The fault is gone from the road, and nothing broke that was good.
fn is_mended(before: &Road, after: &Walked, fault: &Fault) -> bool {
    let Some(road) = after.roads.iter().find(|road| road.container == before.container) else { return false };
    let was_good = |link: &Link| -> bool {
        let same = |one: &&Link| one.kind == link.kind && one.subject == link.subject;
        before.links.iter().find(same).is_some_and(|one| one.outcome == Outcome::Good)
    };
    let broken = |link: &&Link| link.outcome == Outcome::Broken;
    let reached = road.links.iter().any(|link| link.outcome != Outcome::NotReached) || road.container.is_none();
    reached
        && !road.links.iter().any(|link| link.fault.as_deref() == Some(fault))
        && !road.links.iter().filter(broken).any(was_good)
        && !after.roads[0].links.iter().filter(broken).any(|link| link.kind == LinkKind::Definition)
}
