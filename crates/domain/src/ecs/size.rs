//! CPU and memory of a task: how they are written, and which pairs Fargate has.

use super::Refusal;

/// CPU units of one vCPU.
const UNITS_PER_VCPU: f64 = 1024.0;
/// MiB of one GB, as ECS counts them.
const MIB_PER_GB: f64 = 1024.0;
/// Task CPU off Fargate, in units.
const CPU_RANGE: std::ops::RangeInclusive<u32> = 128..=196_608;

/// Reads a task's `cpu`: units (`256`) or vCPUs (`1 vCPU`, `.5 vcpu`). In units.
pub(super) fn cpu(text: &str) -> Result<u32, Refusal> {
    let units = read(text, "vcpu", UNITS_PER_VCPU).filter(|units| CPU_RANGE.contains(units));
    units.ok_or_else(|| invalid("cpu"))
}

/// Reads a task's `memory`: MiB (`512`) or GB (`2 GB`, `.5GB`). In MiB.
pub(super) fn memory(text: &str) -> Result<u32, Refusal> {
    read(text, "gb", MIB_PER_GB).filter(|mib| *mib > 0).ok_or_else(|| invalid("memory"))
}

fn invalid(setting: &str) -> Refusal {
    Refusal::client(format!(
        "Invalid '{setting}' setting for task. For more information, see the Troubleshooting section of the Amazon ECS \
         Developer Guide."
    ))
}

fn read(text: &str, unit: &str, factor: f64) -> Option<u32> {
    let lower = text.trim().to_ascii_lowercase();
    let Some(number) = lower.strip_suffix(unit) else { return lower.parse().ok() };
    let number = number.trim_end();
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let value = number.parse::<f64>().ok()? * factor;
    if value.fract() != 0.0 || value > f64::from(u32::MAX) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number in range")]
    Some(value as u32)
}

/// Refuses a pair of CPU units and MiB that Fargate does not have.
pub(super) fn check_fargate(cpu: u32, memory: u32) -> Result<(), Refusal> {
    let (least, most, step) = match cpu {
        256 => (512, 2048, 512),
        512 => (1024, 4096, 1024),
        1024 => (2048, 8192, 1024),
        2048 => (4096, 16384, 1024),
        4096 => (8192, 30720, 1024),
        8192 => (16384, 61440, 4096),
        16384 => (32768, 122_880, 8192),
        _ => return Err(no_configuration(cpu, memory)),
    };
    // 256 units come with 512, 1024 or 2048 MiB; everything else is evenly stepped.
    let odd = cpu == 256 && memory == 1536;
    if memory < least || memory > most || !(memory - least).is_multiple_of(step) || odd {
        return Err(no_configuration(cpu, memory));
    }
    Ok(())
}

fn no_configuration(cpu: u32, memory: u32) -> Refusal {
    Refusal::client(format!(
        "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS documentation \
         for the valid values."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_both_units() {
        for (text, units) in [("256", 256), ("1 vCPU", 1024), (".5 vCPU", 512), ("0.25vcpu", 256), ("2 VCPU", 2048)] {
            assert_eq!(cpu(text), Ok(units), "{text}");
        }
        for (text, mib) in [("512", 512), ("2 GB", 2048), ("2GB", 2048), (".5 gb", 512), ("30 GB", 30720)] {
            assert_eq!(memory(text), Ok(mib), "{text}");
        }
        for text in ["", "abc", "1.5", "-1", "vcpu", "1e3 vcpu", "127", "196609", "inf vcpu"] {
            let refusal = cpu(text).expect_err(text);
            assert!(refusal.message.starts_with("Invalid 'cpu' setting for task."), "{refusal}");
        }
        for text in ["", "0", "x GB", "1.00001 GB", "nan gb"] {
            let refusal = memory(text).expect_err(text);
            assert!(refusal.message.starts_with("Invalid 'memory' setting for task."), "{refusal}");
        }
    }

    #[test]
    fn fargate_has_these_74_pairs() {
        let mut pairs = Vec::new();
        for cpu in [128, 256, 300, 512, 1024, 2048, 4096, 8192, 16384, 32768] {
            for memory in (256..=130_000).step_by(256) {
                if check_fargate(cpu, memory).is_ok() {
                    pairs.push((cpu, memory));
                }
            }
        }
        let count = |cpu: u32| pairs.iter().filter(|pair| pair.0 == cpu).count();
        let counts = [256, 512, 1024, 2048, 4096, 8192, 16384].map(count);
        assert_eq!(counts, [3, 4, 7, 13, 23, 12, 12]);
        assert_eq!(pairs.len(), 74);
        assert!(check_fargate(256, 1536).is_err());
        assert_eq!(
            check_fargate(300, 512).expect_err("no such size").message.split(". ").next(),
            Some("No Fargate configuration exists for given values: 300 CPU, 512 memory")
        );
    }
}
