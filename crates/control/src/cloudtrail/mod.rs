//! CloudTrail, as far as it looks back: LookupEvents over the audit.
//!
//! There are no trails, event data stores or insights: the audit's own files and retention are what keeps the events.

mod lookup;

use api::cloudtrail::op;

use crate::front::Router;

/// Serves CloudTrail.
pub fn routes(router: &mut Router) {
    router.add::<op::LookupEvents, _, _>(lookup::run);
}
