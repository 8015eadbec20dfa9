//! `DescribeTaskUsage`: what a task uses now, and how far its pulls are.
//!
//! The numbers come from the machine through [`UsageInspection`], which can read and nothing else; none is kept. A task
//! that is not on the machine (any more) is answered without containers.

use api::tidegate::{
    ContainerUsage as ContainerView, DescribeTaskUsageInput, DescribeTaskUsageOutput, NetworkUsage, ProcessUsage,
    PullUsage,
};
use domain::compute::{ContainerUsage, TaskSpec, UsageInspection};

use super::task::{access, find};
use super::word;
use crate::{App, Authorized, Request, ServiceError};

/// `DescribeTaskUsage`
pub(super) fn run(
    app: &App,
    request: Request<DescribeTaskUsageInput>,
    usage: &dyn UsageInspection,
) -> Result<DescribeTaskUsageOutput, ServiceError> {
    let Authorized { input, caller, .. } = request.authorize(app, |input, _, caller| {
        Ok(access("tidegate:DescribeTaskUsage", caller, input.cluster.as_deref(), &input.task))
    })?;
    let task = find(app, &caller, input.cluster.as_deref(), &input.task)?;
    let sampled_at = app.now();
    let measured = usage.usage(&task.spec.task_id).unwrap_or_default();
    Ok(DescribeTaskUsageOutput {
        task_arn: task.spec.task_arn.clone(),
        last_status: task.last_status.as_str().to_owned(),
        sampled_at,
        cpu_units: task.spec.cpu_units.map(i64::from),
        memory_limit_bytes: task.spec.memory_mib.map(bytes),
        network: measured.network.map(|network| NetworkUsage {
            bytes_received: number(network.received_bytes),
            bytes_sent: number(network.sent_bytes),
        }),
        containers: measured.containers.into_iter().map(|container| view(&task.spec, container)).collect(),
    })
}

fn view(task: &TaskSpec, measured: ContainerUsage) -> ContainerView {
    let spec = task.containers.iter().find(|container| container.name == measured.name);
    let limit = spec.and_then(|container| container.memory_mib).or(task.memory_mib);
    let pull = measured.pull;
    ContainerView {
        name: measured.name,
        image: spec.map(|container| container.image.clone()),
        process: measured.process.map(|process| ProcessUsage {
            cpu_nanoseconds: number(process.cpu_nanoseconds),
            memory_bytes: number(process.memory_bytes),
            memory_limit_bytes: limit.map(bytes),
            processes: number(process.processes),
        }),
        pull: PullUsage {
            state: word(pull.state),
            bytes_done: pull.done_bytes.map(number),
            bytes_total: pull.total_bytes.map(number),
            layers_done: pull.done_layers.map(number),
            layers_total: pull.total_layers.map(number),
        },
    }
}

fn bytes(mib: u32) -> i64 {
    i64::from(mib) << 20
}

/// A count as the wire has it.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ecs::testing::Ecs;
    use crate::testing::usage;

    /// A machine on which there is no task.
    struct Empty;

    impl UsageInspection for Empty {
        fn usage(&self, _: &str) -> Option<domain::compute::TaskUsage> {
            None
        }
    }

    #[tokio::test]
    async fn what_the_machine_measures_is_told_with_the_limits() {
        let ecs = Ecs::with_definition().await;
        let id = ecs.run(&json!({})).await.remove(0);
        let input = json!({"cluster": "walk", "task": id});
        let told = ecs.ok(async |app, request| run(&app, request, &*usage()), input.clone()).await;
        let process = json!({
            "cpuNanoseconds": 2_000_000_000_i64, "memoryBytes": 5 << 20, "memoryLimitBytes": 512 << 20, "processes": 3,
        });
        assert_eq!((&told["cpuUnits"], &told["memoryLimitBytes"]), (&json!(256), &json!(512 << 20)));
        assert_eq!(told["containers"][0]["process"], process);
        assert_eq!(told["containers"][0]["image"], "nginx");
        assert_eq!(told["containers"][0]["pull"], json!({"state": "pulled", "bytesDone": 7, "layersTotal": 1}));
        assert_eq!(told["network"], json!({"bytesReceived": 11, "bytesSent": 13}));
        let by_arn = json!({"task": told["taskArn"]});
        assert_eq!(ecs.ok(async |app, request| run(&app, request, &*usage()), by_arn).await, told);
        let empty = ecs.ok(async |app, request| run(&app, request, &Empty), input).await;
        assert_eq!(empty["containers"], json!([]));
        assert!(empty.get("network").is_none());
    }

    #[tokio::test]
    async fn a_task_that_is_not_there_is_no_usage() {
        let ecs = Ecs::with_definition().await;
        let input = json!({"cluster": "walk", "task": "0".repeat(32)});
        let error = ecs.error(async |app, request| run(&app, request, &*usage()), input).await;
        assert!(error.contains("ResourceNotFoundException"), "{error}");
    }
}
