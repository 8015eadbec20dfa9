//! The rules of a task definition's volumes and of what containers mount.

use std::collections::BTreeSet;

use api::ecs::TaskDefinition;

use crate::ecs::{Refusal, names};

/// Checks all volumes, mount points and `volumesFrom`.
pub(in crate::ecs) fn check(definition: &TaskDefinition) -> Result<(), Refusal> {
    let mut volumes = BTreeSet::new();
    for volume in definition.volumes.iter().flatten() {
        let name = volume.name.as_deref().unwrap_or_default();
        if !names::is_name(name) {
            return Err(Refusal::client("Volume.name contains invalid characters."));
        }
        if !volumes.insert(name) {
            return Err(Refusal::client("Volume names must be unique within a task definition"));
        }
        if let Some(efs) = &volume.efs_volume_configuration
            && let Some(authorization) = &efs.authorization_config
        {
            let encrypted = efs.transit_encryption.as_deref() == Some("ENABLED");
            if authorization.iam.as_deref() == Some("ENABLED") && !encrypted {
                return Err(Refusal::client("EFS IAM authorization requires TransitEncryption to be enabled"));
            }
            if authorization.access_point_id.is_some()
                && efs.root_directory.as_deref().is_some_and(|directory| directory != "/")
            {
                return Err(Refusal::client(
                    "When using an EFS access point, the root directory must either be set to \"/\" or be omitted",
                ));
            }
        }
    }
    let containers = definition.container_definitions.as_deref().unwrap_or_default();
    for container in containers {
        for mount in container.mount_points.iter().flatten() {
            let volume = mount.source_volume.as_deref().unwrap_or_default();
            if !volumes.contains(volume) {
                return Err(Refusal::client(format!("Unknown volume '{volume}'.")));
            }
            if !mount.container_path.as_deref().is_some_and(|path| path.starts_with('/')) {
                return Err(Refusal::client(format!(
                    "The container path of the mount point of volume '{volume}' must be an absolute path."
                )));
            }
        }
        for from in container.volumes_from.iter().flatten() {
            let source = from.source_container.as_deref().unwrap_or_default();
            if from.source_container == container.name
                || !containers.iter().any(|other| other.name.as_deref() == Some(source))
            {
                return Err(Refusal::client(format!(
                    "Cannot mount volumes from container {source} because it does not exist"
                )));
            }
        }
    }
    Ok(())
}
