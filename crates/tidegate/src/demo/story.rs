//! How the demo tells what it does: each step with the AWS CLI line it stands for and its time.

use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

use crate::output::{Style, say};

/// The width to which a step's title is filled up, so that the times stand below each other.
const TITLE_WIDTH: usize = 66;

pub(super) struct Story {
    pub(super) style: Style,
    steps: usize,
}

impl Story {
    pub(super) fn new(style: Style) -> Self {
        Self { style, steps: 0 }
    }

    pub(super) fn chapter(&self, title: &str) -> io::Result<()> {
        say("")?;
        say(self.style.bold(title))
    }

    /// Does one step, which must be true, and tells it.
    pub(super) async fn step<T>(
        &mut self,
        title: &str,
        command: &str,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        self.steps += 1;
        let begun = Instant::now();
        let result = work.await;
        let style = self.style;
        let mark = if result.is_ok() { style.good("✓") } else { style.bad("✗") };
        let time = style.dim(&milliseconds(begun.elapsed()));
        say(format!("{:>3}. {title:<TITLE_WIDTH$} {mark} {time}", self.steps))?;
        for line in command.lines() {
            say(format!("     {}", style.hint(&format!("$ {line}"))))?;
        }
        result
    }
}

/// Prints what a step has shown, set in.
pub(super) fn show(text: &str) -> io::Result<()> {
    text.lines().try_for_each(|line| say(format!("     {line}")))
}

fn milliseconds(time: Duration) -> String {
    format!("{:>6.1} ms", time.as_secs_f64() * 1000.0)
}
