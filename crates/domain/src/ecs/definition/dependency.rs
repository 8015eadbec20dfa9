//! The rules of `dependsOn`: what is depended on exists, can satisfy the condition, and leads in no circle.

use std::collections::BTreeSet;

use api::ecs::ContainerDefinition;

use crate::ecs::Refusal;

/// Checks the dependencies of all containers together.
pub(in crate::ecs) fn check(containers: &[ContainerDefinition]) -> Result<(), Refusal> {
    for container in containers {
        for dependency in container.depends_on.iter().flatten() {
            let Some(target) = find(containers, &dependency.container_name) else {
                return Err(Refusal::client(format!(
                    "Cannot depend on container {} because it does not exist",
                    dependency.container_name
                )));
            };
            match dependency.condition.as_str() {
                "SUCCESS" | "COMPLETE" if target.essential != Some(false) => {
                    return Err(Refusal::client(
                        "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
                    ));
                }
                "HEALTHY" if target.health_check.is_none() => {
                    return Err(Refusal::client(
                        "A dependency container with HEALTHY condition must have health check configured",
                    ));
                }
                _ => {}
            }
        }
    }
    check_circles(containers)
}

fn find<'a>(containers: &'a [ContainerDefinition], name: &str) -> Option<&'a ContainerDefinition> {
    containers.iter().find(|container| container.name.as_deref() == Some(name))
}

/// Takes away, again and again, every container that depends on nothing that is left. What stays is a circle.
fn check_circles(containers: &[ContainerDefinition]) -> Result<(), Refusal> {
    let mut left: BTreeSet<&str> = containers.iter().filter_map(|container| container.name.as_deref()).collect();
    loop {
        let free: Vec<&str> = left
            .iter()
            .copied()
            .filter(|name| {
                let dependencies = find(containers, name).into_iter().flat_map(|c| c.depends_on.iter().flatten());
                !dependencies.into_iter().any(|dependency| left.contains(dependency.container_name.as_str()))
            })
            .collect();
        if free.is_empty() {
            break;
        }
        for name in free {
            left.remove(name);
        }
    }
    if left.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = left.into_iter().collect();
    Err(Refusal::client(format!("Container dependencies form a cycle: {}", names.join(", "))))
}
